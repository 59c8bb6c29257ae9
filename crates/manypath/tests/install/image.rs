//! Images of servers, and machines that can't be set up.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;

use crate::machine::{Machine, PROGRAM, Said};

fn manypath(arguments: &[&str]) -> Said {
    Said::from(
        Command::new(PROGRAM)
            .args(arguments)
            .output()
            .expect("a program"),
    )
}

/// Everything below a folder, with modes.
fn listing(folder: &str) -> String {
    let list = Command::new("find")
        .args([folder, "-printf", "%P %y %m %u %l\n"])
        .output();
    let text = String::from_utf8_lossy(&list.expect("find").stdout).into_owned();
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines.join("\n")
}

#[test]
fn an_image_gets_program_user_and_service_but_no_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().to_str().expect("a plain path");
    fs::create_dir(folder.path().join("etc")).expect("a folder");
    let said = manypath(&["hub", "install", "--root", root]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(
        said.out
            .contains("run: /usr/local/bin/manypath hub install"),
        "{said:?}"
    );

    let inside = |path: &str| folder.path().join(path);
    let program = fs::metadata(inside("usr/local/bin/manypath")).expect("a program");
    assert_eq!(program.permissions().mode() & 0o7777, 0o755);
    assert_eq!(
        program.len(),
        fs::metadata(PROGRAM).expect("a program").len()
    );
    let passwd = fs::read_to_string(inside("etc/passwd")).expect("a file");
    let user: Vec<&str> = passwd.lines().next().expect("a user").split(':').collect();
    assert_eq!((user[0], user[6]), ("manypath", "/usr/sbin/nologin"));
    let settings = fs::metadata(inside("etc/manypath")).expect("a folder");
    assert_eq!(settings.permissions().mode() & 0o7777, 0o750);
    assert_eq!(
        (settings.uid(), settings.gid().to_string()),
        (0, user[3].to_owned())
    );
    assert_eq!(
        fs::read_dir(inside("etc/manypath"))
            .expect("a folder")
            .count(),
        0
    );
    let link = inside("etc/systemd/system/multi-user.target.wants/manypath-hub.service");
    let unit = fs::read_link(link).expect("a link");
    assert_eq!(
        unit.to_str(),
        Some("/usr/local/lib/systemd/system/manypath-hub.service")
    );

    let before = listing(root);
    let again = manypath(&["hub", "install", "--root", root]);
    assert!(again.out.starts_with("nothing to do\n"), "{again:?}");
    assert_eq!(listing(root), before);

    let said = manypath(&["hub", "uninstall", "--root", root, "--purge"]);
    assert_eq!(said.code, 0, "{said:?}");
    let left = listing(root);
    assert!(!left.contains("manypath"), "{left}");
    for file in ["etc/passwd", "etc/group"] {
        let text = fs::read_to_string(inside(file)).expect("a file");
        assert!(!text.contains("manypath"), "{file}: {text}");
    }
    let again = manypath(&["hub", "uninstall", "--root", root]);
    assert_eq!((again.code, &*again.out), (0, "nothing to do\n"));
}

#[test]
fn a_dry_run_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().to_str().expect("a plain path");
    let said = manypath(&["hub", "install", "--root", root, "--dry-run"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(
        said.out.contains("make the system user manypath\n"),
        "{said:?}"
    );
    assert_eq!(fs::read_dir(root).expect("a folder").count(), 0);
    let said = manypath(&["hub", "install", "--root", "/nowhere", "--dry-run"]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.err.contains("/nowhere is no folder"), "{said:?}");
}

#[test]
fn without_systemd_it_says_what_to_do_by_hand() {
    let machine = Machine::without_systemd();
    let said = machine.manypath(&["hub", "install"]);
    assert_eq!(said.code, 1, "{said:?}");
    for words in [
        "nothing was changed",
        "useradd --system",
        "hub init",
        "setpriv --reuid manypath",
    ] {
        assert!(said.err.contains(words), "{words}: {said:?}");
    }
    assert!(!machine.exists("/usr/local/bin/manypath"));
    assert!(!machine.exists("/etc/manypath"));
    let said = machine.manypath(&["hub", "uninstall"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert_eq!(machine.asked(), [""; 0]);
}

#[test]
fn without_root_it_changes_nothing() {
    let machine = Machine::with_systemd();
    let as_nobody = [
        "--reuid",
        "65534",
        "--clear-groups",
        PROGRAM,
        "hub",
        "install",
    ];
    let said = machine.run("setpriv", &as_nobody);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("run it as root"), "{said:?}");
    assert_eq!(machine.asked(), [""; 0]);
}
