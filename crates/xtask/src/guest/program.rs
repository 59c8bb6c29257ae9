//! The program in the image: `manypath`, built so that it needs no library of the system it runs on.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, bail, ensure};

/// What it is built for. Static glibc looks names up in files and by DNS without any library
/// (`nss_files` and `nss_dns` are part of it since glibc 2.34).
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Builds it as it is released, and returns where it is.
pub fn build() -> anyhow::Result<PathBuf> {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).canonicalize()?;
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(env::home_dir()?.join(".cargo")));
    let home = home.context("cannot find cargo's folder; set CARGO_HOME")?;
    // Where it was built is not to be seen in it.
    let flags = [
        "-Ctarget-feature=+crt-static".to_owned(),
        format!("--remap-path-prefix={}=manypath", root.display()),
        format!("--remap-path-prefix={}=cargo", home.display()),
    ];
    let status = Command::new(cargo)
        .current_dir(&root)
        .args(["build", "--locked", "--release", "--package", "manypath"])
        .args(["--target", TARGET])
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"))
        .env("CARGO_PROFILE_RELEASE_STRIP", "symbols")
        .status()
        .context("cannot run cargo")?;
    ensure!(status.success(), "cargo could not build the program");
    let target = env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), PathBuf::from);
    Ok(root
        .join(target)
        .join(TARGET)
        .join("release")
        .join("manypath"))
}

/// Whether it runs where there is nothing else: an ELF file of 64 bits for x86-64 without an interpreter.
///
/// # Errors
/// Says what it is instead.
pub fn check(program: &[u8]) -> anyhow::Result<()> {
    const X86_64: u16 = 62;
    const PT_INTERP: u32 = 3;
    ensure!(
        program.starts_with(b"\x7fELF\x02\x01"),
        "it is no program for Linux"
    );
    let machine = u16::from_le_bytes(field(program, 18)?);
    ensure!(machine == X86_64, "it is for another processor ({machine})");
    let table = u64::from_le_bytes(field(program, 32)?);
    let size = u16::from_le_bytes(field(program, 54)?);
    let count = u16::from_le_bytes(field(program, 56)?);
    for index in 0..u64::from(count) {
        let at = table.saturating_add(index * u64::from(size));
        let kind = u32::from_le_bytes(field(program, usize::try_from(at)?)?);
        if kind == PT_INTERP {
            bail!("it needs libraries; build it with -Ctarget-feature=+crt-static");
        }
    }
    Ok(())
}

/// Bytes of the file's head (ELF-64 object file format).
fn field<const N: usize>(program: &[u8], at: usize) -> anyhow::Result<[u8; N]> {
    let bytes = program.get(at..).and_then(|rest| rest.first_chunk());
    bytes.copied().context("the file is cut short")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_needs_libraries_is_refused() {
        let own = std::fs::read(env::current_exe().unwrap()).unwrap();
        let error = check(&own).unwrap_err().to_string();
        assert!(error.contains("needs libraries"), "{error}");
        assert!(check(b"#!/bin/sh\n").is_err());
        assert!(check(&own[..40]).is_err());
    }
}
