//! A DHCPv4 client (RFC 2131) for one interface, and the codec it shares with test servers.
//!
//! [`Machine`] is the protocol: events and the time go in, actions come out, no I/O. [`Client`]
//! drives it on a packet socket and publishes the lease. Neither touches addresses or routes: the
//! caller plans those from the [`Lease`].
//!
//! What this client chooses where the RFC leaves a choice:
//! * The client identifier is hardware type 1 and the MAC, as Windows and dnsmasq expect, so the
//!   same card gets the same address after a reinstall.
//! * No host name and no vendor class are sent unless the owner asks for a host name (RFC 7844).
//! * The first offer is taken, the first message is sent without the delay of RFC 2131 4.4.1, and
//!   the first repeat comes after 250 ms: a person waits for this.
//! * The broadcast flag is set on the first DISCOVER and toggled on each repeat, as Windows does. A
//!   Hyper-V switch on Wi-Fi rewrites MACs, so a unicast reply to our MAC may never arrive there;
//!   some access points drop broadcasts instead.
//! * UDP checksums are not checked: a packet that never left this machine carries a partial one.

use crate::MacAddress;

mod bootp;
mod client;
mod frame;
mod lease;
mod link_address;
mod machine;
mod option;
mod retry;
mod socket;

pub use bootp::{Message, MessageType, Operation, ParseError};
pub use client::{Client, ClientConfig};
pub use lease::Lease;
pub use machine::{Action, Event, Identity, Machine, Target};
pub use option::{OptionCode, OptionSet};
pub use socket::{Datagram, PacketSocket, SocketError};

/// The UDP port a server listens on (RFC 2131 4.1).
pub const SERVER_PORT: u16 = 67;
/// The UDP port a client listens on (RFC 2131 4.1).
pub const CLIENT_PORT: u16 = 68;

const BROADCAST_MAC: MacAddress = MacAddress([255; 6]);
