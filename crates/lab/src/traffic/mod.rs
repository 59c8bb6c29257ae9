//! The programs at both ends of a measurement: an origin server, and clients that check every byte.
//!
//! They are plain TCP programs that know nothing of Multipath TCP, as the programs of users are. The
//! clients block; each runs on a thread inside the namespace it belongs to.

mod client;
mod content;
mod exchange;
mod flow;
mod messages;
mod name_server;
mod origin;
mod received;
mod series;

pub use client::Client;
pub use client::Error;
pub use client::Transfer;
pub use client::Via;
pub use content::Content;
pub use exchange::Exchanges;
pub use flow::Direction;
pub use flow::Flow;
pub use flow::FlowSpec;
pub use messages::Gaps;
pub use messages::message_gaps;
pub use messages::message_gaps_up;
pub use name_server::NameServer;
pub use origin::Origin;
pub use series::Series;
