//! What the first bytes of a connection tell.

use crate::DomainName;

/// What the first bytes that a client sends tell of its server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opening {
    /// Nothing yet; more bytes are needed.
    Incomplete,
    /// Its name.
    Named(DomainName),
    /// Nothing, and no more bytes will change that.
    Nameless,
}
