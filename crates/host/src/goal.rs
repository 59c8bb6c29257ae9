//! What is wanted of the PC.

/// What is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Every Internet connection is in use.
    Up,
    /// None is, but what takes long to set up stays: switches, the distribution, `.wslconfig`.
    Down,
    /// Nothing of ours is left.
    Gone,
}
