//! A tree of the kernel's sources, and what its own Makefile does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use kernelpack::Release;

use super::config::Config;
use super::tools;

/// Where Microsoft keeps its configuration (linux-msft-wsl-6.18.y).
const OWN_BASE: &str = "arch/x86/configs/config-wsl";

/// The sources, and a folder to build in beside them.
#[derive(Debug)]
pub struct Tree {
    source: PathBuf,
    build: PathBuf,
    modules: PathBuf,
    version: String,
}

impl Tree {
    /// Looks at the sources, and makes the folder to build in.
    pub fn open(source: &Path, out: &Path) -> anyhow::Result<Self> {
        let source = fs::canonicalize(source)
            .with_context(|| format!("cannot find {}", source.display()))?;
        if !source.join("Kconfig").is_file() || !source.join("scripts/kconfig").is_dir() {
            bail!(
                "{} is no tree of the kernel's sources: it has no Kconfig",
                source.display()
            );
        }
        let build = out.join("build");
        fs::create_dir_all(&build).with_context(|| format!("cannot make {}", build.display()))?;
        let out = fs::canonicalize(out)?;
        let mut tree = Self {
            source,
            build: out.join("build"),
            modules: out.join("modules"),
            version: String::new(),
        };
        tree.version = tools::output(tree.make().args(["-s", "kernelversion"]))?;
        Ok(tree)
    }

    /// The kernel's version, without what the configuration adds to it.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Microsoft's configuration, which comes with Microsoft's trees.
    pub fn own_base(&self) -> anyhow::Result<PathBuf> {
        let base = self.source.join(OWN_BASE);
        if !base.is_file() {
            bail!(
                "{} has no {OWN_BASE}; name a configuration with --base",
                self.source.display()
            );
        }
        Ok(base)
    }

    /// What Kconfig makes of a configuration: old options go, new ones get their defaults.
    pub fn settle(&self, base: &Path) -> anyhow::Result<Config> {
        fs::copy(base, self.config()).with_context(|| format!("cannot copy {}", base.display()))?;
        self.read_settled()
    }

    /// The same with a fragment on top.
    pub fn merge(&self, base: &Path, fragment: &Path) -> anyhow::Result<Config> {
        let mut merge = Command::new(self.source.join("scripts/kconfig/merge_config.sh"));
        merge
            .arg("-m")
            .arg("-O")
            .arg(&self.build)
            .arg(base)
            .arg(fragment);
        tools::output(&mut merge)?;
        self.read_settled()
    }

    fn read_settled(&self) -> anyhow::Result<Config> {
        tools::output(self.make().args(["-s", "olddefconfig"]))?;
        let text = fs::read_to_string(self.config())?;
        Config::parse(&text).with_context(|| self.config().display().to_string())
    }

    /// Builds the kernel and its modules.
    pub fn build(&self, jobs: usize) -> anyhow::Result<()> {
        tools::show(
            self.make()
                .arg(format!("-j{jobs}"))
                .args(["-s", "bzImage", "modules"]),
        )
    }

    /// The kernel that was built.
    pub fn kernel(&self) -> PathBuf {
        self.build.join("arch/x86/boot/bzImage")
    }

    /// What the kernel calls itself.
    pub fn release(&self) -> anyhow::Result<String> {
        tools::output(self.make().args(["-s", "kernelrelease"]))
    }

    /// Puts the modules into a folder of their own, without what only a debugger wants. Gives that of the
    /// release.
    pub fn install_modules(&self, release: &Release) -> anyhow::Result<PathBuf> {
        // Those of another run may be of another release.
        match fs::remove_dir_all(&self.modules) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error)
                    .with_context(|| format!("cannot clear {}", self.modules.display()));
            }
            _ => {}
        }
        let mut install = self.make();
        install.arg(format!("INSTALL_MOD_PATH={}", self.modules.display()));
        tools::output(install.args(["-s", "INSTALL_MOD_STRIP=1", "modules_install"]))?;
        let folder = self.modules.join("lib/modules").join(release.as_str());
        // They lead to folders of the builder.
        for link in ["build", "source"] {
            let link = folder.join(link);
            if link.is_symlink() {
                fs::remove_file(&link)
                    .with_context(|| format!("cannot delete {}", link.display()))?;
            }
        }
        Ok(folder)
    }

    fn config(&self) -> PathBuf {
        self.build.join(".config")
    }

    fn make(&self) -> Command {
        let mut make = Command::new("make");
        make.arg("-C")
            .arg(&self.source)
            .arg(format!("O={}", self.build.display()));
        // Set but empty, it keeps a "+" from the release of trees that are no exact tag (scripts/setlocalversion).
        make.args(["ARCH=x86_64", "LOCALVERSION="]);
        // Who has built it is nobody's business, and would make every build another one.
        make.env("KBUILD_BUILD_USER", "manypath")
            .env("KBUILD_BUILD_HOST", "manypath");
        make
    }
}
