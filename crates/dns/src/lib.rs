//! Answers DNS queries by asking other servers, over the way that works.
//!
//! A [`Resolver`] has [`Ways`] to ask: a [`Tunnel`] (TCP to a server that somebody else opens), and servers
//! that are asked from an address of this machine. When one is silent the next is asked as well, and the
//! first answer counts, so a query outlives the link that it left by. Answers are kept as long as they may
//! be, and a question that is being asked already is not asked again.
//!
//! * `request`, `answer` (pure): what a client wants, and what it is given. The messages are hickory's.
//! * `cache`, `special`, `ways` (pure): what is known, what needs no asking, and who is asked.
//! * `ask` asks one server: by UDP, by TCP, or through a tunnel.
//! * `race` asks several until one has answered; `resolver` is what the listeners of `serve` call.
#![forbid(unsafe_code)]

mod answer;
mod ask;
mod cache;
mod counters;
mod framed;
mod look_up;
mod race;
mod request;
mod resolver;
mod seen;
mod serve;
mod special;
mod system;
#[cfg(test)]
mod tests;
mod ways;

pub use ask::{Opened, Opening, Stream, Tunnel};
pub use counters::Counts;
pub use look_up::look_up;
pub use request::{Refusal, Request};
pub use resolver::Resolver;
pub use seen::Seen;
pub use serve::{Limits, Listener, Transport};
pub use system::name_servers;
pub use ways::{Upstream, Ways, Zone};

/// The port of DNS, by UDP and TCP (RFC 1035 section 4.2).
pub const PORT: u16 = 53;
