//! The image against WSL's rules. Line numbers are those of microsoft/WSL at 3e27a6a5; "guide" is Microsoft's
//! "Build a custom Linux distribution for WSL".

use std::collections::BTreeMap;
use std::io::Read;

use flate2::read::GzDecoder;
use tar::{Archive, EntryType};

use super::*;

/// One entry, as it is unpacked.
struct Entry {
    is_folder: bool,
    mode: u32,
    owner: (u64, u64),
    time: u64,
    text: String,
}

fn bytes() -> Vec<u8> {
    Image::new(b"\x7fELF program".to_vec()).to_bytes().unwrap()
}

fn entries() -> BTreeMap<String, Entry> {
    let bytes = bytes();
    let mut archive = Archive::new(GzDecoder::new(bytes.as_slice()));
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        let header = entry.header();
        let kind = header.entry_type();
        assert!(matches!(kind, EntryType::Regular | EntryType::Directory));
        let name = entry.path().unwrap().to_string_lossy().into_owned();
        let entry = Entry {
            is_folder: kind == EntryType::Directory,
            mode: header.mode().unwrap(),
            owner: (header.uid().unwrap(), header.gid().unwrap()),
            time: header.mtime().unwrap(),
            text: String::from_utf8_lossy(&content).into_owned(),
        };
        (name.trim_end_matches('/').to_owned(), entry)
    });
    entries.collect()
}

/// Keys as `section.key`, read as WSL does: it leaves a file at the first line that it can't read
/// (`src/linux/init/WslDistributionConfig.cpp:68`), so there must be none.
fn keys(file: &str) -> BTreeMap<String, String> {
    let entries = entries();
    let (mut keys, mut section) = (BTreeMap::new(), String::new());
    for line in entries[file].text.lines() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
            section = name.to_owned();
            continue;
        }
        let (key, value) = line.split_once('=').expect(line);
        let key = key.trim();
        assert!(key.chars().all(|it| it.is_ascii_alphanumeric()), "{line}");
        let former = keys.insert(format!("{section}.{key}"), value.trim().to_owned());
        assert_eq!(former, None, "{line}: the first of two would count");
    }
    keys
}

#[test]
fn the_same_program_makes_the_same_bytes() {
    let bytes = bytes();
    assert_eq!(bytes, self::bytes());
    // RFC 1952: no name (flags), no time.
    assert_eq!(bytes[..4], [0x1f, 0x8b, 8, 0]);
    assert_eq!(bytes[4..8], [0; 4]);
    for (name, entry) in entries() {
        assert_eq!((entry.owner, entry.time), ((0, 0), 0), "{name}");
    }
}

#[test]
fn nothing_else_is_in_there() {
    let names: Vec<String> = entries().into_keys().collect();
    let mut expected: Vec<&str> = FILES.iter().map(|(name, _)| *name).collect();
    expected.extend(FOLDERS);
    expected.push(PROGRAM);
    expected.sort_unstable();
    assert_eq!(names, expected);
}

/// `/etc` or `/bin/sh` (`src/linux/init/main.cpp:2389-2425`), or it is no Linux for WSL.
#[test]
fn it_is_a_linux() {
    assert!(entries()["etc"].is_folder);
}

/// Each entry's folder is there, and before it.
#[test]
fn folders_come_first() {
    let bytes = bytes();
    let mut archive = Archive::new(GzDecoder::new(bytes.as_slice()));
    let mut seen = vec![String::new()];
    for entry in archive.entries().unwrap() {
        let name = entry
            .unwrap()
            .path()
            .unwrap()
            .to_string_lossy()
            .into_owned();
        let name = name.trim_end_matches('/').to_owned();
        let parent = name.rsplit_once('/').map_or("", |(parent, _)| parent);
        assert!(seen.iter().any(|it| it == parent), "{name}");
        seen.push(name);
    }
}

/// Root by its number, in `passwd` and `group` (guide; `init.cpp:92-98` falls back to `/bin/sh`, which there is
/// not), and a home that exists.
#[test]
fn root_is_known() {
    let entries = entries();
    let text = |name: &str| entries[name].text.clone();
    let passwd = text("etc/passwd");
    let fields: Vec<&str> = passwd.trim().split(':').collect();
    assert_eq!(fields[..4], ["root", "x", "0", "0"]);
    assert!(entries[fields[5].trim_start_matches('/')].is_folder);
    assert!(entries.contains_key(fields[6].trim_start_matches('/')));
    assert_eq!(text("etc/group"), "root:x:0:\n");
}

/// WSL writes these itself (guide: no `resolv.conf` in the file). No passwords either.
#[test]
fn what_wsl_writes_is_not_there() {
    let entries = entries();
    for name in ["etc/resolv.conf", "etc/hosts", "etc/shadow", "init"] {
        assert!(!entries.contains_key(name), "{name}");
    }
    let keys = keys("etc/wsl.conf");
    assert_eq!(keys["network.generateResolvConf"], "true");
    assert_eq!(keys["network.generateHosts"], "true");
}

/// Both files belong to root and nobody else writes them (guide: 0644).
#[test]
fn files_have_the_right_modes() {
    for (name, entry) in entries() {
        let expected = match name.as_str() {
            PROGRAM => 0o755,
            _ if entry.is_folder => 0o755,
            _ => 0o644,
        };
        assert_eq!(entry.mode, expected, "{name}");
    }
}

/// Only keys that WSL knows (`WslDistributionConfig.cpp:25-60`); nothing that needs a shell
/// (`config.cpp:993-1010`) or systemd, no Windows drives, no Windows programs.
#[test]
fn wsl_conf_asks_for_nothing_that_is_not_there() {
    const KNOWN: [&str; 20] = [
        "automount.enabled",
        "automount.ldconfig",
        "automount.mountFsTab",
        "automount.options",
        "automount.root",
        "boot.command",
        "boot.initTimeout",
        "boot.protectBinfmt",
        "boot.systemd",
        "general.guiApplications",
        "gpu.enabled",
        "interop.appendWindowsPath",
        "interop.enabled",
        "network.generateHosts",
        "network.generateResolvConf",
        "network.hostname",
        "time.useWindowsTimezone",
        "user.default",
        "fileServer.enabled",
        "filesystem.umask",
    ];
    let keys = keys("etc/wsl.conf");
    for key in keys.keys() {
        assert!(KNOWN.contains(&key.as_str()), "{key}");
    }
    assert!(!keys.contains_key("boot.command"));
    for key in [
        "boot.systemd",
        "automount.enabled",
        "automount.mountFsTab",
        "interop.enabled",
    ] {
        assert_eq!(keys[key], "false", "{key}");
    }
    assert_eq!(keys["user.default"], "root");
}

/// Neither in the Start menu nor in Terminal, and no questions at the first start
/// (`src/linux/init/main.cpp:2439-2455`).
#[test]
fn people_do_not_see_it() {
    let keys = keys("etc/wsl-distribution.conf");
    assert_eq!(keys["shortcut.enabled"], "false");
    assert_eq!(keys["windowsterminal.enabled"], "false");
    assert!(keys.keys().all(|key| !key.starts_with("oobe.")));
}

/// Where the service runs it.
#[test]
fn the_service_finds_the_program() {
    let service = include_str!("../../../../host/src/wsl.rs");
    assert!(service.contains(&format!("\"/{PROGRAM}\"")));
}
