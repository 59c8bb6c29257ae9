//! The kernel's in-kernel path manager, by generic netlink family `mptcp_pm`.

mod codec;
mod endpoint;
mod error;
mod events;

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use netlink_bindings::mptcp_pm;
use netlink_bindings::traits::NetlinkRequest;
use netlink_socket2::ReplyError;
use netlink_socket2::std::NetlinkSocket;

pub use endpoint::{Endpoint, EndpointFlags, EndpointId, EndpointSpec, Limits};
pub use error::PathManagerError;
pub use events::{PmEvent, PmEvents, PmEventsError, Subflow};

/// A handle on a network namespace's path manager. Changes need CAP_NET_ADMIN.
///
/// The kernel does its work within the system call, and a deletion waits for an RCU grace period
/// (milliseconds). So each operation runs on tokio's threads for blocking work.
#[derive(Clone)]
pub struct PathManager {
    socket: Arc<Mutex<NetlinkSocket>>,
}

impl fmt::Debug for PathManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PathManager").finish_non_exhaustive()
    }
}

impl PathManager {
    /// Opens the path manager of the calling thread's network namespace.
    pub fn new() -> Result<Self, PathManagerError> {
        let mut socket = NetlinkSocket::new();
        // The library opens its socket at the first request. It must be here: a later request
        // comes from a thread that may be in another namespace.
        get_limits(&mut socket).map_err(|error| match error {
            PathManagerError::Rejected { source, .. } => PathManagerError::Unavailable(source),
            other => other,
        })?;
        Ok(Self {
            socket: Arc::new(Mutex::new(socket)),
        })
    }

    /// Subscribes to the path manager's events in the calling thread's network namespace.
    /// Subscribe first and read the state after, so that nothing is lost in between.
    pub fn events() -> Result<PmEvents, PmEventsError> {
        PmEvents::new()
    }

    /// Lists the endpoints.
    pub async fn endpoints(&self) -> Result<Vec<Endpoint>, PathManagerError> {
        self.blocking(list).await
    }

    /// Registers an endpoint, and opens its subflows in the running connections.
    /// [`PathManagerError::Exists`] if the address is an endpoint already.
    pub async fn add(&self, spec: &EndpointSpec) -> Result<(), PathManagerError> {
        let spec = spec.clone();
        self.blocking(move |socket| {
            let mut request = mptcp_pm::Request::new().op_add_addr_do();
            codec::push_spec(request.encode().nested_addr(), &spec);
            let result = acknowledged(socket, &request, || format!("adding endpoint {spec}"));
            result.map_err(|error| why_not_added(socket, error, spec))
        })
        .await
    }

    /// Removes an endpoint and closes its subflows; the peer is told over another subflow.
    /// [`PathManagerError::NotFound`] if it is gone already.
    pub async fn delete(&self, id: EndpointId) -> Result<(), PathManagerError> {
        self.blocking(move |socket| {
            if id == EndpointId::INITIAL {
                return Err(PathManagerError::NotFound { id });
            }
            let mut request = mptcp_pm::Request::new().op_del_addr_do();
            request.encode().nested_addr().push_id(id.0);
            let result = acknowledged(socket, &request, || format!("deleting endpoint {id}"));
            result.map_err(|error| why_not_found(socket, error, id))
        })
        .await
    }

    /// Closes the initial subflow of every connection that was opened from `address`. For an
    /// address that is not an endpoint: one that is an endpoint goes with [`Self::delete`].
    pub async fn delete_initial(&self, address: IpAddr) -> Result<(), PathManagerError> {
        self.blocking(move |socket| {
            let mut request = mptcp_pm::Request::new().op_del_addr_do();
            let attributes = request
                .encode()
                .nested_addr()
                .push_id(EndpointId::INITIAL.0);
            codec::push_address(attributes, address);
            acknowledged(socket, &request, || {
                format!("closing initial subflows of {address}")
            })
        })
        .await
    }

    /// Sets or clears backup and fullmesh, also in running connections (MP_PRIO). The kernel
    /// ignores the other flags here. [`PathManagerError::NotFound`] if there is no such endpoint.
    pub async fn set_flags(
        &self,
        id: EndpointId,
        flags: EndpointFlags,
    ) -> Result<(), PathManagerError> {
        self.blocking(move |socket| {
            let mut request = mptcp_pm::Request::new().op_set_flags_do();
            request
                .encode()
                .nested_addr()
                .push_id(id.0)
                .push_flags(flags.bits());
            let what = || format!("setting the flags of endpoint {id} to ({flags})");
            let result = acknowledged(socket, &request, what);
            result.map_err(|error| why_not_found(socket, error, id))
        })
        .await
    }

    /// Removes all endpoints and their subflows.
    pub async fn flush(&self) -> Result<(), PathManagerError> {
        self.blocking(|socket| {
            let mut request = mptcp_pm::Request::new().op_flush_addrs_do();
            // The kernel's policy wants the attribute, and reads nothing from it.
            let _ = request.encode().nested_addr();
            acknowledged(socket, &request, || "deleting all endpoints".into())
        })
        .await
    }

    /// Reads the limits.
    pub async fn limits(&self) -> Result<Limits, PathManagerError> {
        self.blocking(get_limits).await
    }

    /// Sets the limits; they apply to running connections too.
    pub async fn set_limits(&self, limits: Limits) -> Result<(), PathManagerError> {
        self.blocking(move |socket| {
            if limits.subflows > Limits::MAX || limits.add_addr_accepted > Limits::MAX {
                return Err(PathManagerError::Limits { limits });
            }
            let mut request = mptcp_pm::Request::new().op_set_limits_do();
            let attributes = request
                .encode()
                .push_rcv_add_addrs(limits.add_addr_accepted);
            let _ = attributes.push_subflows(limits.subflows);
            acknowledged(socket, &request, || format!("setting {limits}"))
        })
        .await
    }

    async fn blocking<T, F>(&self, operation: F) -> Result<T, PathManagerError>
    where
        T: Send + 'static,
        F: FnOnce(&mut NetlinkSocket) -> Result<T, PathManagerError> + Send + 'static,
    {
        let socket = Arc::clone(&self.socket);
        crate::on_blocking_thread(move || {
            // A panic between request and answer leaves an answer behind; it is skipped by its
            // sequence number.
            operation(&mut socket.lock().unwrap_or_else(PoisonError::into_inner))
        })
        .await
    }
}

fn list(socket: &mut NetlinkSocket) -> Result<Vec<Endpoint>, PathManagerError> {
    let what = || "listing endpoints".to_owned();
    let request = mptcp_pm::Request::new().op_get_addr_dump();
    let mut reply = socket
        .request(&request)
        .map_err(|e| PathManagerError::rejected(what(), e.into()))?;
    let mut endpoints = Vec::new();
    while let Some(attributes) = reply.recv() {
        let attributes = attributes.map_err(|e| PathManagerError::rejected(what(), e))?;
        let endpoint = codec::endpoint(&attributes);
        endpoints.push(endpoint.map_err(|missing| PathManagerError::malformed(what(), missing))?);
    }
    Ok(endpoints)
}

fn get_limits(socket: &mut NetlinkSocket) -> Result<Limits, PathManagerError> {
    let what = || "reading the limits".to_owned();
    let request = mptcp_pm::Request::new().op_get_limits_do();
    let mut reply = socket
        .request(&request)
        .map_err(|e| PathManagerError::rejected(what(), e.into()))?;
    let attributes = reply
        .recv_one()
        .map_err(|e| PathManagerError::rejected(what(), e))?;
    codec::limits(&attributes).map_err(|missing| PathManagerError::malformed(what(), missing))
}

fn acknowledged<R: NetlinkRequest>(
    socket: &mut NetlinkSocket,
    request: &R,
    what: impl Fn() -> String,
) -> Result<(), PathManagerError> {
    socket
        .request(request)
        .map_err(ReplyError::from)
        .and_then(|mut reply| reply.recv_ack())
        .map_err(|error| PathManagerError::rejected(what(), error))
}

/// Kernels answer EEXIST, EBUSY, ERANGE or, before 6.3, EINVAL for all of them; the list of
/// endpoints tells which it is.
fn why_not_added(
    socket: &mut NetlinkSocket,
    error: PathManagerError,
    wanted: EndpointSpec,
) -> PathManagerError {
    match (&error, list(socket)) {
        (PathManagerError::Rejected { .. }, Ok(existing)) => {
            PathManagerError::of_add(error, wanted, existing)
        }
        _ => error,
    }
}

/// The kernel's EINVAL for an endpoint that isn't there has other causes too.
fn why_not_found(
    socket: &mut NetlinkSocket,
    error: PathManagerError,
    id: EndpointId,
) -> PathManagerError {
    match (&error, list(socket)) {
        (PathManagerError::Rejected { .. }, Ok(existing))
            if existing.iter().all(|endpoint| endpoint.id != id) =>
        {
            PathManagerError::NotFound { id }
        }
        _ => error,
    }
}
