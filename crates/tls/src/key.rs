//! The keys of both ends: Ed25519 (RFC 8032), shown to the other as raw public keys (RFC 7250).

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ring::digest;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{Ed25519KeyPair, KeyPair};
use rustls::crypto::ring::sign::any_eddsa_type;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use wire::hub::{Pin, UserKey, UserSecret};
use zeroize::Zeroizing;

const SEED: usize = 32;

/// What stands before the seed in PKCS #8 (RFC 8410 section 7, version 1: without public key).
const PKCS8_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// What stands before the key in a SubjectPublicKeyInfo (RFC 8410 section 4).
const SPKI_PREFIX: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// What a hub proves itself with. `Debug` shows the pin only.
///
/// The file is PKCS #8 in PEM, as `openssl genpkey -algorithm ed25519` writes it.
#[derive(Clone)]
pub struct HubKey {
    pkcs8: Zeroizing<Vec<u8>>,
    public: [u8; SEED],
}

/// Why a file holds no hub key. It never shows what is in the file.
#[derive(Debug, thiserror::Error)]
pub enum HubKeyError {
    /// No PEM, or PEM of something else.
    #[error("the file holds no private key in PEM (-----BEGIN PRIVATE KEY-----)")]
    NoPem(#[source] pem::Error),
    /// A key of another kind, or a damaged one. The reason is a word of ring's.
    #[error("the private key is not an Ed25519 key or is damaged ({0})")]
    NotEd25519(ring::error::KeyRejected),
}

/// The key that the hub knows the owner of `secret` by.
pub fn user_key(secret: &UserSecret) -> UserKey {
    UserKey::from_bytes(public_of_seed(secret.expose()))
}

/// A secret of 256 random bits for a new user.
pub fn generate_secret() -> UserSecret {
    UserSecret::from_bytes(*random_seed())
}

impl HubKey {
    /// A new key.
    pub fn generate() -> Self {
        let seed = random_seed();
        Self {
            pkcs8: pkcs8(&seed),
            public: public_of_seed(&seed),
        }
    }

    /// Reads what [`Self::to_pem`] or openssl wrote. With or without the public key in it.
    ///
    /// # Errors
    /// If it is something else.
    pub fn from_pem(pem: &[u8]) -> Result<Self, HubKeyError> {
        let key = PrivatePkcs8KeyDer::from_pem_slice(pem).map_err(HubKeyError::NoPem)?;
        let pkcs8 = Zeroizing::new(key.secret_pkcs8_der().to_vec());
        let pair =
            Ed25519KeyPair::from_pkcs8_maybe_unchecked(&pkcs8).map_err(HubKeyError::NotEd25519)?;
        let public = public_of_pair(&pair);
        Ok(Self { pkcs8, public })
    }

    /// The text of the key file.
    pub fn to_pem(&self) -> Zeroizing<String> {
        // 48 bytes (or 83, if a public key is in it) fit into two lines; one is as good.
        let base64 = Zeroizing::new(BASE64_STANDARD.encode(&*self.pkcs8));
        Zeroizing::new(format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            *base64
        ))
    }

    /// What edges know this hub by.
    pub fn pin(&self) -> Pin {
        pin_of_spki(&spki(&self.public))
    }

    #[cfg(test)]
    pub(crate) fn public(&self) -> &[u8; SEED] {
        &self.public
    }

    pub(crate) fn certified(&self) -> Arc<CertifiedKey> {
        certified(&self.pkcs8, &self.public)
    }
}

impl fmt::Debug for HubKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubKey").field("pin", &self.pin()).finish()
    }
}

pub(crate) fn certified_user(secret: &UserSecret) -> Arc<CertifiedKey> {
    certified(&pkcs8(secret.expose()), user_key(secret).as_bytes())
}

/// A key shown together with the private part of another one.
#[cfg(test)]
pub(crate) fn certified_as(secret: &UserSecret, shown: UserKey) -> Arc<CertifiedKey> {
    certified(&pkcs8(secret.expose()), shown.as_bytes())
}

fn certified(pkcs8: &[u8], public: &[u8; SEED]) -> Arc<CertifiedKey> {
    let key = any_eddsa_type(&PrivatePkcs8KeyDer::from(pkcs8))
        .expect("ring has read this key, or it is made of a seed, of which all are keys");
    let spki = CertificateDer::from(spki(public).to_vec());
    Arc::new(CertifiedKey::new(vec![spki], key))
}

pub(crate) fn pin_of_spki(spki: &[u8]) -> Pin {
    let digest = digest::digest(&digest::SHA256, spki);
    Pin::from_bytes(digest.as_ref().try_into().expect("SHA-256 has 32 bytes"))
}

/// The key in a SubjectPublicKeyInfo; `None` if it is not Ed25519.
pub fn user_of_spki(spki: &[u8]) -> Option<UserKey> {
    let key = spki.strip_prefix(&SPKI_PREFIX)?;
    Some(UserKey::from_bytes(key.try_into().ok()?))
}

fn spki(public: &[u8; SEED]) -> [u8; SPKI_PREFIX.len() + SEED] {
    let mut spki = [0; SPKI_PREFIX.len() + SEED];
    spki[..SPKI_PREFIX.len()].copy_from_slice(&SPKI_PREFIX);
    spki[SPKI_PREFIX.len()..].copy_from_slice(public);
    spki
}

fn pkcs8(seed: &[u8; SEED]) -> Zeroizing<Vec<u8>> {
    // With its final capacity from the start: growing would leave a copy of the seed behind.
    let mut pkcs8 = Zeroizing::new(Vec::with_capacity(PKCS8_PREFIX.len() + SEED));
    pkcs8.extend_from_slice(&PKCS8_PREFIX);
    pkcs8.extend_from_slice(seed);
    pkcs8
}

fn public_of_seed(seed: &[u8; SEED]) -> [u8; SEED] {
    let pair = Ed25519KeyPair::from_seed_unchecked(seed).expect("every 32 bytes are a seed");
    public_of_pair(&pair)
}

fn public_of_pair(pair: &Ed25519KeyPair) -> [u8; SEED] {
    let public = pair.public_key().as_ref();
    public.try_into().expect("an Ed25519 key has 32 bytes")
}

fn random_seed() -> Zeroizing<[u8; SEED]> {
    let mut seed = Zeroizing::new([0; SEED]);
    SystemRandom::new()
        .fill(&mut *seed)
        .expect("getrandom(2) of Linux does not fail");
    seed
}
