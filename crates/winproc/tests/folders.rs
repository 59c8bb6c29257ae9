//! Where Windows keeps things.
#![cfg(windows)]

use std::path::Path;

use winproc::{KnownFolder, UserCommand};

mod support;

use support::{LONG, child};

const ALL: [(KnownFolder, &str); 3] = [
    (KnownFolder::ProgramData, r"C:\ProgramData"),
    (KnownFolder::ProgramFiles, r"C:\Program Files"),
    (KnownFolder::System, r"C:\Windows\System32"),
];

fn is_same(one: &Path, other: &str) -> bool {
    one.to_string_lossy().eq_ignore_ascii_case(other)
}

#[test]
fn the_folders_are_where_they_are_on_every_pc() {
    for (folder, usual) in ALL {
        let path = folder.path().unwrap();
        assert!(is_same(&path, usual), "{folder:?}: {path:?}");
        assert!(path.is_dir(), "{path:?}");
    }
}

/// Any user could set these before an administrator agrees to the program.
#[test]
fn what_the_environment_says_of_them_does_not_count() {
    let elsewhere = |command: UserCommand, name| command.variable(name, r"C:\Users\mallory");
    let command = [
        "ProgramData",
        "ALLUSERSPROFILE",
        "ProgramFiles",
        "ProgramW6432",
    ]
    .into_iter()
    .fold(child("folders"), elsewhere);
    let output = winproc::run(&command).unwrap().output(LONG).unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), ALL.len(), "{text}");
    for ((_, usual), line) in ALL.iter().zip(lines) {
        assert!(is_same(Path::new(line), usual), "{text}");
    }
}
