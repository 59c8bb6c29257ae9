//! The settings files: model, defaults, validation with line and key, JSON schema.
//!
//! [`edge::Settings`] and [`hub::Settings`] are what the rest of the program sees: every value in its own type,
//! checked. Their `parse` reads a file's text and reports everything that is wrong with it, with line,
//! column and key.
#![forbid(unsafe_code)]

pub mod edge;
mod endpoint;
pub mod hub;
mod interface;
mod mptcp;
mod network;
mod ports;
mod proxy_url;
mod secret;
mod timeout;
mod users;

pub use endpoint::{EndpointFlags, EndpointFlagsError};
pub use interface::{
    Guid, GuidError, InterfaceMatch, MacAddress, MacAddressError, Pattern, PatternError,
};
pub use mptcp::{
    ADDRESS_MAX, ByteSize, ByteSizeError, CongestionControl, CongestionControlError, Mptcp,
};
pub use network::NetworkError;
pub use ports::{PortRange, PortRangeError};
pub use proxy_url::{ProxyUrl, ProxyUrlError};
pub use secret::{Credentials, CredentialsError, Secret};
pub use timeout::{DurationError, LONGEST, Timeout};
