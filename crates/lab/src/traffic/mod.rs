//! The programs at both ends of a measurement: an origin server, and clients that check every byte.
//!
//! They are plain TCP programs that know nothing of Multipath TCP, as the programs of users are. The
//! clients block; each runs on a thread inside the namespace it belongs to.

mod client;
mod content;
mod exchange;
mod messages;
mod origin;
mod series;

pub use client::Client;
pub use client::Error;
pub use client::Transfer;
pub use client::Via;
pub use content::Content;
pub use exchange::Exchanges;
pub use messages::Gaps;
pub use messages::message_gaps;
pub use origin::Origin;
pub use series::Series;
