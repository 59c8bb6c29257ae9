#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use settings::hub::{EditError, User, UserFile};
use wire::hub::UserKey;

/// In memory: each edit waits until the file is on the disk.
static FOLDER: LazyLock<PathBuf> =
    LazyLock::new(|| format!("/dev/shm/manypath-fuzz-{}", std::process::id()).into());
static FILE: LazyLock<PathBuf> = LazyLock::new(|| FOLDER.join("users.toml"));

fuzz_target!(|text: &str| {
    let users = match UserFile::parse(text, "fuzz") {
        Ok(users) => users,
        Err(errors) => {
            assert!(errors.iter().count() > 0 && !errors.to_string().is_empty());
            return;
        }
    };
    fs::create_dir(&*FOLDER).expect("a folder");
    add(text, &users);
    for index in 0..users.iter().len() {
        remove(text, &users, index);
    }
    fs::remove_dir_all(&*FOLDER).expect("a folder");
});

fn add(text: &str, users: &UserFile) {
    let new = User::new(
        "new-user".parse().expect("a name"),
        UserKey::from_bytes([7; 32]),
    );
    fs::write(&*FILE, text).expect("a file");
    match UserFile::add(&FILE, &new) {
        Ok(()) => {
            assert!(
                fs::read_to_string(&*FILE)
                    .expect("a file")
                    .starts_with(text)
            );
            let now = UserFile::load(&*FILE).expect("users");
            assert!(now.iter().eq(users.iter().chain([&new])));
        }
        Err(EditError::Write { source, .. }) => panic!("{source}"),
        // Users in one list, or the new one's name or key.
        Err(_) => assert_eq!(fs::read_to_string(&*FILE).expect("a file"), text),
    }
}

fn remove(text: &str, users: &UserFile, index: usize) {
    let gone = users.iter().nth(index).expect("a user");
    fs::write(&*FILE, text).expect("a file");
    match UserFile::remove(&FILE, &gone.name) {
        Ok(()) => {
            let now = UserFile::load(&*FILE).expect("users");
            assert!(now.iter().eq(users.iter().filter(|user| *user != gone)));
        }
        Err(EditError::InlineList { .. }) => {
            assert_eq!(fs::read_to_string(&*FILE).expect("a file"), text);
        }
        Err(error) => panic!("{error}"),
    }
}
