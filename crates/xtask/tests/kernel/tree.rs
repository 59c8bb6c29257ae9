//! A tree of the kernel's sources, unpacked below `target`.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// What the package installs.
const PACKAGE: &str = "/usr/src/linux-source-6.1.tar.xz";

/// What Kconfig reads; the rest need not be unpacked for it.
const FOR_KCONFIG: [&str; 6] = [
    "linux-source-6.1/Makefile",
    "*/Kconfig*",
    "linux-source-6.1/scripts/*",
    "linux-source-6.1/arch/x86/Makefile*",
    "linux-source-6.1/arch/x86/configs/*",
    "linux-source-6.1/kernel/configs/*",
];

/// A tree that options can be checked in, unpacked once for all tests.
pub fn for_kconfig() -> &'static Path {
    static TREE: OnceLock<PathBuf> = OnceLock::new();
    TREE.get_or_init(|| unpack("kconfig", &FOR_KCONFIG))
}

/// A tree that can be built.
pub fn whole() -> PathBuf {
    unpack("whole", &[])
}

/// Unpacks what matches into a folder that later runs find again.
fn unpack(what: &str, patterns: &[&str]) -> PathBuf {
    let package = fs::metadata(PACKAGE)
        .unwrap_or_else(|error| panic!("{PACKAGE}: {error}; apt-get install linux-source-6.1"));
    let state = format!("{what}-{}-{}", package.len(), package.mtime());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("linux-6.1");
    let tree = folder.join(&state);
    if tree.is_dir() {
        return tree;
    }
    let new = folder.join(format!("{state}.new"));
    let _ = fs::remove_dir_all(&new);
    fs::create_dir_all(&new).expect("a folder");
    let mut tar = Command::new("tar");
    tar.args(["-xJf", PACKAGE, "--strip-components=1", "--wildcards", "-C"]);
    succeed(tar.arg(&new).args(patterns));
    fs::rename(&new, &tree).expect("the tree gets its name");
    tree
}

/// A configuration like WSL's, in this folder: what x86 has by default, with a few options on top.
pub fn base(tree: &Path, folder: &Path) -> PathBuf {
    let make = |target: &str| {
        let mut make = Command::new("make");
        make.arg("-C")
            .arg(tree)
            .arg(format!("O={}", folder.display()));
        succeed(make.args(["-s", "ARCH=x86_64", target]));
    };
    fs::create_dir_all(folder).expect("a folder");
    make("x86_64_defconfig");
    let config = folder.join(".config");
    let like_wsl = include_str!("wsl-like.config");
    let default = fs::read_to_string(&config).expect("a configuration");
    fs::write(&config, default + like_wsl).expect("a file");
    make("olddefconfig");
    let base = folder.join("base.config");
    fs::rename(config, &base).expect("a name");
    base
}

/// Runs `cargo xtask kernel`.
pub fn kernel(tree: &Path, base: &Path, out: &Path, more: &[&str]) -> Output {
    let mut xtask = Command::new(env!("CARGO_BIN_EXE_xtask"));
    xtask
        .arg("kernel")
        .arg("--source")
        .arg(tree)
        .arg("--base")
        .arg(base)
        .arg("--out")
        .arg(out);
    xtask.args(more).output().expect("xtask runs")
}

/// What it printed, of both kinds.
pub fn words(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

/// Runs a program that must succeed, and gives what it writes.
pub fn succeed(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", words(&output));
    String::from_utf8(output.stdout).expect("it is text")
}
