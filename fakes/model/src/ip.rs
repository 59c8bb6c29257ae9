//! Addresses, routes, and notifications of their changes: what Wine's `iphlpapi.dll` lacks.
//!
//! Stricter than Windows where it costs nothing: rows must have been initialised by the function that is
//! there for it, and notifications be asked for of both families, without a first one. What Wine lists by
//! itself is not here: whoever plays the machine has to make true what is asked for.
//!
//! * `rows`, `names`: what the functions take. `state`: what tests and the twin do with the model.

mod names;
mod rows;
mod state;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::mpsc::Sender;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::protocol::{Event, Reply, Request};
use crate::server::Machine;
pub use names::NamesRow;
pub use rows::{AddressRow, RouteRow};

/// Win32 errors (`winerror.h`) and kinds of notifications (`MIB_NOTIFICATION_TYPE`, `netioapi.h`).
#[expect(missing_docs, reason = "their names say it")]
pub mod code {
    pub const ACCESS_DENIED: u32 = 5;
    pub const NOT_SUPPORTED: u32 = 50;
    pub const INVALID_PARAMETER: u32 = 87;
    pub const CALL_NOT_IMPLEMENTED: u32 = 120;
    pub const NOT_FOUND: u32 = 1168;
    pub const OBJECT_ALREADY_EXISTS: u32 = 5010;

    pub const PARAMETER_NOTIFICATION: i32 = 0;
    pub const ADD_INSTANCE: i32 = 1;
    pub const DELETE_INSTANCE: i32 = 2;
}

/// The state of Windows' network.
#[derive(Default)]
pub struct Ip {
    interfaces: BTreeMap<u64, Interface>,
    /// The LUIDs of those that were pulled out: Wine goes on listing them.
    gone: BTreeSet<u64>,
    addresses: Vec<Address>,
    routes: Vec<Route>,
    /// By the interface's GUID, which the model knows nothing else of.
    names: BTreeMap<Uuid, String>,
    subscriptions: BTreeSet<u64>,
    last_subscription: u64,
    faults: Vec<Fault>,
    hook: Option<Box<Hook>>,
    listeners: Vec<Sender<Event>>,
    calls: Vec<Request>,
}

type Hook = dyn FnMut(&Interface, &Change) + Send;

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its LUID.
    pub luid: u64,
    /// Its index.
    pub index: u32,
    /// What the machine calls it.
    pub name: String,
}

impl Interface {
    /// An Ethernet interface of Linux, as Wine shows it: its LUID is made of type and index.
    pub fn ethernet(index: u32, name: &str) -> Self {
        const ETHERNET: u64 = 6;
        Self {
            luid: ETHERNET << 48 | u64::from(index) << 24,
            index,
            name: name.to_owned(),
        }
    }
}

/// An address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The LUID of the interface.
    pub interface: u64,
    /// The address.
    pub address: IpAddr,
    /// How many of its bits are those of the link.
    pub prefix_length: u8,
    /// Whether it is a source address only for those who ask for it.
    pub skip_as_source: bool,
}

/// A route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The LUID of the interface.
    pub interface: u64,
    /// Where to.
    pub destination: IpAddr,
    /// How many bits of it count.
    pub prefix_length: u8,
    /// By whom; the unspecified address where the destination is on the link.
    pub next_hop: IpAddr,
    /// Its part of the metric.
    pub metric: u32,
    /// Who made it; 3 for those made by a program.
    pub protocol: i32,
}

/// What was asked for, and is to be made true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// One more address.
    AddressAdded(Address),
    /// One less.
    AddressDeleted(Address),
    /// One more route.
    RouteAdded(Route),
    /// One less.
    RouteDeleted(Route),
}

/// What notifications are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// Interfaces and their states.
    Interface,
    /// Addresses.
    Address,
    /// Routes.
    Route,
}

impl Topic {
    /// As it is written in events.
    pub fn name(self) -> &'static str {
        match self {
            Self::Interface => "interface",
            Self::Address => "address",
            Self::Route => "route",
        }
    }
}

struct Fault {
    call: String,
    times: u32,
    code: u32,
}

type Answer = Result<Option<String>, u32>;

impl Ip {
    /// Not a call of Windows': asks for the LUIDs of interfaces that were pulled out.
    pub const GONE_INTERFACES: &str = "GoneInterfaces";

    /// Not a call of Windows': asks for the routes of IPv6, which Wine does not list.
    pub const ROUTES_V6: &str = "RoutesV6";

    /// Answers a call, if it is one of `iphlpapi.dll`.
    pub fn answer(&mut self, request: &Request) -> Option<Reply> {
        const NOTIFY: [&str; 3] = [
            "NotifyIpInterfaceChange",
            "NotifyUnicastIpAddressChange",
            "NotifyRouteChange2",
        ];
        if request.call == Self::GONE_INTERFACES {
            let gone = serde_json::to_string(&self.gone).expect("numbers");
            return Some(Reply {
                result: Some(gone),
                ..Reply::default()
            });
        }
        if request.call == Self::ROUTES_V6 {
            let v6 = self.routes.iter().filter(|it| it.destination.is_ipv6());
            let rows: Vec<RouteRow> = v6.map(RouteRow::of).collect();
            let rows = serde_json::to_string(&rows).expect("plain data");
            return Some(Reply {
                result: Some(rows),
                ..Reply::default()
            });
        }
        let function = match request.call.as_str() {
            "CreateIpForwardEntry2" => Self::create_route,
            "DeleteIpForwardEntry2" => Self::delete_route,
            "CreateUnicastIpAddressEntry" => Self::create_address,
            "DeleteUnicastIpAddressEntry" => Self::delete_address,
            "GetInterfaceDnsSettings" => Self::get_names,
            "SetInterfaceDnsSettings" => Self::set_names,
            "CancelMibChangeNotify2" => Self::cancel,
            call if NOTIFY.contains(&call) => Self::subscribe,
            _ => return None,
        };
        self.calls.push(request.clone());
        let answer = match self.fault(&request.call) {
            Some(code) => Err(code),
            None => function(self, &request.arguments),
        };
        Some(Reply {
            status: answer.as_ref().err().map_or(0, |code| code.cast_signed()),
            result: answer.ok().flatten(),
            error: None,
        })
    }

    fn fault(&mut self, call: &str) -> Option<u32> {
        let fault = self.faults.iter_mut().find(|fault| fault.call == call)?;
        fault.times -= 1;
        let code = fault.code;
        self.faults.retain(|fault| fault.times > 0);
        Some(code)
    }

    fn create_route(&mut self, arguments: &Value) -> Answer {
        let row: RouteRow = read(arguments)?;
        let route = row.check()?;
        let interface = self.interface(row.luid, row.index)?;
        let route = route.on(interface.luid);
        if self.routes.iter().any(|other| route.is_same(other)) {
            return Err(code::OBJECT_ALREADY_EXISTS);
        }
        self.routes.push(route.clone());
        self.changed(&interface, &Change::RouteAdded(route));
        self.send(Topic::Route, &interface, code::ADD_INSTANCE);
        Ok(None)
    }

    fn delete_route(&mut self, arguments: &Value) -> Answer {
        let row: RouteRow = read(arguments)?;
        let wanted = row.key()?;
        let interface = self.interface(row.luid, row.index)?;
        let wanted = wanted.on(interface.luid);
        let mut routes = self.routes.iter();
        let index = routes.position(|route| wanted.is_same(route));
        let route = self.routes.remove(index.ok_or(code::NOT_FOUND)?);
        self.changed(&interface, &Change::RouteDeleted(route));
        self.send(Topic::Route, &interface, code::DELETE_INSTANCE);
        Ok(None)
    }

    fn create_address(&mut self, arguments: &Value) -> Answer {
        let row: AddressRow = read(arguments)?;
        let address = row.check()?;
        let interface = self.interface(row.luid, row.index)?;
        let address = address.on(interface.luid);
        if self.addresses.iter().any(|other| address.is_same(other)) {
            return Err(code::OBJECT_ALREADY_EXISTS);
        }
        self.addresses.push(address.clone());
        self.changed(&interface, &Change::AddressAdded(address));
        self.send(Topic::Address, &interface, code::ADD_INSTANCE);
        Ok(None)
    }

    fn delete_address(&mut self, arguments: &Value) -> Answer {
        let row: AddressRow = read(arguments)?;
        let wanted = row.key()?;
        let interface = self.interface(row.luid, row.index)?;
        let wanted = wanted.on(interface.luid);
        let mut addresses = self.addresses.iter();
        let index = addresses.position(|address| wanted.is_same(address));
        let address = self.addresses.remove(index.ok_or(code::NOT_FOUND)?);
        self.changed(&interface, &Change::AddressDeleted(address));
        self.send(Topic::Address, &interface, code::DELETE_INSTANCE);
        Ok(None)
    }

    /// Gives a handle.
    fn subscribe(&mut self, arguments: &Value) -> Answer {
        if *arguments != json!({ "family": 0, "initial": false }) {
            return Err(code::INVALID_PARAMETER);
        }
        self.last_subscription += 1;
        self.subscriptions.insert(self.last_subscription);
        Ok(Some(self.last_subscription.to_string()))
    }

    fn cancel(&mut self, arguments: &Value) -> Answer {
        let handle = arguments["handle"].as_u64();
        let was_there = handle.is_some_and(|handle| self.subscriptions.remove(&handle));
        was_there.then_some(None).ok_or(code::INVALID_PARAMETER)
    }

    /// The LUID counts, if there is one; else the index.
    fn interface(&self, luid: u64, index: u32) -> Result<Interface, u32> {
        let found = match (luid, index) {
            (0, 0) => return Err(code::INVALID_PARAMETER),
            (0, index) => self.interfaces.values().find(|it| it.index == index),
            (luid, _) => self.interfaces.get(&luid),
        };
        found.cloned().ok_or(code::NOT_FOUND)
    }

    fn changed(&mut self, interface: &Interface, change: &Change) {
        if let Some(hook) = &mut self.hook {
            hook(interface, change);
        }
    }

    fn send(&mut self, topic: Topic, interface: &Interface, kind: i32) {
        let Interface { luid, index, .. } = interface;
        let event = Event {
            source: "iphlpapi".to_owned(),
            body: json!({ "topic": topic.name(), "luid": luid, "index": index, "kind": kind }),
        };
        self.listeners
            .retain(|listener| listener.send(event.clone()).is_ok());
    }
}

impl Machine for Ip {
    fn call(&mut self, request: &Request) -> Reply {
        let unknown = || Reply {
            status: code::CALL_NOT_IMPLEMENTED.cast_signed(),
            ..Reply::default()
        };
        self.answer(request).unwrap_or_else(unknown)
    }

    fn tell(&mut self, listener: Sender<Event>) {
        self.listeners.push(listener);
    }
}

/// The stand-in writes every field, so one that is missing or unknown is a mistake of its own.
fn read<T: DeserializeOwned>(arguments: &Value) -> Result<T, u32> {
    T::deserialize(arguments).map_err(|_| code::INVALID_PARAMETER)
}
