//! The kernel's in-kernel path manager, by generic netlink family `mptcp_pm`.

mod endpoint;
mod error;
mod events;

use std::net::IpAddr;

pub use endpoint::{Endpoint, EndpointFlags, EndpointId, EndpointSpec, Limits};
pub use error::PathManagerError;
pub use events::{PmEvent, PmEvents, PmEventsError, Subflow};

/// A handle on a network namespace's path manager. Changes need CAP_NET_ADMIN.
#[derive(Debug)]
pub struct PathManager {}

impl PathManager {
    /// Opens the path manager of the calling thread's network namespace.
    pub fn new() -> Result<Self, PathManagerError> {
        todo!()
    }

    /// Subscribes to the path manager's events in the calling thread's network namespace.
    /// Subscribe first and read the state after, so that nothing is lost in between.
    pub fn events() -> Result<PmEvents, PmEventsError> {
        PmEvents::new()
    }

    /// Lists the endpoints.
    pub async fn endpoints(&self) -> Result<Vec<Endpoint>, PathManagerError> {
        todo!()
    }

    /// Registers an endpoint, and opens its subflows in the running connections.
    pub async fn add(&self, spec: &EndpointSpec) -> Result<(), PathManagerError> {
        todo!("{spec:?}")
    }

    /// Removes an endpoint and closes its subflows; the peer is told over another subflow.
    /// [`PathManagerError::NotFound`] if it is gone already.
    pub async fn delete(&self, id: EndpointId) -> Result<(), PathManagerError> {
        todo!("{id}")
    }

    /// Closes the initial subflow of every connection that was opened from `address`. For an
    /// address that is not an endpoint: one that is an endpoint goes with [`Self::delete`].
    pub async fn delete_initial(&self, address: IpAddr) -> Result<(), PathManagerError> {
        todo!("{address}")
    }

    /// Sets or clears backup and fullmesh, also in running connections (MP_PRIO). The kernel
    /// ignores the other flags here.
    pub async fn set_flags(
        &self,
        id: EndpointId,
        flags: EndpointFlags,
    ) -> Result<(), PathManagerError> {
        todo!("{id} {flags:?}")
    }

    /// Removes all endpoints and their subflows.
    pub async fn flush(&self) -> Result<(), PathManagerError> {
        todo!()
    }

    /// Reads the limits.
    pub async fn limits(&self) -> Result<Limits, PathManagerError> {
        todo!()
    }

    /// Sets the limits; they apply to running connections too.
    pub async fn set_limits(&self, limits: Limits) -> Result<(), PathManagerError> {
        todo!("{limits:?}")
    }
}
