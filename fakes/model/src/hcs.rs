//! Host Compute System and Network: virtual switches, VMs and their adapters.
//!
//! Stricter than Windows where it costs nothing: documents with unknown fields, ids in braces and MAC
//! addresses with colons are refused, though some Windows or other may take them.
//!
//! * `networks`: the functions of `computenetwork.dll`; `systems`: those of `computecore.dll`.
//! * `documents`: what the functions take; `failure`: what they give when they fail.

mod documents;
mod failure;
mod networks;
mod systems;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::mpsc::Sender;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::protocol::{Event, Reply, Request};
use crate::server::Machine;
use failure::Failure;
pub use failure::code;

/// The state of Windows' virtual networks and VMs.
pub struct Hcs {
    nics: BTreeSet<String>,
    networks: BTreeMap<Uuid, Network>,
    endpoints: BTreeMap<Uuid, Endpoint>,
    systems: Vec<System>,
    handles: BTreeMap<u64, Handle>,
    last_handle: u64,
    faults: Vec<Fault>,
    upper_case: bool,
    takes_instances: bool,
    hook: Box<dyn FnMut(&Change) + Send>,
    listeners: Vec<Sender<Event>>,
    calls: Vec<Request>,
}

/// A virtual switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Its name.
    pub name: String,
    /// `Transparent`, `ICS`, …
    pub kind: String,
    /// The alias of the network card that it owns.
    pub nic: Option<String>,
}

/// A port of a virtual switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The switch.
    pub network: Uuid,
    /// With dashes.
    pub mac: String,
    /// The VM whose adapter it was given to. It stays so when the VM is gone, as in Windows.
    pub system: Option<String>,
}

/// A VM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct System {
    /// What it is opened by.
    pub id: String,
    /// What sockets reach it by.
    pub runtime_id: Uuid,
    /// `WSL` for those that matter.
    pub owner: String,
    /// `Running`, …
    pub state: String,
    /// Its adapters that were added while it ran, by their resource paths.
    pub adapters: BTreeMap<String, Adapter>,
}

/// A VM's adapter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adapter {
    /// The port that it is plugged into.
    pub endpoint: Uuid,
    /// With dashes.
    pub mac: String,
    /// The id by which the guest sees it, where one was given.
    pub instance: Option<Uuid>,
}

/// What has happened to a VM's adapters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A running VM has one more.
    Added(Attachment),
    /// A running VM has one less.
    Removed(Attachment),
}

/// An adapter, and what it connects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// The VM's id.
    pub system: String,
    /// The alias of the network card on the other side of the switch.
    pub nic: Option<String>,
    /// The adapter.
    pub adapter: Adapter,
}

struct Handle {
    system: String,
    has_callback: bool,
}

struct Fault {
    call: String,
    times: u32,
    failure: Failure,
}

impl Default for Hcs {
    fn default() -> Self {
        Self {
            nics: BTreeSet::new(),
            networks: BTreeMap::new(),
            endpoints: BTreeMap::new(),
            systems: Vec::new(),
            handles: BTreeMap::new(),
            last_handle: 0,
            faults: Vec::new(),
            upper_case: false,
            takes_instances: true,
            hook: Box::new(|_| ()),
            listeners: Vec::new(),
            calls: Vec::new(),
        }
    }
}

impl fmt::Debug for Hcs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hcs")
            .field("nics", &self.nics)
            .field("networks", &self.networks)
            .field("endpoints", &self.endpoints)
            .field("systems", &self.systems)
            .finish_non_exhaustive()
    }
}

/// What tests and the twin do with it.
impl Hcs {
    /// Plugs in a network card, by its alias.
    pub fn add_nic(&mut self, alias: &str) {
        self.nics.insert(alias.to_owned());
    }

    /// Pulls a network card out. Its switch stays, and is bound to it again when it is back.
    pub fn remove_nic(&mut self, alias: &str) {
        self.nics.remove(alias);
    }

    /// Puts a switch there that somebody else has made.
    pub fn add_network(&mut self, id: Uuid, network: Network) {
        self.networks.insert(id, network);
    }

    /// Puts an endpoint there that somebody else has made.
    pub fn add_endpoint(&mut self, id: Uuid, endpoint: Endpoint) {
        self.endpoints.insert(id, endpoint);
    }

    /// Starts a VM of WSL, as WSL names them since it comes from the store.
    pub fn start_system(&mut self, id: Uuid) {
        self.add_system(System {
            id: id.hyphenated().to_string().to_uppercase(),
            runtime_id: id,
            owner: "WSL".to_owned(),
            state: "Running".to_owned(),
            adapters: BTreeMap::new(),
        });
    }

    /// Starts any VM.
    pub fn add_system(&mut self, system: System) {
        self.systems.push(system);
    }

    /// Ends a VM. Its endpoints stay, and stay attached to it.
    pub fn stop_system(&mut self, id: &str) {
        self.systems.retain(|system| system.id != id);
        let callbacks = self.callbacks(|handle| handle.system == id);
        self.tell_systems(callbacks, code::SYSTEM_EXITED);
    }

    /// Ends both services' connections to whoever uses them.
    pub fn disconnect(&mut self) {
        let callbacks = self.callbacks(|_| true);
        self.tell_systems(callbacks, code::SYSTEM_SERVICE_DISCONNECT);
        self.tell_networks(code::NETWORK_SERVICE_DISCONNECT);
    }

    /// Lets a function fail the next `times` times, with this HRESULT and message.
    pub fn fail_next(&mut self, call: &str, times: u32, status: u32, message: &str) {
        self.faults.push(Fault {
            call: call.to_owned(),
            times,
            failure: Failure::new(status, message),
        });
    }

    /// Lets documents have their keys in capitals from now on, as seen on some PCs (WSLAttachSwitch,
    /// `JsonElementHelper.cs`).
    pub fn write_upper_case(&mut self) {
        self.upper_case = true;
    }

    /// Lets adapters have no `InstanceId` from now on, as before schema 2.4 (Windows 10).
    pub fn refuse_instances(&mut self) {
        self.takes_instances = false;
    }

    /// Lets somebody know when a VM's adapters change, while the call that did it has not returned. The
    /// model is busy then: whoever is told must not call it.
    pub fn on_change(&mut self, hook: impl FnMut(&Change) + Send + 'static) {
        self.hook = Box::new(hook);
    }

    /// The switches.
    pub fn networks(&self) -> &BTreeMap<Uuid, Network> {
        &self.networks
    }

    /// The ports.
    pub fn endpoints(&self) -> &BTreeMap<Uuid, Endpoint> {
        &self.endpoints
    }

    /// The VMs.
    pub fn systems(&self) -> &[System] {
        &self.systems
    }

    /// How many handles to VMs are open. One that is left open can keep a VM alive.
    pub fn open_handles(&self) -> usize {
        self.handles.len()
    }

    /// What was called so far.
    pub fn calls(&self) -> &[Request] {
        &self.calls
    }
}

impl Hcs {
    /// Answers a call, if it is one of `computecore.dll` or `computenetwork.dll`.
    pub fn answer(&mut self, request: &Request) -> Option<Reply> {
        let hcn = request.call.starts_with("Hcn");
        if !hcn && !request.call.starts_with("Hcs") {
            return None;
        }
        self.calls.push(request.clone());
        let answer = match self.fault(&request.call) {
            Some(failure) => Err(failure),
            None if hcn => self.network_call(request),
            None => self.system_call(request),
        };
        Some(answer.map_or_else(
            |failure| failure.into_reply(hcn),
            |result| Reply {
                result,
                ..Reply::default()
            },
        ))
    }

    fn fault(&mut self, call: &str) -> Option<Failure> {
        let fault = self.faults.iter_mut().find(|fault| fault.call == call)?;
        fault.times -= 1;
        let failure = fault.failure.clone();
        self.faults.retain(|fault| fault.times > 0);
        Some(failure)
    }

    fn callbacks(&self, which: impl Fn(&Handle) -> bool) -> Vec<u64> {
        let told = |(number, handle): (&u64, &Handle)| {
            (handle.has_callback && which(handle)).then_some(*number)
        };
        self.handles.iter().filter_map(told).collect()
    }

    fn tell_systems(&mut self, handles: Vec<u64>, kind: u32) {
        for handle in handles {
            self.send("computecore", &json!({ "handle": handle, "type": kind }));
        }
    }

    fn tell_networks(&mut self, kind: u32) {
        self.send("computenetwork", &json!({ "type": kind }));
    }

    fn send(&mut self, source: &str, body: &Value) {
        self.listeners.retain(|listener| {
            let event = Event {
                source: source.to_owned(),
                body: body.clone(),
            };
            listener.send(event).is_ok()
        });
    }

    /// A document as Windows writes it.
    fn write(&self, document: Value) -> String {
        fn shout(value: Value) -> Value {
            match value {
                Value::Object(map) => map
                    .into_iter()
                    .map(|(key, value)| (key.to_uppercase(), shout(value)))
                    .collect(),
                Value::Array(list) => list.into_iter().map(shout).collect(),
                other => other,
            }
        }
        let document = if self.upper_case {
            shout(document)
        } else {
            document
        };
        document.to_string()
    }
}

impl Machine for Hcs {
    fn call(&mut self, request: &Request) -> Reply {
        let unknown = || Failure::new(code::NOT_IMPLEMENTED, "no such function").into_reply(false);
        self.answer(request).unwrap_or_else(unknown)
    }

    fn tell(&mut self, listener: Sender<Event>) {
        self.listeners.push(listener);
    }
}
