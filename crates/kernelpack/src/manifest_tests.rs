use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::artifact::Sha256;

fn artifact(file: &str, bytes: u64) -> Artifact {
    Artifact {
        file: file.parse().unwrap(),
        bytes,
        sha256: Sha256::of(file.as_bytes()),
    }
}

fn manifest() -> Manifest {
    let options = [("CONFIG_MPTCP".to_owned(), "y".to_owned())];
    Manifest::new(
        "6.18.20.1-microsoft-standard-WSL2-manypath"
            .parse()
            .unwrap(),
        "linux-msft-wsl-6.18.20.1".to_owned(),
        options.into(),
        artifact("bzImage", 16 << 20),
        artifact("modules.vhdx", 300 << 20),
    )
    .unwrap()
}

/// The manifest as JSON, with one value exchanged.
fn with(pointer: &str, value: Value) -> Result<Manifest, ManifestError> {
    let mut json: Value = serde_json::from_slice(&manifest().to_json().unwrap()).unwrap();
    *json.pointer_mut(pointer).unwrap() = value;
    Manifest::parse(json.to_string().as_bytes())
}

fn complaint(pointer: &str, value: Value) -> String {
    let error: &dyn std::error::Error = &with(pointer, value).unwrap_err();
    let source = error.source().map(|it| format!(": {it}"));
    format!("{error}{}", source.unwrap_or_default())
}

#[test]
fn a_manifest_survives_being_written() {
    let bytes = manifest().to_json().unwrap();
    assert_eq!(Manifest::parse(&bytes).unwrap(), manifest());
    assert_eq!(with("/source", json!("x")).unwrap().source, "x");
}

#[test]
fn paths_are_no_names() {
    for name in [
        "../bzImage",
        r"C:\Windows\bzImage",
        r"\\server\share\x",
        "/etc/passwd",
        "NUL",
    ] {
        let text = complaint("/kernel/file", json!(name));
        assert!(
            text.contains("no manifest") && text.contains(&format!("{name:?}")),
            "{text}"
        );
    }
    let text = complaint("/release", json!("6.1/../../.."));
    assert!(text.contains("no kernel release"), "{text}");
    let text = complaint("/modules/file", json!("BZIMAGE"));
    assert!(text.contains("both kernel and modules"), "{text}");
}

#[test]
fn sizes_have_limits() {
    for (pointer, bytes) in [
        ("/kernel/bytes", (128 << 20) + 1),
        ("/modules/bytes", u64::MAX),
        ("/kernel/bytes", 0),
    ] {
        let text = complaint(pointer, json!(bytes));
        assert!(text.contains(&format!("has {bytes} bytes")), "{text}");
    }
    assert!(with("/kernel/bytes", json!(-1)).is_err());
    assert!(with("/kernel/bytes", json!(1e30)).is_err());
}

#[test]
fn what_is_not_known_is_refused() {
    assert!(complaint("/format", json!(2)).contains("update Manypath"));
    assert!(complaint("/kernel/sha256", json!("00")).contains("no SHA-256"));
    let mut json: Value = serde_json::from_slice(&manifest().to_json().unwrap()).unwrap();
    json["script"] = json!("rm");
    assert!(Manifest::parse(json.to_string().as_bytes()).is_err());
    json["format"] = json!(7);
    let newer = Manifest::parse(json.to_string().as_bytes());
    assert!(
        matches!(newer, Err(ManifestError::Format(7))),
        "other fields come with another form"
    );
    let long = vec![b' '; LONGEST_MANIFEST + 1];
    assert!(matches!(
        Manifest::parse(&long),
        Err(ManifestError::TooLong(_))
    ));
    assert!(Manifest::parse(&b"[".repeat(LONGEST_MANIFEST)).is_err());
}

proptest! {
    /// Whatever passes is a manifest that could have been written.
    #[test]
    fn what_is_read_can_be_written(at in 0_usize..2000, byte: u8) {
        let mut bytes = manifest().to_json().unwrap();
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Ok(read) = Manifest::parse(&bytes) {
            prop_assert_eq!(Manifest::parse(&read.to_json().unwrap()).unwrap(), read);
        }
    }
}
