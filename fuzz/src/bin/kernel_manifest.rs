#![no_main]

use kernelpack::{Key, LONGEST_MANIFEST, Manifest, OpenError};
use libfuzzer_sys::fuzz_target;

/// A key of which nobody has the other half: minisign's own example.
const KEY: &str = "untrusted comment: x\nRWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";

fuzz_target!(|bytes: &[u8]| {
    if let Ok(manifest) = Manifest::parse(bytes) {
        assert!(bytes.len() <= LONGEST_MANIFEST);
        for name in [&manifest.kernel.file, &manifest.modules.file] {
            assert!(!name.as_str().contains(['/', '\\', ':', '\0']) && !name.as_str().starts_with('.'));
        }
        // Written prettily, it may be longer than it may be.
        if let Ok(written) = manifest.to_json() {
            assert_eq!(Manifest::parse(&written).unwrap(), manifest);
        }
    }
    // The input as a key, and as a manifest with a signature behind its first empty line.
    if let Ok(text) = str::from_utf8(bytes) {
        let _ = Key::parse(text);
    }
    let key = Key::parse(KEY).unwrap();
    let middle = bytes.windows(2).position(|it| it == b"\n\n").unwrap_or(bytes.len());
    let (manifest, signature) = bytes.split_at(middle);
    let opened = key.open(manifest, signature.trim_ascii_start());
    assert!(matches!(
        opened,
        Err(OpenError::NoSignature | OpenError::OtherKey | OpenError::Forged)
    ));
});
