//! Who vouches for a manifest: minisign (<https://jedisct1.github.io/minisign/>).

use std::fmt;

use minisign_verify::{PublicKey, Signature};

use crate::manifest::{Manifest, ManifestError};

/// The line that stands in for a key where there is none yet.
const PLACEHOLDER: &str = "no key yet";

/// The longest signature, in bytes. One has some 300.
const LONGEST_SIGNATURE: usize = 4 << 10;

/// A public key.
#[derive(Clone)]
pub struct Key(PublicKey);

/// Why a text is no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// There is no key yet: nothing can be trusted.
    #[error(
        "this Manypath was built without a public key for kernels; name the file of one that you trust with --key"
    )]
    Placeholder,
    /// It is none.
    #[error("it is no public key of minisign: two lines, a comment and the key")]
    Invalid,
}

/// Why a manifest is not trusted.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The signature is none.
    #[error("it has no signature of minisign; get manifest and signature again")]
    NoSignature,
    /// Signed by somebody else.
    #[error("it is signed with another key")]
    OtherKey,
    /// The manifest, or the signature, was changed.
    #[error("its signature is not right: it was changed, or damaged; get it again")]
    Forged,
    /// It is right, but no manifest.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

impl Key {
    /// Reads what minisign writes to `minisign.pub`.
    ///
    /// # Errors
    /// When it is no key.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        if text.lines().any(|line| line.trim() == PLACEHOLDER) {
            return Err(KeyError::Placeholder);
        }
        let key = PublicKey::decode(text.trim_end());
        key.map(Self).map_err(|_| KeyError::Invalid)
    }

    /// Opens a manifest, if this key has signed it.
    ///
    /// # Errors
    /// When it has not, or when it is no manifest.
    pub fn open(&self, manifest: &[u8], signature: &[u8]) -> Result<Manifest, OpenError> {
        if signature.len() > LONGEST_SIGNATURE {
            return Err(OpenError::NoSignature);
        }
        let signature = str::from_utf8(signature).ok();
        let signature = signature.and_then(|text| Signature::decode(text.trim_end()).ok());
        let signature = signature.ok_or(OpenError::NoSignature)?;
        let verified = self.0.verify(manifest, &signature, false);
        verified.map_err(|error| match error {
            minisign_verify::Error::UnexpectedKeyId => OpenError::OtherKey,
            _ => OpenError::Forged,
        })?;
        Ok(Manifest::parse(manifest)?)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Key").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use minisign::KeyPair;

    use super::*;

    const MANIFEST: &str = concat!(
        r#"{"format":1,"release":"6.1.0","source":"6.1","options":{},"#,
        r#""kernel":{"file":"bzImage","bytes":1,"sha256":"#,
        r#""0000000000000000000000000000000000000000000000000000000000000000"},"#,
        r#""modules":{"file":"modules.vhdx","bytes":1,"sha256":"#,
        r#""0000000000000000000000000000000000000000000000000000000000000000"}}"#
    );

    fn pair() -> (KeyPair, Key) {
        let pair = KeyPair::generate_unencrypted_keypair().unwrap();
        let text = pair.pk.to_box().unwrap().to_string();
        let key = Key::parse(&text).unwrap();
        (pair, key)
    }

    fn sign(pair: &KeyPair, bytes: &[u8]) -> String {
        let signature = minisign::sign(Some(&pair.pk), &pair.sk, bytes, None, None);
        signature.unwrap().to_string()
    }

    #[test]
    fn what_the_key_has_signed_is_opened() {
        let (pair, key) = pair();
        let signature = sign(&pair, MANIFEST.as_bytes());
        let manifest = key.open(MANIFEST.as_bytes(), signature.as_bytes()).unwrap();
        assert_eq!(manifest.release.as_str(), "6.1.0");
        let windows = signature.replace('\n', "\r\n");
        assert!(key.open(MANIFEST.as_bytes(), windows.as_bytes()).is_ok());
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let (pair, key) = pair();
        let signature = sign(&pair, MANIFEST.as_bytes());
        for at in 0..MANIFEST.len() {
            let mut changed = MANIFEST.as_bytes().to_vec();
            changed[at] ^= 1;
            let opened = key.open(&changed, signature.as_bytes());
            assert!(matches!(opened, Err(OpenError::Forged)), "byte {at}");
        }
    }

    #[test]
    fn others_cannot_sign() {
        let (_, key) = pair();
        let signature = sign(&pair().0, MANIFEST.as_bytes());
        let opened = key.open(MANIFEST.as_bytes(), signature.as_bytes());
        assert!(matches!(opened, Err(OpenError::OtherKey)));
        for junk in [
            "",
            "untrusted comment: x\n",
            &"A".repeat(5000),
            "\u{feff}\0",
        ] {
            let opened = key.open(MANIFEST.as_bytes(), junk.as_bytes());
            assert!(matches!(opened, Err(OpenError::NoSignature)), "{junk:.20}");
        }
    }

    #[test]
    fn what_is_signed_must_still_be_a_manifest() {
        let (pair, key) = pair();
        let hostile = MANIFEST.replace("bzImage", "../bzImage");
        let signature = sign(&pair, hostile.as_bytes());
        let opened = key.open(hostile.as_bytes(), signature.as_bytes());
        assert!(matches!(opened, Err(OpenError::Manifest(_))));
    }

    #[test]
    fn a_placeholder_is_no_key() {
        let text = include_str!("../../../guest/kernel/minisign.pub");
        // As soon as there is a key, it must be one.
        match Key::parse(text) {
            Ok(_) | Err(KeyError::Placeholder) => {}
            Err(error) => panic!("{error}"),
        }
        let placeholder = "untrusted comment: Manypath's kernels\nno key yet\n";
        assert_eq!(Key::parse(placeholder).unwrap_err(), KeyError::Placeholder);
        for text in ["", "RWQ", "untrusted comment: x\nAAAA\n"] {
            assert_eq!(Key::parse(text).unwrap_err(), KeyError::Invalid, "{text}");
        }
    }
}
