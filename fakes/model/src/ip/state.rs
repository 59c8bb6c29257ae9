//! What tests and the twin do with it.

use std::fmt;

use super::{Address, Change, Fault, Interface, Ip, Route, Topic, code};
use crate::protocol::Request;

impl Ip {
    /// Plugs in an interface.
    pub fn add_interface(&mut self, interface: Interface) {
        self.send(Topic::Interface, &interface, code::ADD_INSTANCE);
        self.gone.remove(&interface.luid);
        self.interfaces.insert(interface.luid, interface);
    }

    /// Pulls an interface out. Its addresses and routes go with it.
    pub fn remove_interface(&mut self, luid: u64) {
        self.addresses.retain(|address| address.interface != luid);
        self.routes.retain(|route| route.interface != luid);
        if let Some(interface) = self.interfaces.remove(&luid) {
            self.gone.insert(luid);
            self.send(Topic::Interface, &interface, code::DELETE_INSTANCE);
        }
    }

    /// Puts an address there that somebody else has made.
    pub fn add_address(&mut self, address: Address) {
        self.announce(Topic::Address, address.interface);
        self.addresses.push(address);
    }

    /// Puts a route there that somebody else has made.
    pub fn add_route(&mut self, route: Route) {
        self.announce(Topic::Route, route.interface);
        self.routes.push(route);
    }

    /// Tells that something of an interface has changed, such as its state or its name.
    pub fn announce(&mut self, topic: Topic, luid: u64) {
        if let Some(interface) = self.interfaces.get(&luid).cloned() {
            self.send(topic, &interface, code::PARAMETER_NOTIFICATION);
        }
    }

    /// Lets a function fail the next `times` times, with this code.
    pub fn fail_next(&mut self, call: &str, times: u32, code: u32) {
        self.faults.push(Fault {
            call: call.to_owned(),
            times,
            code,
        });
    }

    /// Lets somebody make true what was asked for, while the call has not returned. The model is busy
    /// then: whoever is told must not call it.
    pub fn on_change(&mut self, hook: impl FnMut(&Interface, &Change) + Send + 'static) {
        self.hook = Some(Box::new(hook));
    }

    /// The interfaces.
    pub fn interfaces(&self) -> impl Iterator<Item = &Interface> {
        self.interfaces.values()
    }

    /// The addresses.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// The routes.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// How many notifications are asked for and not cancelled.
    pub fn subscriptions(&self) -> usize {
        self.subscriptions.len()
    }

    /// What was called so far.
    pub fn calls(&self) -> &[Request] {
        &self.calls
    }
}

impl fmt::Debug for Ip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ip")
            .field("interfaces", &self.interfaces)
            .field("addresses", &self.addresses)
            .field("routes", &self.routes)
            .field("subscriptions", &self.subscriptions)
            .finish_non_exhaustive()
    }
}
