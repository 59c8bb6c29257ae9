//! What the two ends of TLS insist on.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{AlwaysResolvesClientRawPublicKeys, Resumption};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring};
use rustls::crypto::{ring::kx_group, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{AlwaysResolvesServerRawPublicKeys, NoServerSessionStorage};
use rustls::version::TLS13;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, OtherError,
    PeerIncompatible, ServerConfig, SignatureScheme,
};
use wire::hub::{Pin, UserSecret};

use crate::error::OtherPin;
use crate::key::{self, HubKey};

/// The name of the protocol inside TLS (RFC 7301).
pub const ALPN: &[u8] = b"manypath";

/// The name of the protocol for datagrams, inside QUIC.
pub const DATAGRAM_ALPN: &[u8] = b"manypath-datagrams";

/// What an edge needs to know for [`Channel::edge`](crate::Channel::edge). Cheap to clone.
#[derive(Clone)]
pub struct EdgeConfig {
    pub(crate) tls: Arc<ClientConfig>,
    pin: Pin,
}

/// What a hub needs to know for [`Channel::hub`](crate::Channel::hub). Cheap to clone.
#[derive(Clone)]
pub struct HubConfig {
    pub(crate) tls: Arc<ServerConfig>,
    pin: Pin,
}

impl EdgeConfig {
    /// For the hub whose key has this `pin`, as the user that has this `secret`.
    pub fn new(pin: &Pin, secret: &UserSecret) -> Self {
        let user = AlwaysResolvesClientRawPublicKeys::new(key::certified_user(secret));
        let mut tls = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])
            .expect("the provider's suites are those of TLS 1.3")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(HubWithPin(*pin)))
            .with_client_cert_resolver(Arc::new(user));
        tls.alpn_protocols = vec![ALPN.to_vec()];
        tls.enable_sni = false;
        tls.resumption = Resumption::disabled();
        Self {
            tls: Arc::new(tls),
            pin: *pin,
        }
    }

    /// The same for QUIC, which has TLS's handshake (RFC 9001): same keys, another protocol inside.
    pub fn for_datagrams(&self) -> ClientConfig {
        let mut tls = ClientConfig::clone(&self.tls);
        tls.alpn_protocols = vec![DATAGRAM_ALPN.to_vec()];
        tls
    }
}

impl HubConfig {
    /// For the hub with this `key`.
    pub fn new(key: &HubKey) -> Self {
        let hub = AlwaysResolvesServerRawPublicKeys::new(key.certified());
        let mut tls = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])
            .expect("the provider's suites are those of TLS 1.3")
            .with_client_cert_verifier(Arc::new(AnyUser))
            .with_cert_resolver(Arc::new(hub));
        tls.alpn_protocols = vec![ALPN.to_vec()];
        tls.session_storage = Arc::new(NoServerSessionStorage {});
        tls.send_tls13_tickets = 0;
        // Whoever has the slow processor chooses.
        tls.ignore_client_order = !has_aes();
        Self {
            tls: Arc::new(tls),
            pin: key.pin(),
        }
    }

    /// The same for QUIC, which has TLS's handshake (RFC 9001): same keys, another protocol inside.
    pub fn for_datagrams(&self) -> ServerConfig {
        let mut tls = ServerConfig::clone(&self.tls);
        tls.alpn_protocols = vec![DATAGRAM_ALPN.to_vec()];
        tls
    }
}

impl fmt::Debug for EdgeConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("EdgeConfig");
        shown.field("pin", &self.pin).finish_non_exhaustive()
    }
}

impl fmt::Debug for HubConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("HubConfig");
        shown.field("pin", &self.pin).finish_non_exhaustive()
    }
}

fn provider() -> Arc<CryptoProvider> {
    let mut cipher_suites = vec![
        ring::cipher_suite::TLS13_AES_128_GCM_SHA256,
        ring::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
    ];
    if !has_aes() {
        cipher_suites.reverse();
    }
    Arc::new(CryptoProvider {
        cipher_suites,
        kx_groups: vec![kx_group::X25519],
        ..ring::default_provider()
    })
}

/// Without instructions for AES (a Raspberry Pi 4 has none), ChaCha20 is several times as fast.
fn has_aes() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("aes");
    #[cfg(target_arch = "aarch64")]
    return std::arch::is_aarch64_feature_detected!("aes");
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    false
}

/// Accepts the one hub whose key has this pin.
#[derive(Debug)]
struct HubWithPin(Pin);

impl ServerCertVerifier for HubWithPin {
    fn verify_server_cert(
        &self,
        key: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let found = key::pin_of_spki(key);
        if found == self.0 {
            return Ok(ServerCertVerified::assertion());
        }
        let other = OtherError(Arc::new(OtherPin(found)));
        Err(CertificateError::Other(other).into())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _key: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify(message, key, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

/// Accepts every Ed25519 key whose owner the edge is. Whether that is a user is told inside TLS.
#[derive(Debug)]
struct AnyUser;

impl ClientCertVerifier for AnyUser {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        key: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        match key::user_of_spki(key) {
            Some(_) => Ok(ClientCertVerified::assertion()),
            None => Err(CertificateError::BadEncoding.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _key: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::SupportedVersionsExtensionRequired.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify(message, key, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

fn verify(
    message: &[u8],
    key: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    let algorithms: WebPkiSupportedAlgorithms =
        ring::default_provider().signature_verification_algorithms;
    let key = SubjectPublicKeyInfoDer::from(&**key);
    verify_tls13_signature_with_raw_key(message, &key, signed, &algorithms)
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
