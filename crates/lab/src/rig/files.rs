//! The settings files of edge and hub, in a folder of the rig's own.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use toml::{Table, Value};
use zeroize::Zeroizing;

use super::identity::{Identity, IdentityFiles, write_private};
use super::spec::{Addresses, Capture, HubProtocol, Mode, RigSpec};
use super::{HUB_PORT, LINK_PORT, PROXY_PORT, RigError};
use crate::topology::{Lab, addresses};

/// How long the hub lets connections go on when it is stopped: nobody waits for them here.
const DRAIN: &str = "100ms";
const USER: &str = "lab";
const PASSWORD: &str = "lab-password";

/// A folder that goes with its value.
#[derive(Debug)]
pub(super) struct Files {
    folder: TempDir,
    identity: Identity,
}

impl Files {
    pub(super) fn write(spec: &RigSpec, lab: &Lab) -> Result<Self, RigError> {
        let folder = tempfile::Builder::new().prefix("manypath-lab-").tempdir();
        let files = Self {
            folder: folder.map_err(RigError::Files)?,
            identity: Identity::generate(spec.hub.clone(), spec.hub_also),
        };
        let edge = merged("edge", files.edge(spec, lab), &spec.edge_settings)?;
        let hub = merged("hub", files.hub(spec.protocol), &spec.hub_settings)?;
        files.write_all(&edge, &hub).map_err(RigError::Files)?;
        Ok(files)
    }

    fn write_all(&self, edge: &str, hub: &str) -> std::io::Result<()> {
        write_private(&self.edge_settings(), edge)?;
        write_private(&self.hub_settings(), hub)?;
        write_private(&self.socks5_users(), &format!("{USER}:{PASSWORD}\n"))?;
        self.identity.write(self.folder())?;
        Ok(())
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
            out.insert("hub".into(), self.hub_url(spec.protocol).into());
        }
        let host = table([
            ("interface", addresses::eth0().to_string().into()),
            ("capture", capture.into()),
        ]);
        table([
            ("usage", text(&self.path("edge.usage"))),
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

    fn hub_url(&self, protocol: HubProtocol) -> String {
        let hub = addresses::HUB.ipv4();
        match protocol {
            HubProtocol::Manypath => self.link().to_string(),
            HubProtocol::Socks5 => format!("socks5://{USER}:{PASSWORD}@{hub}:{HUB_PORT}"),
        }
    }

    fn hub(&self, protocol: HubProtocol) -> Table {
        let any = |port| Value::from(vec![format!("[::]:{port}")]);
        let IdentityFiles { key, users } = IdentityFiles::below(self.folder());
        let mut hub = table([
            ("drain", DRAIN.into()),
            ("key", text(&key)),
            ("users", text(&users)),
            ("usage", text(&self.path("hub.usage"))),
            ("state", text(&self.path("hub.originals"))),
        ]);
        match protocol {
            HubProtocol::Manypath => hub.insert("listen".into(), any(LINK_PORT)),
            HubProtocol::Socks5 => {
                let socks5 = [
                    ("listen", any(HUB_PORT)),
                    ("users", text(&self.socks5_users())),
                ];
                hub.insert("listen".into(), Value::Array(Vec::new()));
                hub.insert("socks5".into(), table(socks5).into())
            }
        };
        hub
    }

    /// See [`super::Rig::link`].
    pub(super) fn link(&self) -> Zeroizing<String> {
        self.identity.link()
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
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

    fn socks5_users(&self) -> PathBuf {
        self.path("hub.socks5.users")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
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
