//! The VM's root file system: the image, the stand-in for WSL's init, and the kernel's modules.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

use cpio::newc::{Builder, trailer};
use flate2::read::GzDecoder;
use tar::{Archive, EntryType};

use super::{VmError, VmSpec, modules};

const FOLDER: u32 = 0o040_000;
const PLAIN: u32 = 0o100_000;

/// Writes it as the kernel unpacks it.
pub(super) fn write(spec: &VmSpec, to: &Path) -> Result<(), VmError> {
    let modules = modules::in_order(&spec.kernel)?;
    let file = File::create(to).map_err(VmError::root("cannot write", to))?;
    let mut out = BufWriter::new(file);
    let mut image = || {
        let image = File::open(&spec.image)?;
        add_image(BufReader::new(image), &mut out)
    };
    image().map_err(VmError::root("cannot read", &spec.image))?;
    let mut add_file = |from: &Path, name: &str| {
        let read = fs::read(from).map_err(VmError::root("cannot read", from))?;
        let added = add(&mut out, name, PLAIN | 0o755, &read);
        added.map_err(VmError::root("cannot write", to))
    };
    add_file(&spec.init, "init")?;
    for (index, module) in modules.iter().enumerate() {
        let name = module.file_name().unwrap_or_default().to_string_lossy();
        // The init loads them in the order of their names.
        add_file(module, &format!("modules/{index:03}-{name}"))?;
    }
    let finished = trailer(out).and_then(|mut out| out.flush());
    finished.map_err(VmError::root("cannot write", to))
}

fn add_image(image: impl Read, out: &mut impl Write) -> io::Result<()> {
    let mut archive = Archive::new(GzDecoder::new(image));
    for entry in archive.entries()? {
        let mut entry = entry?;
        let kind = match entry.header().entry_type() {
            EntryType::Directory => FOLDER,
            EntryType::Regular => PLAIN,
            other => return Err(io::Error::other(format!("an entry of kind {other:?}"))),
        };
        let name = entry.path()?.to_string_lossy().into_owned();
        let mode = entry.header().mode()?;
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        add(out, name.trim_end_matches('/'), kind | mode, &bytes)?;
    }
    add(out, "modules", FOLDER | 0o755, &[])
}

fn add(out: &mut impl Write, name: &str, mode: u32, bytes: &[u8]) -> io::Result<()> {
    let size = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    let mut entry = Builder::new(name).mode(mode).nlink(1).write(out, size);
    entry.write_all(bytes)?;
    entry.finish().map(drop)
}
