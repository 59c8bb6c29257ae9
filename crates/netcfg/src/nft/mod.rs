//! nftables without the `nft` program: a model of one `inet` table and its atomic replacement
//! over netlink.
//!
//! The model ([`Table`], [`Chain`], [`Rule`], [`Match`], [`Statement`]) is plain data that a pure
//! planner can build and compare. Its [`Display`](std::fmt::Display) is nft syntax, for people and
//! for `--dry-run`; [`Table::install`] programs the same thing without that text, so the system
//! needs neither `nft` nor a shell.
//!
//! Calls are blocking (one exchange with the kernel takes well under a millisecond) and act on the
//! network namespace of the calling thread.

mod check;
mod counters;
mod encode;
mod error;
mod matches;
mod model;
mod netlink;
mod ranges;
mod readback;
mod render;
mod statement;
mod transaction;
mod watch;

pub use counters::{Counted, counters};
pub use error::{Error, Problem};
pub use matches::{
    CtDirection, CtStates, InterfacePattern, InvalidPortRange, MarkTest, Match, OneOf, Ports,
    Protocol, Transport,
};
pub use model::{Base, Chain, ChainKind, Comment, Hook, InvalidName, Name, Policy, Rule, Table};
pub use readback::{Digest, installed};
pub use statement::{Nat, Reject, Statement};
pub use transaction::delete;
pub use watch::Watch;
