//! The disk image with the modules, as WSL mounts it.
//!
//! WSL puts the image's file system below `/lib/modules/<release>` (WSL `src/linux/init/main.cpp:3165-3189`),
//! so the folder's contents are at its root. Microsoft's `gen_modules_vhdx.sh` makes the same layout by
//! mounting, which takes root; this takes none.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use super::tools;

/// Room beyond the modules themselves, for the file system's own needs; empty blocks take no place in
/// the image. As much as in Microsoft's.
const SLACK: u64 = 256 << 20;

/// Makes the image of a folder `lib/modules/<release>`.
pub fn make_image(folder: &Path, image: &Path, work: &Path) -> anyhow::Result<()> {
    if !folder.join("modules.dep").is_file() {
        bail!(
            "{} has no modules.dep: is depmod installed (package kmod)?",
            folder.display()
        );
    }
    let entries = entries(folder)?;
    let bytes: u64 = entries.iter().map(|it| it.bytes).sum();
    let raw = work.join("modules.img");
    let _ = fs::remove_file(&raw);
    let mut make = Command::new("mke2fs");
    make.env("PATH", path());
    make.args(["-q", "-F", "-t", "ext4", "-m", "0", "-L", "modules", "-d"])
        .arg(folder)
        .arg(&raw);
    tools::output(make.arg(format!("{}k", (bytes + SLACK) >> 10)))?;
    give_to_root(&raw, folder, &entries, work)?;
    let mut convert = Command::new("qemu-img");
    convert.args([
        "convert",
        "-f",
        "raw",
        "-O",
        "vhdx",
        "-o",
        "subformat=dynamic",
    ]);
    tools::output(convert.arg(&raw).arg(image))?;
    fs::remove_file(&raw).with_context(|| format!("cannot delete {}", raw.display()))
}

/// Something in the folder.
struct Entry {
    path: PathBuf,
    bytes: u64,
}

fn entries(folder: &Path) -> anyhow::Result<Vec<Entry>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let failed = || format!("cannot look into {}", next.display());
        for entry in fs::read_dir(&next).with_context(failed)? {
            let path = entry.with_context(failed)?.path();
            let metadata = path.symlink_metadata().with_context(failed)?;
            if metadata.is_dir() {
                folders.push(path.clone());
            }
            found.push(Entry {
                path,
                bytes: metadata.len(),
            });
        }
    }
    Ok(found)
}

/// `mke2fs` keeps the builder as the owner, and in a distribution that may be an ordinary user, who could
/// then change modules.
fn give_to_root(image: &Path, folder: &Path, entries: &[Entry], work: &Path) -> anyhow::Result<()> {
    if fs::metadata(folder)?.uid() == 0 {
        return Ok(());
    }
    let script = work.join("modules.debugfs");
    fs::write(&script, owners(folder, entries)?)
        .with_context(|| format!("cannot write {}", script.display()))?;
    let mut debugfs = Command::new("debugfs");
    debugfs.env("PATH", path());
    tools::output(debugfs.arg("-w").arg("-f").arg(&script).arg(image))?;
    fs::remove_file(&script).with_context(|| format!("cannot delete {}", script.display()))
}

/// What has `debugfs` make root the owner of everything.
fn owners(folder: &Path, entries: &[Entry]) -> anyhow::Result<String> {
    let mut script = String::from("sif / uid 0\nsif / gid 0\n");
    for entry in entries {
        let path = entry.path.strip_prefix(folder)?.display();
        write!(script, "sif \"/{path}\" uid 0\nsif \"/{path}\" gid 0\n")?;
    }
    Ok(script)
}

/// Users' paths often lack the folder that these programs are in.
fn path() -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    format!("{path}:/usr/sbin:/sbin")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of an ordinary user's build.
    #[test]
    fn wsl_finds_roots_modules_at_the_root_of_the_disk() {
        let work = tempfile::tempdir().unwrap();
        let folder = work.path().join("6.1.0");
        let module = folder.join("kernel/net/tls.ko");
        fs::create_dir_all(module.parent().unwrap()).unwrap();
        fs::write(&module, "a module").unwrap();
        fs::write(folder.join("modules.dep"), "kernel/net/tls.ko:\n").unwrap();
        for path in [&folder, &module] {
            std::os::unix::fs::chown(path, Some(1000), Some(1000)).unwrap();
        }
        let (image, raw) = (work.path().join("modules.vhdx"), work.path().join("raw"));
        make_image(&folder, &image, work.path()).unwrap();
        let made = fs::read_dir(work.path()).unwrap().count();
        assert_eq!(made, 2, "nothing is left over");
        let start = fs::read(&image).unwrap();
        assert_eq!(start[..8], *b"vhdxfile", "as [MS-VHDX] 2.2.1 has it");
        let mut convert = Command::new("qemu-img");
        convert
            .args(["convert", "-f", "vhdx", "-O", "raw"])
            .arg(&image)
            .arg(&raw);
        tools::output(&mut convert).unwrap();
        tools::output(
            Command::new("e2fsck")
                .env("PATH", path())
                .arg("-fn")
                .arg(&raw),
        )
        .unwrap();
        let ask = |question: &str| {
            let mut debugfs = Command::new("debugfs");
            tools::output(debugfs.env("PATH", path()).args(["-R", question]).arg(&raw)).unwrap()
        };
        assert_eq!(ask("cat /kernel/net/tls.ko"), "a module");
        assert_eq!(ask("cat /modules.dep"), "kernel/net/tls.ko:");
        for path in ["/", "/kernel", "/kernel/net/tls.ko"] {
            let about = ask(&format!("stat {path}"));
            let owner = about
                .lines()
                .find(|line| line.starts_with("User:"))
                .unwrap();
            let numbers: Vec<&str> = owner.split_whitespace().collect();
            assert_eq!(numbers[..4], ["User:", "0", "Group:", "0"], "{about}");
        }
    }

    #[test]
    fn everything_is_given_to_root() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("kernel/net")).unwrap();
        fs::write(folder.path().join("kernel/net/tls.ko"), "1234").unwrap();
        let entries = entries(folder.path()).unwrap();
        assert_eq!(entries.len(), 3);
        let script = owners(folder.path(), &entries).unwrap();
        for path in [
            "/",
            "\"/kernel\"",
            "\"/kernel/net\"",
            "\"/kernel/net/tls.ko\"",
        ] {
            assert!(
                script.contains(&format!("sif {path} uid 0\nsif {path} gid 0\n")),
                "{script}"
            );
        }
    }

    #[test]
    fn modules_without_an_index_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let error = make_image(folder.path(), &folder.path().join("x"), folder.path()).unwrap_err();
        assert!(error.to_string().contains("depmod"), "{error}");
    }
}
