//! HTTP/1 proxy requests: where they are to go, and what becomes of their heads on the way.
//!
//! Pure functions over the types of crate `http`. The framing (RFC 9112 sections 6 and 7) is done by
//! hyper, in the caller.

mod credentials;
mod error;
mod hop_by_hop;
mod host;
mod request;

pub use credentials::basic_credentials;
pub use error::HttpError;
pub use hop_by_hop::strip_hop_by_hop;
pub use host::request_host;
pub use request::{ProxyRequest, proxy_request, to_origin_form};

#[cfg(test)]
mod tests;
