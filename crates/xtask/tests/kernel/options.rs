//! The check of the options, by Kconfig itself.

use std::fs;
use std::path::{Path, PathBuf};

use super::tree::{base, for_kconfig, kernel, words};

const FRAGMENT: &str = include_str!("../../../../guest/kernel/manypath.config");

/// A folder in which Kconfig is built once, and a configuration to build on.
struct Bench {
    folder: tempfile::TempDir,
    base: PathBuf,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let base = base(for_kconfig(), &folder.path().join("out/build"));
        Self { folder, base }
    }

    /// Checks a fragment over a base. Gives whether they are right, and what was said.
    fn check(&self, base: &Path, fragment: &str) -> (bool, String) {
        let file = self.folder.path().join("fragment.config");
        fs::write(&file, fragment).expect("a file");
        let more = ["--check-only", "--fragment", &file.display().to_string()];
        let out = self.folder.path().join("out");
        let output = kernel(for_kconfig(), base, &out, &more);
        assert!(!out.join("bzImage").exists(), "nothing is built");
        (output.status.success(), words(&output))
    }
}

#[test]
fn the_fragment_is_right_and_nothing_less_is() {
    let bench = Bench::new();
    let (right, said) = bench.check(&bench.base, FRAGMENT);
    assert!(right, "{said}");
    assert!(
        said.contains("options of the fragment took effect"),
        "{said}"
    );
    // Each of another kind: left out by the base, a module in it, one that hangs on others. And Kconfig drops
    // without a word what it does not know, and what depends on something that is not there.
    let mut fragment = format!("{FRAGMENT}# CONFIG_CGROUPS is not set\nCONFIG_MADE_UP=y\n");
    let gone = [
        "CONFIG_MPTCP",
        "CONFIG_NFT_REDIR",
        "CONFIG_TCP_CONG_BBR",
        "CONFIG_NFT_SOCKET",
    ];
    for option in gone {
        let line = format!("\n{option}=y\n");
        assert!(fragment.contains(&line));
        fragment = fragment.replace(&line, "\n");
    }
    let (right, said) = bench.check(&bench.base, &fragment);
    assert!(!right && said.contains("are not as they must be"), "{said}");
    for option in gone {
        let complaint = said.lines().any(|line| {
            line.starts_with(&format!("{option} is ")) && line.ends_with("needs it built in")
        });
        assert!(complaint, "{option}: {said}");
    }
    assert!(
        said.contains("CONFIG_CPUSETS was y in the base and is n now"),
        "{said}"
    );
    assert!(
        said.contains("CONFIG_MADE_UP is n, and the fragment says y"),
        "{said}"
    );
    // A base of another tree.
    let other = bench.folder.path().join("other.config");
    let text = fs::read_to_string(&bench.base).unwrap();
    fs::write(&other, text + "CONFIG_OF_ANOTHER_TREE=m\n").unwrap();
    let (right, said) = bench.check(&other, FRAGMENT);
    assert!(!right, "{said}");
    assert!(
        said.contains("CONFIG_OF_ANOTHER_TREE is m in the base and n in this tree"),
        "{said}"
    );
}

#[test]
fn what_is_no_tree_and_no_configuration_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (out, junk) = (folder.path().join("out"), folder.path().join("junk.config"));
    fs::write(&junk, "<html>\n").unwrap();
    let said = words(&kernel(folder.path(), &junk, &out, &["--check-only"]));
    assert!(
        said.contains("is no tree of the kernel's sources"),
        "{said}"
    );
    let said = words(&kernel(for_kconfig(), &junk, &out, &["--check-only"]));
    assert!(
        said.contains("junk.config: line 1 is none of a kernel's configuration"),
        "{said}"
    );
}

/// What the program tells its users to enable is enabled.
#[test]
fn what_errors_ask_for_is_in_the_fragment() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut asked = Vec::new();
    for file in [
        "netcfg/src/nft/error.rs",
        "mptcp/src/socket.rs",
        "mptcp/src/diag.rs",
        "mptcp/src/pm/error.rs",
    ] {
        let text = fs::read_to_string(crates.join(file)).unwrap();
        let words = text.split(|it: char| !it.is_ascii_alphanumeric() && it != '_');
        asked.extend(
            words
                .filter(|it| it.starts_with("CONFIG_"))
                .map(str::to_owned),
        );
    }
    assert!(asked.len() > 10, "{asked:?}");
    for option in asked {
        assert!(FRAGMENT.contains(&format!("{option}=y\n")), "{option}");
    }
}
