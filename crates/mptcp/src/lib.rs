//! Linux Multipath TCP (RFC 8684): sockets, what the kernel tells about a connection and its
//! subflows, and the kernel's path manager.
//!
//! Everything here works in the network namespace of the calling thread, as it is at the moment a
//! socket or a handle ([`PathManager`], [`PmEvents`], [`Diag`]) is made. A handle keeps that
//! namespace wherever it is used later.

mod abi;
mod backlog;
mod bursts;
pub mod diag;
mod gather;
mod inflow;
pub mod info;
mod lacks;
pub mod pm;
mod scatter;
pub mod socket;
pub mod tuning;

pub use backlog::Backlog;
pub use bursts::Bursts;
pub use diag::{Diag, DiagError};
pub use gather::gather;
pub use inflow::Inflow;
pub use info::{ConnectionInfo, InfoError, SubflowInfo, TcpState, connection_info, token};
pub use lacks::{Feature, Lacks, lacks};
pub use pm::{
    Endpoint, EndpointFlags, EndpointId, EndpointSpec, Limits, PathManager, PathManagerError,
    PmEvent, PmEvents, PmEventsError, Subflow,
};
pub use scatter::Scatter;
pub use socket::{
    ConnectOptions, KernelSupport, ListenOptions, Listening, Opened, Transport, connect, listen,
    negotiated, open, probe,
};

async fn on_blocking_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        // Blocking work is not cancelled once it runs, and a shutting runtime doesn't poll us.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Products await these in tasks of a multi-threaded runtime.
    #[expect(dead_code, reason = "it has to compile, not to run")]
    fn futures_are_send(manager: &PathManager, events: &mut PmEvents, diag: &Diag) {
        fn is_send(_: impl Send) {}
        is_send(manager.add(&EndpointSpec {
            address: [127, 0, 0, 1].into(),
            port: None,
            interface: None,
            flags: EndpointFlags::SUBFLOW,
            id: None,
        }));
        is_send(manager.endpoints());
        is_send(events.next());
        is_send(diag.connections());
    }
}
