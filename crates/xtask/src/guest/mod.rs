//! `cargo xtask guest`: the distribution that the edge lives in, as a file for `wsl --import`.

mod image;
mod program;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use image::Image;

/// What an image is made from, and where it goes.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Where to write the image
    #[arg(long, value_name = "FILE", default_value = "target/manypath-guest.wsl")]
    out: PathBuf,
    /// The program to put into it; without this it is built
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

/// The largest image that is shipped: 12 MB.
const MOST: usize = 12_000_000;

/// Writes the image.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let file = match &options.program {
        Some(file) => file.clone(),
        None => program::build()?,
    };
    let program = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
    program::check(&program).with_context(|| format!("{} can't be used", file.display()))?;
    let bytes = Image::new(program).to_bytes()?;
    ensure!(
        bytes.len() <= MOST,
        "the image has {} bytes, more than {MOST}",
        bytes.len()
    );
    write(&options.out, &bytes)?;
    println!("{}: {} bytes", options.out.display(), bytes.len());
    Ok(())
}

fn write(file: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    fs::write(file, bytes).with_context(|| format!("cannot write {}", file.display()))
}
