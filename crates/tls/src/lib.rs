//! TLS 1.3 between edge and hub, without I/O: keys, pins, and a channel of records.
//!
//! Both ends prove themselves by raw public keys (RFC 7250, Ed25519); no certificate is involved.
//! `docs/protocol.md` specifies the profile.
//!
//! A [`Channel`] takes TLS bytes and gives plaintext, and the other way round. Whoever owns the
//! socket moves the bytes:
//!
//! ```
//! use tls::{Channel, EdgeConfig, HubConfig, HubKey, generate_secret, user_key};
//!
//! # fn main() -> Result<(), tls::TlsError> {
//! let (key, secret) = (HubKey::generate(), generate_secret());
//! let mut edge = Channel::edge(&EdgeConfig::new(&key.pin(), &secret))?;
//! let mut hub = Channel::hub(&HubConfig::new(&key))?;
//!
//! // The handshake: each end's `outgoing` goes to the other.
//! while !(edge.is_established() && hub.is_established()) {
//!     let mut bytes = std::mem::take(edge.outgoing());
//!     hub.receive(&mut bytes, &mut |_| {})?;
//!     let mut bytes = std::mem::take(hub.outgoing());
//!     edge.receive(&mut bytes, &mut |_| {})?;
//! }
//! assert_eq!(hub.peer(), Some(user_key(&secret)));
//!
//! let (mut sealed, mut received) = (Vec::new(), Vec::new());
//! edge.seal(b"frames", &mut sealed)?;
//! hub.receive(&mut sealed, &mut |record| received.push(record.to_vec()))?;
//! assert_eq!(received, [b"frames"]);
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod channel;
mod config;
mod error;
mod hello;
mod key;
mod record;

pub use channel::{Channel, Received};
pub use config::{ALPN, DATAGRAM_ALPN, EdgeConfig, HubConfig};
pub use error::TlsError;
pub use hello::{HANDSHAKE, server_name};
pub use key::{HubKey, HubKeyError, generate_secret, user_key, user_of_spki};
pub use record::{MAX_INCOMING, sealed_len};
