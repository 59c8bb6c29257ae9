//! The settings file, as it is and as it was when it was right.

use std::io;
use std::path::PathBuf;

use settings::edge;
use settings::host::{Adapter, Settings};
use settings::{InterfaceMatch, Pattern};
use zeroize::Zeroizing;

/// The guest's interface towards Windows (WSL `src/linux/init/config.cpp`).
const TOWARDS_HOST: &str = "eth0";

/// The file. Broken, it changes nothing until it is right again.
pub(super) struct Config {
    file: PathBuf,
    text: Option<Zeroizing<String>>,
    /// `None` until the file was right once.
    settings: Option<Settings>,
    error: Option<String>,
}

impl Config {
    pub(super) fn load(file: PathBuf) -> Self {
        let mut config = Self {
            file,
            text: None,
            settings: None,
            error: None,
        };
        config.read_again();
        config
    }

    /// What is in force.
    pub(super) fn settings(&self) -> Option<&Settings> {
        self.settings.as_ref()
    }

    /// What is wrong with the file.
    pub(super) fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// The file's text; empty if there is none.
    pub(super) fn text(&self) -> &str {
        self.text.as_deref().map_or("", String::as_str)
    }

    /// Goes by the file as it is now.
    pub(super) fn read_again(&mut self) {
        let text = match std::fs::read_to_string(&self.file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return self.complain(format!("{}: {error}", self.file.display())),
        };
        let text = Zeroizing::new(text);
        if self.text.as_ref() == Some(&text) {
            self.error = None;
            return;
        }
        match Settings::parse(&text, &self.file.display().to_string()) {
            Ok(settings) => {
                tracing::info!("the settings of {} are in force", self.file.display());
                (self.settings, self.error) = (Some(settings), None);
                self.text = Some(text);
            }
            Err(errors) => self.complain(errors.to_string()),
        }
    }

    fn complain(&mut self, error: String) {
        if self.error.as_ref() != Some(&error) {
            tracing::error!("{error}");
        }
        self.error = Some(error);
    }
}

/// The edge's settings file; `None` while no card is an uplink.
pub(super) fn for_edge(settings: &Settings, adapters: &[Adapter]) -> Option<Zeroizing<String>> {
    let host: Pattern = TOWARDS_HOST.parse().ok()?;
    let settings: Option<edge::Settings> = settings.edge(adapters, InterfaceMatch::Name(host));
    settings.map(|settings| settings.to_toml())
}
