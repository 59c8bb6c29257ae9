//! An emulated Internet link: two TAP devices and a queueing engine between them.
//!
//! This kernel family often comes without netem, so frames pass through this process: what the
//! guest's interface sends is read from one TAP device, held by an [`Engine`] as long as the link's
//! [`Profile`] says, and written to the other. The engine is pure; [`Link`] gives it a thread.

mod control;
mod counters;
mod engine;
mod forward;
mod frame;
mod meter;
mod parse;
mod profile;
mod random;
mod tap;

pub use control::{Link, LinkEnd, LinkError, LinkHandle, LinkSpec};
pub use counters::{Counters, DirectionCounters};
pub use engine::{Departure, Engine, Fate, QueueFull};
pub(crate) use meter::LinkMeter;
pub use parse::ParseProfileError;
pub use profile::{Direction, Fraction, Profile, QueueLimit, Rate, WIRE_OVERHEAD};
pub(crate) use random::Random;
pub use tap::{Tap, TapError};
