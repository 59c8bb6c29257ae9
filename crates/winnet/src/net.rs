//! What can be done with interfaces, addresses and routes.

use std::sync::Arc;

use crate::{
    Address, Api, Failure, Interface, InterfaceId, NetError, NewAddress, NewRoute, Route, Watch,
    Win32Error,
};

/// Windows' network.
#[derive(Clone)]
pub struct Net {
    api: Arc<dyn Api>,
}

impl Net {
    /// Over an API.
    pub fn new(api: Arc<dyn Api>) -> Self {
        Self { api }
    }

    /// All interfaces, of every kind.
    ///
    /// # Errors
    /// When Windows refuses.
    pub fn interfaces(&self) -> Result<Vec<Interface>, NetError> {
        let failed = NetError::failed("list the network interfaces");
        self.api.interfaces().map_err(failed)
    }

    /// All addresses of this machine.
    ///
    /// # Errors
    /// When Windows refuses.
    pub fn addresses(&self) -> Result<Vec<Address>, NetError> {
        let failed = NetError::failed("list the addresses");
        self.api.addresses().map_err(failed)
    }

    /// All routes of this machine.
    ///
    /// # Errors
    /// When Windows refuses.
    pub fn routes(&self) -> Result<Vec<Route>, NetError> {
        let failed = NetError::failed("list the routes");
        self.api.routes().map_err(failed)
    }

    /// Adds a route. One to the same destination by the same gateway that is there already is as good.
    ///
    /// # Errors
    /// When Windows refuses: without an administrator's rights (5), where the interface is gone (1168).
    pub fn add_route(&self, route: &NewRoute) -> Result<(), NetError> {
        let failed = NetError::failed(format!("add the {route}"));
        or_exists(self.api.create_route(route)).map_err(failed)
    }

    /// Deletes a route. One that is gone already, also with its interface, is as good.
    ///
    /// # Errors
    /// When Windows refuses: without an administrator's rights (5).
    pub fn delete_route(&self, route: &Route) -> Result<(), NetError> {
        let failed = NetError::failed(format!("delete the {route}"));
        or_gone(self.api.delete_route(route)).map_err(failed)
    }

    /// Adds an address, which can be used at once. One that is there already is as good.
    ///
    /// # Errors
    /// When Windows refuses: without an administrator's rights (5), where the interface is gone (1168), or
    /// where it doesn't have the protocol (50).
    pub fn add_address(&self, address: &NewAddress) -> Result<(), NetError> {
        let failed = NetError::failed(format!("add the {address}"));
        or_exists(self.api.create_address(address)).map_err(failed)
    }

    /// Deletes an address. One that is gone already, also with its interface, is as good.
    ///
    /// # Errors
    /// When Windows refuses: without an administrator's rights (5).
    pub fn delete_address(&self, address: &Address) -> Result<(), NetError> {
        let failed = NetError::failed(format!("delete the {address}"));
        or_gone(self.api.delete_address(address)).map_err(failed)
    }

    /// The name servers of IPv4 that were set for an interface, as Windows keeps them, with commas between them.
    /// Empty where it goes by DHCP, or has none.
    ///
    /// # Errors
    /// When Windows refuses.
    pub fn name_servers(&self, interface: InterfaceId) -> Result<String, NetError> {
        let failed = NetError::failed(format!("read the name servers of interface {interface}"));
        self.api.name_servers(interface).map_err(failed)
    }

    /// Sets them. Other than routes and addresses they outlive a restart.
    ///
    /// # Errors
    /// When Windows refuses: without an administrator's rights (5).
    pub fn set_name_servers(&self, interface: InterfaceId, servers: &str) -> Result<(), NetError> {
        let failed = NetError::failed(format!(
            "set the name servers of interface {interface} to {servers:?}"
        ));
        self.api
            .set_name_servers(interface, servers)
            .map_err(failed)
    }

    /// Tells when something has changed, until what this gives is dropped. Changes come in bursts. Look
    /// at the state after this has returned, so that nothing falls in between, and now and then besides:
    /// Windows promises nothing.
    ///
    /// # Errors
    /// When Windows refuses.
    pub fn watch(
        &self,
        on_change: impl FnMut(crate::Change) + Send + 'static,
    ) -> Result<Watch, NetError> {
        let failed = NetError::failed("watch the network interfaces");
        Watch::start(self.api.as_ref(), on_change).map_err(failed)
    }
}

fn or_exists(result: Result<(), Failure>) -> Result<(), Failure> {
    unless(Win32Error::OBJECT_ALREADY_EXISTS, result)
}

fn or_gone(result: Result<(), Failure>) -> Result<(), Failure> {
    unless(Win32Error::NOT_FOUND, result)
}

fn unless(fine: Win32Error, result: Result<(), Failure>) -> Result<(), Failure> {
    match result {
        Err(failure) if failure.code == fine => Ok(()),
        other => other,
    }
}
