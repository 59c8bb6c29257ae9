//! An [`Api`] that a machine answers, instead of Windows.

use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use fakes::{Event, Machine, Request};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Api, Failure, HResult, NetworkEvent, Registration, SystemEvent};

/// Passes calls on as the stand-in DLLs do, but within the process.
pub struct Fake<M> {
    machine: Arc<Mutex<M>>,
}

impl<M: Machine> Fake<M> {
    /// Over a machine.
    pub fn new(machine: Arc<Mutex<M>>) -> Self {
        Self { machine }
    }

    fn call(&self, call: &'static str, arguments: Value) -> Result<Option<String>, Failure> {
        call_on(&self.machine, call, arguments)
    }

    fn query(&self, call: &'static str, arguments: Value) -> Result<String, Failure> {
        Ok(self.call(call, arguments)?.unwrap_or_default())
    }

    fn open(&self, id: &str) -> Result<System<M>, Failure> {
        let arguments = json!({ "id": id, "access": 0x1000_0000 });
        let handle = self.query("HcsOpenComputeSystem", arguments)?;
        Ok(System {
            handle: handle.parse().expect("handles are numbers"),
            machine: self.machine.clone(),
        })
    }

    /// Calls for the events of this source from now on, until what this gives is dropped.
    fn listen(&self, source: &'static str, on_event: impl Fn(&Value) + Send + 'static) -> Listener {
        let (sender, receiver) = mpsc::channel();
        lock(&self.machine).tell(sender.clone());
        thread::spawn(move || {
            let events = receiver
                .iter()
                .take_while(|event: &Event| event.source != STOP);
            for event in events.filter(|event| event.source == source) {
                on_event(&event.body);
            }
        });
        Listener(sender)
    }
}

/// What no machine says.
const STOP: &str = "stop";

struct Listener(Sender<Event>);

impl Drop for Listener {
    fn drop(&mut self) {
        drop(self.0.send(Event {
            source: STOP.to_owned(),
            body: Value::Null,
        }));
    }
}

fn kind(event: &Value) -> u32 {
    let kind = event["type"].as_u64().map(u32::try_from);
    kind.and_then(Result::ok).unwrap_or_default()
}

impl<M: Machine> Api for Fake<M> {
    fn enumerate_systems(&self, query: &str) -> Result<String, Failure> {
        self.query("HcsEnumerateComputeSystems", json!({ "query": query }))
    }

    fn modify_system(&self, id: &str, configuration: &str) -> Result<(), Failure> {
        let system = self.open(id)?;
        let arguments = json!({ "handle": system.handle, "configuration": configuration });
        self.call("HcsModifyComputeSystem", arguments).map(drop)
    }

    fn watch_system(
        &self,
        id: &str,
        on_event: Box<dyn Fn(SystemEvent) + Send + Sync>,
    ) -> Result<Registration, Failure> {
        let system = self.open(id)?;
        let handle = system.handle;
        let listener = self.listen("computecore", move |event| {
            if let Some(kind) = SystemEvent::from_raw(kind(event))
                && event["handle"] == handle
            {
                on_event(kind);
            }
        });
        self.call("HcsSetComputeSystemCallback", json!({ "handle": handle }))?;
        Ok(Box::new((listener, system)))
    }

    fn enumerate_networks(&self, query: &str) -> Result<String, Failure> {
        self.query("HcnEnumerateNetworks", json!({ "query": query }))
    }

    fn query_network(&self, id: Uuid, query: &str) -> Result<String, Failure> {
        self.query(
            "HcnQueryNetworkProperties",
            json!({ "id": id, "query": query }),
        )
    }

    fn create_network(&self, id: Uuid, settings: &str) -> Result<(), Failure> {
        let arguments = json!({ "id": id, "settings": settings });
        self.call("HcnCreateNetwork", arguments).map(drop)
    }

    fn delete_network(&self, id: Uuid) -> Result<(), Failure> {
        self.call("HcnDeleteNetwork", json!({ "id": id })).map(drop)
    }

    fn enumerate_endpoints(&self, query: &str) -> Result<String, Failure> {
        self.query("HcnEnumerateEndpoints", json!({ "query": query }))
    }

    fn query_endpoint(&self, id: Uuid, query: &str) -> Result<String, Failure> {
        self.query(
            "HcnQueryEndpointProperties",
            json!({ "id": id, "query": query }),
        )
    }

    fn create_endpoint(&self, network: Uuid, id: Uuid, settings: &str) -> Result<(), Failure> {
        let arguments = json!({ "network": network, "id": id, "settings": settings });
        self.call("HcnCreateEndpoint", arguments).map(drop)
    }

    fn delete_endpoint(&self, id: Uuid) -> Result<(), Failure> {
        self.call("HcnDeleteEndpoint", json!({ "id": id }))
            .map(drop)
    }

    fn watch_networks(
        &self,
        on_event: Box<dyn Fn(NetworkEvent) + Send + Sync>,
    ) -> Result<Registration, Failure> {
        Ok(Box::new(self.listen("computenetwork", move |event| {
            NetworkEvent::from_raw(kind(event))
                .into_iter()
                .for_each(&on_event);
        })))
    }
}

/// An open handle.
struct System<M: Machine> {
    handle: u64,
    machine: Arc<Mutex<M>>,
}

impl<M: Machine> Drop for System<M> {
    fn drop(&mut self) {
        let arguments = json!({ "handle": self.handle });
        drop(call_on(&self.machine, "HcsCloseComputeSystem", arguments));
    }
}

fn call_on<M: Machine>(
    machine: &Mutex<M>,
    call: &'static str,
    arguments: Value,
) -> Result<Option<String>, Failure> {
    let reply = lock(machine).call(&Request {
        call: call.to_owned(),
        arguments,
    });
    let hresult = HResult::new(reply.status);
    if hresult.is_failure() {
        let record = reply.error;
        return Err(Failure {
            call,
            hresult,
            record,
        });
    }
    Ok(reply.result)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
