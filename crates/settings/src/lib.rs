//! The settings files: model, defaults, validation with line and key, JSON schema.
//!
//! [`edge::Settings`], [`hub::Settings`] and [`host::Settings`] are what the rest of the program sees: every value
//! in its own type, checked. Their `parse` reads a file's text and reports everything that is wrong with it, with
//! line, column and key. [`edit`] changes a file's text and keeps the comments.
//!
//! What is there on Unix only has to do with files: owners and permission bits of the hub's and the edge's, which
//! run on Linux. On Windows files have access lists, and the service writes its own.
#![forbid(unsafe_code)]

mod common;
mod data_size;
mod destination_rule;
mod dns;
mod document;
pub mod edge;
pub mod edit;
mod endpoint;
mod errors;
#[cfg(unix)]
mod file;
pub mod host;
pub mod hub;
mod hub_link;
mod interface;
mod mptcp;
mod network;
mod portal;
mod ports;
mod proxy_url;
mod quantity;
mod rate;
mod reader;
mod report;
pub mod rule;
#[cfg(unix)]
mod secrecy;
mod secret;
mod timeout;
mod users;
mod wildcard;

pub use data_size::{DataSize, DataSizeError};
pub use destination_rule::{DestinationRule, DestinationRuleError};
pub use document::{Kind, example, schema};
pub use endpoint::{EndpointFlags, EndpointFlagsError};
pub use errors::{Error, Errors, Other, Place, Problem};
#[cfg(unix)]
pub use file::{FolderLock, create_file, replace_file};
pub use hub_link::{HubLink, HubLinkError};
pub use interface::{
    Guid, GuidError, InterfaceMatch, MacAddress, MacAddressError, Pattern, PatternError,
};
pub use mptcp::{
    ADDRESS_MAX, ByteSize, ByteSizeError, CongestionControl, CongestionControlError, Mptcp,
};
pub use network::NetworkError;
pub use ports::{PortRange, PortRangeError};
pub use proxy_url::{ProxyUrl, ProxyUrlError};
pub use rate::{Rate, RateError};
#[cfg(unix)]
pub use secrecy::{ReadableByOthers, readable_by_others};
pub use secret::{Credentials, CredentialsError, Secret};
pub use timeout::{DurationError, LONGEST, Timeout};
