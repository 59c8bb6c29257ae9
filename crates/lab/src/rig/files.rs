//! The settings files of edge and hub, in a folder of the rig's own.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use toml::{Table, Value};

use super::spec::{Addresses, Capture, Mode, RigSpec};
use super::{HUB_PORT, PROXY_PORT, RigError};
use crate::topology::{Lab, addresses};

/// How long the hub lets connections go on when it is stopped: nobody waits for them here.
const DRAIN: &str = "100ms";
const USER: &str = "lab";
const PASSWORD: &str = "lab-password";

/// A folder that goes with its value.
#[derive(Debug)]
pub(super) struct Files(TempDir);

impl Files {
    pub(super) fn write(spec: &RigSpec, lab: &Lab) -> Result<Self, RigError> {
        let folder = tempfile::Builder::new().prefix("manypath-lab-").tempdir();
        let files = Self(folder.map_err(RigError::Files)?);
        let edge = merged("edge", files.edge(spec, lab), &spec.edge_settings)?;
        let hub = merged("hub", files.hub(), &spec.hub_settings)?;
        write(&files.edge_settings(), &edge)?;
        write(&files.hub_settings(), &hub)?;
        write(&files.path("hub.users"), &format!("{USER}:{PASSWORD}\n"))?;
        Ok(files)
    }

    fn edge(&self, spec: &RigSpec, lab: &Lab) -> Table {
        let capture = match spec.capture {
            Capture::All => "all",
            Capture::Proxy => "proxy",
        };
        let source = match spec.addresses {
            Addresses::Dhcp => "dhcp",
            Addresses::External => "external",
        };
        let uplinks = lab.uplinks().map(|uplink| {
            let interface = addresses::uplink_interface(uplink).to_string();
            table([
                ("interface", interface.into()),
                ("addresses", source.into()),
            ])
            .into()
        });
        let mut out = Table::new();
        if spec.mode == Mode::Double {
            let hub = addresses::HUB.ipv4();
            out.insert(
                "hub".into(),
                format!("socks5://{USER}:{PASSWORD}@{hub}:{HUB_PORT}").into(),
            );
        }
        let host = table([
            ("interface", addresses::eth0().to_string().into()),
            ("capture", capture.into()),
        ]);
        table([
            ("host", host.into()),
            ("uplink", Value::Array(uplinks.collect())),
            (
                "proxy",
                table([("port", i64::from(PROXY_PORT).into())]).into(),
            ),
            ("out", out.into()),
            (
                "control",
                table([("socket", text(&self.edge_socket()))]).into(),
            ),
        ])
    }

    fn hub(&self) -> Table {
        let socks5 = table([
            ("listen", vec![format!("[::]:{HUB_PORT}")].into()),
            ("users", text(&self.path("hub.users"))),
        ]);
        table([
            ("listen", Value::Array(Vec::new())),
            ("drain", DRAIN.into()),
            ("state", text(&self.path("hub.originals"))),
            ("socks5", socks5.into()),
        ])
    }

    pub(super) fn folder(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn edge_settings(&self) -> PathBuf {
        self.path("edge.toml")
    }

    pub(super) fn hub_settings(&self) -> PathBuf {
        self.path("hub.toml")
    }

    pub(super) fn edge_socket(&self) -> PathBuf {
        self.path("edge.sock")
    }

    pub(super) fn edge_log(&self) -> PathBuf {
        self.path("edge.log")
    }

    pub(super) fn hub_log(&self) -> PathBuf {
        self.path("hub.log")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

fn table<const N: usize>(entries: [(&str, Value); N]) -> Table {
    entries
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

fn text(path: &Path) -> Value {
    path.to_string_lossy().into_owned().into()
}

fn merged(name: &'static str, mut base: Table, more: &str) -> Result<String, RigError> {
    let more: Table = more
        .parse()
        .map_err(|source| RigError::Settings { name, source })?;
    merge(&mut base, more);
    Ok(base.to_string())
}

fn merge(base: &mut Table, more: Table) {
    for (key, value) in more {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(value)) => merge(below, value),
            (_, value) => drop(base.insert(key, value)),
        }
    }
}

fn write(path: &Path, text: &str) -> Result<(), RigError> {
    let mut open = OpenOptions::new();
    let file = open.create_new(true).write(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(RigError::Files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_settings_replace_keys_and_keep_the_others() {
        let base = table([(
            "out",
            table([("hub", "a".into()), ("wait", "b".into())]).into(),
        )]);
        let text = merged("edge", base, "[out]\nhub = \"c\"\n[bypass]\nports = [25]").unwrap();
        let result: Table = text.parse().unwrap();
        assert_eq!(result["out"]["hub"].as_str(), Some("c"));
        assert_eq!(result["out"]["wait"].as_str(), Some("b"));
        assert_eq!(result["bypass"]["ports"][0].as_integer(), Some(25));
    }
}
