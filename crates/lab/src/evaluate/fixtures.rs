//! What the origin has to offer: made once, used by all set-ups.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use tempfile::TempDir;

use super::tool::output;
use crate::topology::addresses;
use crate::traffic::Content;

/// A folder with files, which goes with the value.
#[derive(Debug)]
pub(super) struct Fixtures {
    folder: TempDir,
    quick: bool,
}

impl Fixtures {
    pub(super) fn new(quick: bool) -> io::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("manypath-evaluate-")
            .tempdir()?;
        fs::create_dir(folder.path().join(DOCUMENTS))?;
        Ok(Self { folder, quick })
    }

    /// Whether less of everything is wanted.
    pub(super) fn quick(&self) -> bool {
        self.quick
    }

    /// What the web server shows.
    pub(super) fn documents(&self) -> PathBuf {
        self.folder.path().join(DOCUMENTS)
    }

    /// A file or folder of the origin's.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A document with so many bytes that can't be compressed. `seed`: another one has other bytes.
    pub(super) fn document(&self, name: &str, bytes: u64, seed: u64) -> anyhow::Result<PathBuf> {
        let path = self.documents().join(name);
        let write = || {
            fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
            let mut file = BufWriter::new(File::create(&path)?);
            write_content(&mut file, bytes, seed)?;
            file.flush()
        };
        if !path.exists() {
            write().with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(path)
    }

    /// A key and a certificate of the origin's address, by openssl.
    pub(super) fn certificate(&self) -> anyhow::Result<Certificate> {
        let certificate = Certificate {
            key: self.path("key.pem"),
            chain: self.path("certificate.pem"),
        };
        if !certificate.chain.exists() {
            let name = format!("subjectAltName=IP:{}", addresses::ORIGIN.ipv4());
            let mut command = Command::new("openssl");
            command
                .args([
                    "req",
                    "-x509",
                    "-nodes",
                    "-days",
                    "2",
                    "-subj",
                    "/CN=origin",
                ])
                .args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
                .args(["-addext", &name, "-keyout"])
                .arg(&certificate.key)
                .arg("-out")
                .arg(&certificate.chain);
            output(&mut command)?;
        }
        Ok(certificate)
    }
}

/// Files of a TLS server.
#[derive(Debug, Clone)]
pub(super) struct Certificate {
    pub(super) key: PathBuf,
    pub(super) chain: PathBuf,
}

const DOCUMENTS: &str = "documents";

/// Far enough from each other that two documents have nothing in common.
const STRIDE: u64 = 7_919;

fn write_content(file: &mut impl Write, bytes: u64, seed: u64) -> io::Result<()> {
    let mut content = Content::at(seed * STRIDE);
    let mut rest = bytes;
    while rest > 0 {
        let piece = content.peek(rest);
        file.write_all(piece)?;
        content.advance(piece.len());
        rest -= piece.len() as u64;
    }
    Ok(())
}

/// Whether two files have the same bytes.
pub(super) fn same(one: &Path, other: &Path) -> anyhow::Result<bool> {
    let read =
        |path: &Path| fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    Ok(read(one)? == read(other)?)
}
