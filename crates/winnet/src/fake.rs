//! An [`Api`] that a model answers, instead of Windows.

use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use fakes::ip::{AddressRow, Interface as Known, Ip, NamesRow, RouteRow, Topic};
use fakes::{Event, Machine, Request};
use ipnet::IpNet;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    Address, Api, Change, DadState, Failure, Interface, InterfaceId, Luid, NewAddress, NewRoute,
    Original, Policy, PolicyError, PolicyStore, Registration, Route, RouteProtocol, Win32Error,
};

/// Passes calls on as the stand-in DLL does, but within the process. It lists what the model has, and
/// interfaces as the test has set them.
#[derive(Clone, Default)]
pub struct Fake {
    ip: Arc<Mutex<Ip>>,
    interfaces: Arc<Mutex<Vec<Interface>>>,
}

impl Fake {
    /// The model, for a look, or for what happens outside of us.
    pub fn ip(&self) -> MutexGuard<'_, Ip> {
        lock(&self.ip)
    }

    /// Says which interfaces there are from now on, which those who watch are told.
    pub fn set_interfaces(&self, interfaces: Vec<Interface>) {
        let mut ip = self.ip();
        for former in lock(&self.interfaces).iter() {
            if !interfaces.iter().any(|it| it.luid == former.luid) {
                ip.remove_interface(former.luid.0);
            }
        }
        for interface in &interfaces {
            ip.add_interface(Known {
                luid: interface.luid.0,
                index: interface.index.0,
                name: interface.alias.clone(),
            });
        }
        *lock(&self.interfaces) = interfaces;
    }

    fn call(&self, call: &'static str, arguments: impl Serialize) -> Result<String, Failure> {
        let arguments = serde_json::to_value(arguments).expect("rows are plain data");
        let reply = self.ip().call(&Request {
            call: call.to_owned(),
            arguments,
        });
        match Win32Error(reply.status.cast_unsigned()) {
            Win32Error::SUCCESS => Ok(reply.result.unwrap_or_default()),
            code => Err(Failure { call, code }),
        }
    }

    fn subscribe(&self, call: &'static str) -> Result<Subscription, Failure> {
        let handle = self.call(call, json!({ "family": 0, "initial": false }))?;
        Ok(Subscription {
            fake: self.clone(),
            handle: handle.parse().expect("handles are numbers"),
        })
    }
}

impl Api for Fake {
    fn interfaces(&self) -> Result<Vec<Interface>, Failure> {
        Ok(lock(&self.interfaces).clone())
    }

    fn addresses(&self) -> Result<Vec<Address>, Failure> {
        let ip = self.ip();
        let addresses = ip.addresses().iter().map(|address| Address {
            interface: Luid(address.interface),
            net: IpNet::new_assert(address.address, address.prefix_length),
            dad: DadState::Preferred,
        });
        Ok(addresses.collect())
    }

    fn routes(&self) -> Result<Vec<Route>, Failure> {
        let ip = self.ip();
        let routes = ip.routes().iter().map(|route| Route {
            interface: Luid(route.interface),
            destination: IpNet::new_assert(route.destination, route.prefix_length),
            gateway: Some(route.next_hop).filter(|hop| !hop.is_unspecified()),
            metric: route.metric,
            protocol: RouteProtocol::from_raw(route.protocol),
        });
        Ok(routes.collect())
    }

    fn create_route(&self, route: &NewRoute) -> Result<(), Failure> {
        let row = RouteRow {
            luid: route.interface.0,
            destination: Some(route.destination.network()),
            prefix_length: route.destination.prefix_len(),
            next_hop: Some(route.gateway),
            site_prefix_length: 0,
            metric: route.metric,
            protocol: 3,
            ..RouteRow::initialized()
        };
        self.call("CreateIpForwardEntry2", row).map(drop)
    }

    fn delete_route(&self, route: &Route) -> Result<(), Failure> {
        let on_link = IpNet::new_assert(route.destination.addr(), 0).network();
        let row = RouteRow {
            luid: route.interface.0,
            destination: Some(route.destination.network()),
            prefix_length: route.destination.prefix_len(),
            next_hop: Some(route.gateway.unwrap_or(on_link)),
            ..RouteRow::initialized()
        };
        self.call("DeleteIpForwardEntry2", row).map(drop)
    }

    fn create_address(&self, address: &NewAddress) -> Result<(), Failure> {
        let row = AddressRow {
            skip_as_source: address.skip_as_source,
            dad_state: 4,
            ..address_row(address.interface, address.net)
        };
        self.call("CreateUnicastIpAddressEntry", row).map(drop)
    }

    fn delete_address(&self, address: &Address) -> Result<(), Failure> {
        let row = address_row(address.interface, address.net);
        self.call("DeleteUnicastIpAddressEntry", row).map(drop)
    }

    fn name_servers(&self, interface: InterfaceId) -> Result<String, Failure> {
        self.call("GetInterfaceDnsSettings", NamesRow::get(interface.0))
    }

    fn set_name_servers(&self, interface: InterfaceId, servers: &str) -> Result<(), Failure> {
        let row = NamesRow::set(interface.0, servers);
        self.call("SetInterfaceDnsSettings", row).map(drop)
    }

    fn notify(
        &self,
        on_change: Box<dyn Fn(Change) + Send + Sync>,
    ) -> Result<Registration, Failure> {
        let (sender, receiver) = mpsc::channel();
        Machine::tell(&mut *self.ip(), sender.clone());
        thread::spawn(move || {
            let events = receiver.iter().map(|event: Event| event.body);
            let changes = events.take_while(|body| !body.is_null());
            changes.map(|body| change(&body)).for_each(on_change);
        });
        let listener = Listener(sender);
        let interfaces = self.subscribe("NotifyIpInterfaceChange")?;
        let addresses = self.subscribe("NotifyUnicastIpAddressChange")?;
        let routes = self.subscribe("NotifyRouteChange2")?;
        Ok(Box::new((interfaces, addresses, routes, listener)))
    }
}

fn address_row(interface: Luid, net: IpNet) -> AddressRow {
    AddressRow {
        address: Some(net.addr()),
        luid: interface.0,
        prefix_length: net.prefix_len(),
        ..AddressRow::initialized()
    }
}

fn change(body: &Value) -> Change {
    let topics = [
        (Topic::Interface, Change::Interfaces),
        (Topic::Address, Change::Addresses),
        (Topic::Route, Change::Routes),
    ];
    let mut topics = topics.into_iter();
    let found = topics.find(|(topic, _)| body["topic"] == topic.name());
    found.expect("the model knows three topics").1
}

/// Ends the thread that it sends to.
struct Listener(Sender<Event>);

impl Drop for Listener {
    fn drop(&mut self) {
        drop(self.0.send(Event {
            source: String::new(),
            body: Value::Null,
        }));
    }
}

struct Subscription {
    fake: Fake,
    handle: u64,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let handle = json!({ "handle": self.handle });
        drop(self.fake.call("CancelMibChangeNotify2", handle));
    }
}

/// A [`PolicyStore`] in memory.
#[derive(Debug)]
pub struct FakePolicy(Mutex<Policy>);

impl FakePolicy {
    /// With this in it.
    pub fn new(policy: Policy) -> Self {
        Self(Mutex::new(policy))
    }
}

impl PolicyStore for FakePolicy {
    fn policy(&self) -> Result<Policy, PolicyError> {
        Ok(*lock(&self.0))
    }

    fn set_local(&self, value: Original) -> Result<(), PolicyError> {
        lock(&self.0).local = value;
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
