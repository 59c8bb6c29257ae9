//! A whole build, for those who ask for it: `MANYPATH_KERNEL_BUILD=1`, or `=small` for a kernel that has little
//! beyond what the edge needs, and boots in a VM (`scripts/guest`, `built_kernel_test`). Either takes what docs/windows.md names under "The kernel", and `file`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::tree::{base, kernel, succeed, whole, words};

/// Little more than what the fragment names, and what it takes to boot in a VM.
const SMALL: &str = include_str!("small.config");

#[test]
fn kernel_and_modules_are_built() {
    let Ok(wish) = std::env::var("MANYPATH_KERNEL_BUILD") else {
        println!("MANYPATH_KERNEL_BUILD is not set: nothing is built");
        return;
    };
    let tree = whole();
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kernel");
    let config = match wish.as_str() {
        "small" => small(&tree, &out.join("base")),
        _ => base(&tree, &out.join("base")),
    };
    let output = kernel(&tree, &config, &out, &["--tag", "linux-source-6.1"]);
    assert!(output.status.success(), "{}", words(&output));
    let manifest = fs::read(out.join("manifest.json")).unwrap();
    let manifest = kernelpack::Manifest::parse(&manifest).unwrap();
    assert!(
        manifest
            .release
            .as_str()
            .ends_with("-microsoft-standard-WSL2-manypath")
    );
    assert_eq!(manifest.options["CONFIG_MPTCP"], "y");
    for artifact in [&manifest.kernel, &manifest.modules] {
        let file = fs::File::open(out.join(artifact.file.as_str())).unwrap();
        artifact.copy(file, &mut std::io::sink()).unwrap();
    }
    // The kernel says the same of itself, and WSL finds the modules where it looks for them.
    let about = succeed(Command::new("file").arg("-b").arg(out.join("bzImage")));
    assert!(about.contains(manifest.release.as_str()), "{about}");
    let names = root_of(&out.join("modules.vhdx"), &out.join("modules.img"));
    assert!(
        names.contains("modules.dep") && names.contains("kernel"),
        "{names}"
    );
}

fn small(tree: &Path, folder: &Path) -> PathBuf {
    fs::create_dir_all(folder).expect("a folder");
    let file = folder.join("small.config");
    fs::write(&file, SMALL).expect("a file");
    let mut make = Command::new("make");
    make.arg("-C")
        .arg(tree)
        .arg(format!("O={}", folder.display()));
    make.arg(format!("KCONFIG_ALLCONFIG={}", file.display()));
    succeed(make.args(["-s", "ARCH=x86_64", "allnoconfig"]));
    let config = folder.join("base.config");
    fs::rename(folder.join(".config"), &config).expect("a name");
    config
}

/// What is at the root of the image's file system.
fn root_of(image: &Path, raw: &Path) -> String {
    succeed(
        Command::new("qemu-img")
            .args(["convert", "-f", "vhdx", "-O", "raw"])
            .arg(image)
            .arg(raw),
    );
    succeed(Command::new("/sbin/e2fsck").arg("-fn").arg(raw));
    let names = succeed(
        Command::new("/sbin/debugfs")
            .args(["-R", "ls -p /"])
            .arg(raw),
    );
    fs::remove_file(raw).expect("it goes");
    names
}
