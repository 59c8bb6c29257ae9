//! Path health and path policy: which uplinks work, which carry, and why.
//!
//! Pure: events and the clock go in ([`Paths::handle`]), actions come out, and what a path is good for
//! at the moment can be asked ([`Paths::verdicts`]). Nothing here knows a socket.
//!
//! * `patience`: how long a path may be silent before it counts as dead.
//! * `health`: one path: is it there, does it answer, does it flap.
//! * `asking`: when to send a probe, so that a dead path is found at once and an idle one costs nothing.
//! * `policy`: from roles and health to who carries, who stands by, and who is left out.
//! * `drag`: recognises a path that makes the sum slower than the others alone.
#![forbid(unsafe_code)]

mod asking;
mod drag;
mod event;
mod health;
mod paths;
mod patience;
mod policy;
mod reason;

pub use event::{Action, Event, Link, Look, Probed};
pub use health::State;
pub use paths::{PathId, Paths, Terms, Verdict};
pub use patience::RoundTrip;
pub use policy::{Role, Use};
pub use reason::{Cost, Drag, Reason};
