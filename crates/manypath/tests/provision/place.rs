//! A folder for a hub's files, and the program that works on it.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;
use settings::HubLink;
use settings::hub::{User, UserFile};
use tempfile::TempDir;

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_manypath");

/// The files that `init` makes.
pub const FILES: [&str; 3] = ["hub.key", "hub.toml", "hub.users.toml"];

pub struct Place {
    folder: TempDir,
}

/// What a run of the program said.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Place {
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    /// A hub with the user `first`.
    pub fn with_hub() -> (Self, HubLink) {
        let place = Self::new();
        let said = place.hub(&["init", "--host", "hub.example", "--json"]);
        let link = said.link();
        (place, link)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("a file")
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("a file");
    }

    pub fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).expect("it was there");
    }

    pub fn mode(&self, name: &str) -> u32 {
        let file = fs::metadata(self.path(name)).expect("a file");
        file.permissions().mode() & 0o7777
    }

    pub fn set_mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).expect("rights");
    }

    /// Every file with its name and text.
    pub fn files(&self) -> Vec<(String, String)> {
        let entries = fs::read_dir(self.folder.path()).expect("a folder");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        let names = names.map(|name| name.into_string().expect("UTF-8"));
        let mut files: Vec<_> = names.map(|name| (name.clone(), self.read(&name))).collect();
        files.sort();
        files
    }

    pub fn users(&self) -> Vec<User> {
        let users = UserFile::load(self.path("hub.users.toml"));
        users.expect("a users file").iter().cloned().collect()
    }

    pub fn names(&self) -> Vec<String> {
        let users = self.users().into_iter();
        users.map(|user| user.name.to_string()).collect()
    }

    /// `manypath hub WORDS` on this folder's settings.
    pub fn command(&self, words: &[&str]) -> Command {
        self.command_in(Command::new(PROGRAM), words)
    }

    /// The same where `before` ends with the program.
    pub fn command_in(&self, mut before: Command, words: &[&str]) -> Command {
        before.arg("hub").args(words);
        before.arg("--settings").arg(self.path("hub.toml"));
        before
    }

    pub fn hub(&self, words: &[&str]) -> Said {
        Said::of(self.command(words))
    }

    /// In a network namespace of its own, where the only address is the loopback's.
    pub fn hub_without_network(&self, words: &[&str]) -> Said {
        let mut unshare = Command::new("unshare");
        unshare.args(["--net", PROGRAM]);
        Said::of(self.command_in(unshare, words))
    }
}

impl Said {
    pub fn of(mut command: Command) -> Self {
        let Output {
            status,
            stdout,
            stderr,
        } = command.output().expect("a program");
        Self {
            code: status.code().unwrap_or(-1),
            out: String::from_utf8(stdout).expect("UTF-8"),
            err: String::from_utf8(stderr).expect("UTF-8"),
        }
    }

    /// What was printed with `--json`.
    pub fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{}", self.err);
        serde_json::from_str(&self.out).expect("JSON")
    }

    /// The link in it.
    pub fn link(&self) -> HubLink {
        let json = self.json();
        let link = json["link"].as_str().expect("a link");
        link.parse().expect("a link")
    }

    /// It failed, and changed nothing.
    pub fn assert_refused(&self, code: i32, says: &[&str]) {
        assert_eq!((self.code, &*self.out), (code, ""), "{}", self.err);
        for text in says {
            assert!(self.err.contains(text), "{text:?} is not in: {}", self.err);
        }
    }
}

/// The link among what was printed for people.
pub fn link_in(text: &str) -> HubLink {
    let mut words = text.split_whitespace();
    let link = words.find(|word| word.starts_with("manypath://"));
    link.expect("a link").parse().expect("a link")
}

/// A program run as a user without rights.
pub fn as_nobody(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
    command.arg(program);
    command
}
