//! What is wanted of the PC.

use serde::Serialize;

/// What is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// Every Internet connection is in use.
    Up,
    /// None is, but what takes long to set up stays: switches, the distribution, `.wslconfig`.
    Down,
    /// Nothing of ours is left.
    Gone,
}
