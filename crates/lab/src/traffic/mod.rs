//! The programs at both ends of a measurement: an origin server, and clients that check every byte.
//!
//! They are plain blocking TCP programs that know nothing of Multipath TCP, as the programs of users
//! are. Each runs on a thread inside the namespace it belongs to.

mod client;
mod content;
mod messages;
mod origin;
mod series;

pub use client::Client;
pub use client::Error;
pub use client::Transfer;
pub use client::Via;
pub use content::Content;
pub use messages::Gaps;
pub use messages::message_gaps;
pub use origin::Origin;
pub use series::Series;
