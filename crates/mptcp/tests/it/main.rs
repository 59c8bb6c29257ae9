//! Tests on the real kernel, each in network namespaces of its own. They need root.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too"
)]

mod buffers;
mod diag;
mod events;
mod net;
mod path_manager;
mod socket;
