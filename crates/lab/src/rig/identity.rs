//! Who a hub is, and who its user is: the files that it reads, and the link that an edge has.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use settings::HubLink;
use tls::HubKey;
use wire::{Destination, Host};
use zeroize::Zeroizing;

use super::LINK_PORT;

/// A hub's key, and one user of that hub. Both are new.
#[derive(Debug)]
pub(crate) struct Identity {
    key: HubKey,
    link: HubLink,
}

/// Where a hub finds them.
#[derive(Debug)]
pub(crate) struct IdentityFiles {
    pub(crate) key: PathBuf,
    pub(crate) users: PathBuf,
}

impl Identity {
    /// `hub` is what edges call it, `also` its other address.
    pub(crate) fn generate(hub: Host, also: Option<IpAddr>) -> Self {
        let key = HubKey::generate();
        let link = HubLink {
            secret: tls::generate_secret(),
            destination: Destination {
                host: hub,
                port: LINK_PORT,
            },
            also,
            pin: key.pin(),
        };
        Self { key, link }
    }

    /// The link, with the secret.
    pub(crate) fn link(&self) -> Zeroizing<String> {
        self.link.expose()
    }

    /// Writes the hub's files into `folder`.
    pub(crate) fn write(&self, folder: &Path) -> io::Result<IdentityFiles> {
        let files = IdentityFiles::below(folder);
        write_private(&files.key, &self.key.to_pem())?;
        write_private(&files.users, &self.users())?;
        Ok(files)
    }

    fn users(&self) -> String {
        let key = tls::user_key(&self.link.secret);
        // More connections than a measurement opens.
        format!("[[user]]\nname = \"lab\"\nkey = \"{key}\"\nmax_connections = 100000\n")
    }
}

impl IdentityFiles {
    pub(crate) fn below(folder: &Path) -> Self {
        Self {
            key: folder.join("hub.key"),
            users: folder.join("hub.users.toml"),
        }
    }
}

/// A new file that its owner alone can read, as the programs want files with secrets.
pub(crate) fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut open = OpenOptions::new();
    let file = open.create_new(true).write(true).mode(0o600).open(path);
    file?.write_all(text.as_bytes())
}
