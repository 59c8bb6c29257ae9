//! Windows' own `computecore.dll` and `computenetwork.dll`.
//!
//! Both are loaded at run time, because they are there only if the Virtual Machine Platform is on. They
//! stay loaded, since a callback may be on its way at any time.
//!
//! * `library`: finds functions; `text`: strings in, strings out.
//! * `core`, `network`: the calls of one DLL each, with their handles.
//! * `callbacks`: what those call, by a number instead of a pointer.
#![expect(unsafe_code, reason = "calls of functions that a DLL exports")]

mod callbacks;
mod core;
mod library;
mod network;
mod text;

use uuid::Uuid;

use crate::{Api, Failure, HResult, LoadError, NetworkEvent, Registration, SystemEvent};

/// Windows.
#[derive(Debug)]
pub struct Dlls {
    core: core::Core,
    network: network::Network,
}

impl Dlls {
    /// Loads both from `system32`, and no other folder.
    ///
    /// # Errors
    /// When one is not there, as without the Virtual Machine Platform, or lacks a function.
    pub fn load() -> Result<Self, LoadError> {
        Ok(Self {
            core: core::Core::load()?,
            network: network::Network::load()?,
        })
    }
}

impl Api for Dlls {
    fn enumerate_systems(&self, query: &str) -> Result<String, Failure> {
        self.core.enumerate(query)
    }

    fn modify_system(&self, id: &str, configuration: &str) -> Result<(), Failure> {
        self.core.modify(id, configuration)
    }

    fn watch_system(
        &self,
        id: &str,
        on_event: Box<dyn Fn(SystemEvent) + Send + Sync>,
    ) -> Result<Registration, Failure> {
        let on_event = move |kind| SystemEvent::from_raw(kind).into_iter().for_each(&on_event);
        self.core.watch(id, Box::new(on_event))
    }

    fn enumerate_networks(&self, query: &str) -> Result<String, Failure> {
        self.network.enumerate_networks(query)
    }

    fn query_network(&self, id: Uuid, query: &str) -> Result<String, Failure> {
        self.network.query_network(id, query)
    }

    fn create_network(&self, id: Uuid, settings: &str) -> Result<(), Failure> {
        self.network.create_network(id, settings)
    }

    fn delete_network(&self, id: Uuid) -> Result<(), Failure> {
        self.network.delete_network(id)
    }

    fn enumerate_endpoints(&self, query: &str) -> Result<String, Failure> {
        self.network.enumerate_endpoints(query)
    }

    fn query_endpoint(&self, id: Uuid, query: &str) -> Result<String, Failure> {
        self.network.query_endpoint(id, query)
    }

    fn create_endpoint(&self, network: Uuid, id: Uuid, settings: &str) -> Result<(), Failure> {
        self.network.create_endpoint(network, id, settings)
    }

    fn delete_endpoint(&self, id: Uuid) -> Result<(), Failure> {
        self.network.delete_endpoint(id)
    }

    fn watch_networks(
        &self,
        on_event: Box<dyn Fn(NetworkEvent) + Send + Sync>,
    ) -> Result<Registration, Failure> {
        let on_event = move |kind| NetworkEvent::from_raw(kind).into_iter().for_each(&on_event);
        self.network.watch(Box::new(on_event))
    }
}

/// A failure, if that is what a function gave.
fn check(call: &'static str, status: i32, record: Option<String>) -> Result<(), Failure> {
    let hresult = HResult::new(status);
    if !hresult.is_failure() {
        return Ok(());
    }
    Err(Failure {
        call,
        hresult,
        record,
    })
}
