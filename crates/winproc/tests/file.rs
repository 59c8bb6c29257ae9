//! Files with access lists.
#![cfg(windows)]

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::windows::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use winproc::{AccessList, Error, private_directory, write_like, write_private};

/// The names in a directory.
fn names(directory: &Path) -> Vec<OsString> {
    let entries = fs::read_dir(directory).expect("a directory");
    let name = |entry: io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
    let mut names: Vec<OsString> = entries.map(name).collect();
    names.sort();
    names
}

#[test]
fn a_private_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("state.json");
    // What a crash has left behind does not matter.
    fs::write(directory.path().join("state.json.new"), "rubbish").unwrap();
    for contents in ["one", "two"] {
        write_private(&file, contents.as_bytes()).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), contents);
    }
    assert_eq!(names(directory.path()), ["state.json"]);
}

/// Wine keeps no access lists of files.
#[cfg(target_env = "msvc")]
#[test]
fn nobody_else_reads_a_private_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("secret");
    write_private(&file, b"x").unwrap();
    let list = std::process::Command::new("icacls").arg(&file).output();
    let list = String::from_utf8(list.unwrap().stdout).unwrap();
    let entries = list.matches(":(").count();
    assert!(list.contains(r"NT AUTHORITY\SYSTEM:(F)"), "{list}");
    assert!(list.contains(r"BUILTIN\Administrators:(F)"), "{list}");
    assert_eq!(entries, 2, "{list}");
}

#[test]
fn what_cannot_be_written_stays_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "old").unwrap();
    // Somebody has it open, and lets nobody replace it.
    let open = File::options()
        .read(true)
        .share_mode(0x1)
        .open(&file)
        .unwrap();
    for write in [write_private, write_like] {
        let error = write(&file, b"new").unwrap_err();
        let text = format!("cannot write {}", file.display());
        assert_eq!(error.to_string(), text);
    }
    drop(open);
    assert_eq!(fs::read_to_string(&file).unwrap(), "old");
    assert!(!directory.path().join("file.new").exists());
    write_like(&file, b"new").unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), "new");
}

#[test]
fn a_file_that_is_there_keeps_its_time() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(".wslconfig");
    write_like(&file, b"one").unwrap();
    let before = fs::metadata(&file).unwrap();
    write_like(&file, b"longer").unwrap();
    let after = fs::metadata(&file).unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), "longer");
    assert_eq!(after.file_attributes(), before.file_attributes());
    assert_eq!(names(directory.path()), [".wslconfig"]);
}

#[test]
fn a_directory_for_the_service() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("service");
    private_directory(&directory, &AccessList::private()).unwrap();
    private_directory(&directory, &AccessList::private()).unwrap();
    write_private(&directory.join("file"), b"x").unwrap();
    assert_eq!(names(&directory), ["file"]);
}

#[test]
fn a_file_in_its_place() {
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("service");
    fs::write(&file, "").unwrap();
    let error = private_directory(&file, &AccessList::private()).unwrap_err();
    assert!(
        matches!(error, Error::Refused { .. } | Error::Foreign { .. }),
        "{error}"
    );
}
