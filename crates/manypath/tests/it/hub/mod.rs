//! What users feel of the connections to the hub.

mod codes;
mod pages;
mod plain;
mod restarts;
mod trouble;
mod users;

use std::time::{Duration, Instant};

use lab::rig::{Rig, RigSpec};
use lab::topology::{Lab, LabSpec};
use serde_json::Value;

/// Who asks for a connection and does not get it sooner takes the Internet for broken. A request that
/// was entrusted to a dead connection would hang for 20 s, the edge's limit.
const AT_ONCE: Duration = Duration::from_secs(5);

/// The least that the edge keeps ready.
const KEPT: u64 = 4;

/// A rig in which nothing changes by itself any more, with connections to the hub kept ready.
fn ready(spec: RigSpec) -> Rig {
    let spec = steady(spec);
    ready_in(Lab::up(spec.lab.clone()).unwrap(), spec)
}

/// The same in a lab that is up already, made from a [`steady`] one.
fn ready_in(lab: Lab, spec: RigSpec) -> Rig {
    let rig = Rig::up_in(lab, spec).unwrap();
    assert_works_at_once(&rig, "at first");
    wait_until_ready(&rig);
    rig
}

/// IPv6 comes some seconds after the start, and the edge replaces its connections when it does.
fn steady(spec: RigSpec) -> RigSpec {
    let lab = LabSpec {
        ra: false,
        ..spec.lab
    };
    RigSpec { lab, ..spec }
}

fn wait_until_ready(rig: &Rig) {
    wait_for_hub(rig, "have connections to the hub ready", |hub| {
        hub["idle"].as_u64() >= Some(KEPT) && hub["in_use"] == 0 && hub["dialling"] == 0
    });
}

/// What the edge says of its connections to the hub.
fn hub(rig: &Rig) -> Value {
    rig.edge_status().unwrap()["hub_connections"].take()
}

fn count(hub: &Value, what: &str) -> u64 {
    hub[what].as_u64().unwrap()
}

fn wait_for_hub(rig: &Rig, what: &'static str, is_so: impl Fn(&Value) -> bool) {
    let met = rig.wait_for_edge(what, |status| is_so(&status["hub_connections"]));
    met.unwrap_or_else(|error| panic!("{error}\n{:#}", hub(rig)));
}

/// A Windows program gets something from the origin, without waiting for long.
#[track_caller]
fn assert_works_at_once(rig: &Rig, when: &str) {
    let began = Instant::now();
    let transfer = rig
        .connect(AT_ONCE)
        .and_then(|mut client| client.download(50_000, |_| {}));
    let took = began.elapsed();
    match transfer {
        Ok(transfer) => assert!(transfer.intact && took < AT_ONCE, "{when}: {took:?}"),
        Err(error) => panic!("{when}: {error:?} after {took:?}\n{:#}", hub(rig)),
    }
}
