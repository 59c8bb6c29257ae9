//! What an access network offers its guests: a DHCP server and router advertisements.
//!
//! Both run on a thread of their own inside the network's namespace and stop when dropped.

mod advertisement;
mod dhcp_server;
mod responder;
mod router;
mod service;
#[cfg(test)]
mod tests;

pub use dhcp_server::{DhcpServer, DhcpServerConfig};
pub use responder::{DhcpCounters, DhcpMode};
pub use router::{RouterAdvertiser, RouterConfig};
pub use service::AccessError;
