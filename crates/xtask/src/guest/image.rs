//! What is in the image, and how it becomes bytes: the same ones each time.

use std::io;

use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header};

#[cfg(test)]
mod tests;

/// Where the program is: the service runs it by this path (`host::wsl`).
const PROGRAM: &str = "usr/bin/manypath";

const PLAIN: u32 = 0o644;
const EXECUTABLE: u32 = 0o755;

/// The folders, parents first. WSL makes `/dev`, `/proc`, `/sys`, `/run`, `/tmp`, `/bin` and `/sbin` by itself
/// (WSL `src/linux/init/config.cpp`).
const FOLDERS: [&str; 6] = ["etc", "root", "usr", "usr/bin", "var", "var/lib"];

/// No `resolv.conf` and no `hosts`: WSL writes them. No certificates: a hub's key is pinned.
const FILES: [(&str, &str); 5] = [
    ("etc/group", include_str!("../../../../guest/etc/group")),
    (
        "etc/nsswitch.conf",
        include_str!("../../../../guest/etc/nsswitch.conf"),
    ),
    ("etc/passwd", include_str!("../../../../guest/etc/passwd")),
    (
        "etc/wsl-distribution.conf",
        include_str!("../../../../guest/etc/wsl-distribution.conf"),
    ),
    (
        "etc/wsl.conf",
        include_str!("../../../../guest/etc/wsl.conf"),
    ),
];

/// A root file system with one program.
pub struct Image {
    program: Vec<u8>,
}

impl Image {
    /// Around a program that needs no libraries.
    pub fn new(program: Vec<u8>) -> Self {
        Self { program }
    }

    /// A tar file, compressed by gzip. No times, names or owners of the machine that makes it are in there.
    pub fn to_bytes(&self) -> io::Result<Vec<u8>> {
        // `GzBuilder` puts no time and no name into the head. The byte for the operating system is
        // Linux's, wherever it is built.
        let gzip = GzBuilder::new()
            .operating_system(3)
            .write(Vec::new(), Compression::best());
        let mut tar = Builder::new(gzip);
        for name in FOLDERS {
            add(&mut tar, name, EntryType::Directory, EXECUTABLE, &[])?;
        }
        for (name, text) in FILES {
            add(&mut tar, name, EntryType::Regular, PLAIN, text.as_bytes())?;
        }
        add(
            &mut tar,
            PROGRAM,
            EntryType::Regular,
            EXECUTABLE,
            &self.program,
        )?;
        tar.into_inner()?.finish()
    }
}

fn add(
    tar: &mut Builder<impl io::Write>,
    name: &str,
    kind: EntryType,
    mode: u32,
    bytes: &[u8],
) -> io::Result<()> {
    let mut header = Header::new_ustar();
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(bytes.len() as u64);
    tar.append_data(&mut header, name, bytes)
}
