//! The real program on Windows: what is the same everywhere.
#![cfg(windows)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn manypath(arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_manypath");
    let run = Command::new(program).args(arguments).output();
    run.expect("the program starts")
}

fn printed(arguments: &[&str]) -> String {
    let output = manypath(arguments);
    let (printed, trouble) = (output.stdout, String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{trouble}");
    String::from_utf8(printed).expect("it is text")
}

/// Exit code, standard output and standard error of a check.
fn check(file: &Path, text: &[u8]) -> (Option<i32>, String, String) {
    fs::write(file, text).expect("a file");
    let output = manypath(&["settings", "check", &file.display().to_string()]);
    let text = |bytes| String::from_utf8(bytes).expect("it is text");
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn it_helps() {
    let help = printed(&["settings", "--help"]);
    assert!(help.contains("Check a file"), "{help}");
    assert!(printed(&["--version"]).starts_with("manypath "));
    assert_eq!(
        manypath(&["edge"]).status.code(),
        Some(2),
        "Linux' commands are not here"
    );
}

#[test]
fn the_example_and_the_schema_are_those_of_the_host() {
    let example = printed(&["settings", "example"]);
    assert_eq!(example, settings::example(settings::Kind::Host));
    let schema = printed(&["settings", "schema"]);
    let schema: serde_json::Value = serde_json::from_str(&schema).expect("it is JSON");
    assert_eq!(schema["title"], "Manypath host settings");
    assert_ne!(printed(&["settings", "example", "edge"]), example);
}

#[test]
fn a_file_of_notepads_is_checked() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("settings.toml");
    let shown = file.display();
    let right =
        "\u{feff}uplinks = \"all\"\r\n[[uplink]]\r\nadapter = \"WLAN\"\r\nrole = \"off\"\r\n";
    let expected = (Some(0), format!("{shown} is right\n"), String::new());
    assert_eq!(check(&file, right.as_bytes()), expected);
    let wrong = right.replace("off", "of");
    let (code, out, trouble) = check(&file, wrong.as_bytes());
    assert_eq!((code, out.as_str()), (Some(2), ""));
    let start = format!("{shown}:4:8: uplink[0].role: \"of\" is not known here");
    assert!(trouble.starts_with(&start), "{trouble}");
    // What Notepad calls Unicode.
    let units = right.encode_utf16().flat_map(u16::to_le_bytes);
    let (code, _, trouble) = check(&file, &units.collect::<Vec<_>>());
    assert_eq!(code, Some(2));
    assert!(trouble.contains("is not UTF-8 text"), "{trouble}");
    fs::remove_file(&file).expect("a file");
    let output = manypath(&["settings", "check", &shown.to_string()]);
    let trouble = String::from_utf8_lossy(&output.stderr);
    assert!(trouble.contains("cannot be read"), "{trouble}");
}

#[test]
fn kernels_need_the_service() {
    let said = |arguments: &[&str]| {
        let output = manypath(arguments);
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let install = said(&["kernel", "install", "--yes", "manifest.json"]);
    assert!(install.contains("run manypath install first"), "{install}");
    let check = said(&["kernel", "check", "--json"]);
    assert!(check.contains("the service can't be asked"), "{check}");
}
