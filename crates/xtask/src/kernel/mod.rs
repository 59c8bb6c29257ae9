//! `cargo xtask kernel`: from a tree of WSL's kernel to what is handed out.
//!
//! [`tree`] runs Kconfig and make, [`check`] compares what came out with what is wanted and what there was,
//! [`modules`] makes the disk image, and [`write_manifest`] says what it all is.

mod check;
mod config;
mod modules;
mod needs;
mod tools;
mod tree;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use kernelpack::{Artifact, Manifest, Release};

use self::check::Configs;
use self::config::Config;
use self::tree::Tree;

/// The fragment of this repository.
const FRAGMENT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../guest/kernel/manypath.config"
);

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// A tree of WSL's kernel (github.com/microsoft/WSL2-Linux-Kernel).
    #[arg(long, value_name = "DIR")]
    source: PathBuf,
    /// The configuration to build on. Without it: arch/x86/configs/config-wsl of the tree.
    #[arg(long, value_name = "CONFIG")]
    base: Option<PathBuf>,
    /// What Manypath puts on top of it.
    #[arg(long, value_name = "CONFIG", default_value = FRAGMENT)]
    fragment: PathBuf,
    /// Where everything goes. What is there of an earlier run is used again.
    #[arg(long, value_name = "DIR", default_value = "target/kernel")]
    out: PathBuf,
    /// What the manifest says that it was built from. Without it: the version of the tree.
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// How many compilers run at a time. Without it: one for each processor.
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Check the options, and build nothing.
    #[arg(long)]
    check_only: bool,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let tree = Tree::open(&arguments.source, &arguments.out)?;
    let base = match &arguments.base {
        Some(base) => base.clone(),
        None => tree.own_base()?,
    };
    say(&format!(
        "options of {} with {}",
        tree.version(),
        base.display()
    ));
    let (fragment, result) = configure(&tree, &base, &arguments.fragment)?;
    if arguments.check_only {
        return Ok(());
    }
    let jobs = match arguments.jobs {
        Some(jobs) => jobs,
        None => std::thread::available_parallelism()?.get(),
    };
    say(&format!("building kernel and modules, {jobs} at a time"));
    tree.build(jobs)?;
    let release: Release = tree.release()?.parse()?;
    say("installing modules");
    let folder = tree.install_modules(&release)?;
    say("making modules.vhdx");
    let image = arguments.out.join("modules.vhdx");
    modules::make_image(&folder, &image, &arguments.out)?;
    let kernel = arguments.out.join("bzImage");
    fs::copy(tree.kernel(), &kernel)
        .with_context(|| format!("cannot write {}", kernel.display()))?;
    let source = arguments
        .tag
        .clone()
        .unwrap_or_else(|| tree.version().to_owned());
    let wanted = fragment
        .options()
        .map(|(name, _)| (name.to_owned(), result.get(name).to_string()));
    write_manifest(&arguments.out, release, source, wanted.collect())
}

/// Has Kconfig merge base and fragment. Gives the fragment, and what came out, if it is right.
fn configure(tree: &Tree, base: &Path, fragment: &Path) -> anyhow::Result<(Config, Config)> {
    let raw = read(base)?;
    let settled = tree.settle(base)?;
    let result = tree.merge(base, fragment)?;
    let fragment = read(fragment)?;
    let findings = check::check(&Configs {
        base: &raw,
        settled: &settled,
        fragment: &fragment,
        result: &result,
    });
    if !findings.is_empty() {
        findings.iter().for_each(|finding| eprintln!("{finding}"));
        bail!("{} options are not as they must be", findings.len());
    }
    let kept = settled.options().count();
    say(&format!(
        "all {} options of the fragment took effect, and none of the base's {kept} was lost",
        fragment.options().count()
    ));
    Ok((fragment, result))
}

fn read(file: &Path) -> anyhow::Result<Config> {
    let text =
        fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    Config::parse(&text).with_context(|| file.display().to_string())
}

/// Says what kernel and modules in the folder are.
fn write_manifest(
    folder: &Path,
    release: Release,
    source: String,
    options: BTreeMap<String, String>,
) -> anyhow::Result<()> {
    let measure = |name: &str| {
        let file = folder.join(name);
        let failed = || format!("cannot read {}", file.display());
        let artifact =
            Artifact::measure(name.parse()?, &mut File::open(&file).with_context(failed)?);
        anyhow::Ok(artifact.with_context(failed)?)
    };
    let (kernel, modules) = (measure("bzImage")?, measure("modules.vhdx")?);
    say(&format!(
        "{release}: kernel of {} bytes, modules of {} bytes",
        kernel.bytes, modules.bytes
    ));
    let manifest = Manifest::new(release, source, options, kernel, modules)?;
    let file = folder.join("manifest.json");
    fs::write(&file, manifest.to_json()?)
        .with_context(|| format!("cannot write {}", file.display()))?;
    say(&format!(
        "written: {}; sign it with: minisign -S -m manifest.json",
        file.display()
    ));
    Ok(())
}

fn say(step: &str) {
    println!("==> {step}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_says_what_is_in_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("bzImage"), "kernel").unwrap();
        let release: Release = "6.1.192".parse().unwrap();
        let options = BTreeMap::from([("CONFIG_MPTCP".to_owned(), "y".to_owned())]);
        let write = || {
            write_manifest(
                folder.path(),
                release.clone(),
                "tag".to_owned(),
                options.clone(),
            )
        };
        let error = format!("{:#}", write().unwrap_err());
        assert!(error.contains("modules.vhdx"), "{error}");
        fs::write(folder.path().join("modules.vhdx"), "modules").unwrap();
        write().unwrap();
        let manifest =
            Manifest::parse(&fs::read(folder.path().join("manifest.json")).unwrap()).unwrap();
        assert_eq!(
            (manifest.release, manifest.source, manifest.options),
            (release, "tag".to_owned(), options)
        );
        assert_eq!(manifest.kernel.sha256, kernelpack::Sha256::of(b"kernel"));
        assert_eq!(manifest.modules.bytes, 7);
    }
}
