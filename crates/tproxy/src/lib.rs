//! Takes in UDP that was sent to others, as nftables' `tproxy` hands it over, and answers in their name; hears that nobody
//! listens somewhere, and tells it.
//!
//! Needs CAP_NET_ADMIN (IP_TRANSPARENT, ip(7)).

mod message;
mod receive;
mod refusal;
mod reply;

pub use receive::{Intercepted, Listener};
pub use refusal::{Refusals, hear_refusals, refused};
pub use reply::Replies;
