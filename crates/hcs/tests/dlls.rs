//! The calls of the DLLs, marshalled: strings, ids, handles, callbacks, and what fails how.
//!
//! Under Wine, with the stand-in DLLs in system32 (`need_fakes`). One machine answers the whole process;
//! each test has it for itself. On a real Windows they would meet its own DLLs, so they aren't built for it.
#![cfg(all(windows, not(target_env = "msvc")))]

use std::net::TcpListener;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use fakes::hcs::{self as model, code};
use fakes::{Event, Machine, Reply, Request};
use hcs::{
    Adapter, AdapterId, Dlls, Endpoint, EndpointId, Hcs, MacAddress, Network, NetworkEvent,
    NetworkId, NewEndpoint, NewNetwork, Seen, State, SystemEvent, SystemId,
};
use uuid::Uuid;

const NIC: Uuid = Uuid::from_u128(0x3f25_04e0_4f89_11d3_9a0c_0305_e82c_3301);
const VM: Uuid = Uuid::from_u128(0x4eb1_f8e2_1111_2222_3333_0000_0000_000a);
/// Longer than any machine is busy.
const LONG: Duration = Duration::from_secs(30);

/// Is emptied for each test, and keeps those who listen.
#[derive(Default)]
struct World {
    hcs: model::Hcs,
    listeners: Vec<mpsc::Sender<Event>>,
}

impl Machine for World {
    fn call(&mut self, request: &Request) -> Reply {
        self.hcs.call(request)
    }

    fn tell(&mut self, listener: mpsc::Sender<Event>) {
        self.listeners.push(listener.clone());
        self.hcs.tell(listener);
    }
}

static WORLD: LazyLock<Arc<Mutex<World>>> = LazyLock::new(|| {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("it is bound").to_string();
    #[expect(unsafe_code, reason = "the stand-ins look there")]
    // SAFETY: on Windows this is always safe.
    unsafe {
        std::env::set_var("MANYPATH_FAKES", address);
    }
    let world = Arc::<Mutex<World>>::default();
    let machine = world.clone();
    thread::spawn(move || fakes::serve(&listener, &machine));
    world
});

static TURN: Mutex<()> = Mutex::new(());

/// A PC with a network card that has a name of its own.
struct Pc {
    hcs: Hcs,
    _turn: MutexGuard<'static, ()>,
}

const ALIAS: &str = "Größe \u{1F310} 2";

impl Pc {
    fn new() -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let mut world = world();
        world.hcs = model::Hcs::default();
        for listener in world.listeners.clone() {
            world.hcs.tell(listener);
        }
        world.hcs.add_nic(ALIAS);
        world.hcs.start_system(VM);
        drop(world);
        let dlls = Dlls::load().expect("the stand-ins are in system32");
        Self {
            hcs: Hcs::new(Arc::new(dlls)),
            _turn: turn,
        }
    }

    /// With a switch and an endpoint, too.
    fn ready() -> Self {
        let pc = Self::new();
        pc.hcs.create_network(&new_network()).expect("a switch");
        pc.hcs
            .create_endpoint(&new_endpoint())
            .expect("an endpoint");
        pc
    }
}

fn world() -> MutexGuard<'static, World> {
    WORLD.lock().unwrap_or_else(PoisonError::into_inner)
}

fn new_network() -> NewNetwork {
    NewNetwork {
        id: NetworkId::for_nic(NIC),
        name: format!("MPTCP - {ALIAS}"),
        nic: ALIAS.to_owned(),
    }
}

fn mac() -> MacAddress {
    MacAddress([0x02, 0x11, 0x22, 0x33, 0x44, 0x55])
}

fn new_endpoint() -> NewEndpoint {
    NewEndpoint {
        id: EndpointId::for_nic(NIC),
        network: NetworkId::for_nic(NIC),
        mac: mac(),
    }
}

fn adapter() -> Adapter {
    Adapter {
        id: AdapterId(NIC),
        endpoint: EndpointId::for_nic(NIC),
        mac: mac(),
    }
}

fn vm() -> SystemId {
    SystemId::new(VM.to_string().to_uppercase())
}

#[test]
fn networks_and_endpoints_come_and_go() {
    let pc = Pc::ready();
    let network = Network {
        id: NetworkId::for_nic(NIC),
        name: format!("MPTCP - {ALIAS}"),
        kind: "Transparent".to_owned(),
        nic: Some(ALIAS.to_owned()),
    };
    assert_eq!(pc.hcs.networks().unwrap(), [network]);
    let endpoint = Endpoint {
        id: EndpointId::for_nic(NIC),
        network: Some(NetworkId::for_nic(NIC)),
        mac: Some(mac()),
        system: None,
    };
    assert_eq!(pc.hcs.endpoints().unwrap(), [endpoint]);
    pc.hcs.delete_endpoint(EndpointId::for_nic(NIC)).unwrap();
    pc.hcs.delete_network(NetworkId::for_nic(NIC)).unwrap();
    assert!(world().hcs.networks().is_empty());
    assert!(world().hcs.endpoints().is_empty());
}

#[test]
fn adapters_come_and_go() {
    let pc = Pc::ready();
    let systems = pc.hcs.systems().unwrap();
    let found = systems
        .iter()
        .map(|system| (&system.id, system.runtime_id, &system.state));
    assert_eq!(
        found.collect::<Vec<_>>(),
        [(&vm(), Some(VM), &State::Running)]
    );
    assert_eq!(pc.hcs.add_adapter(&vm(), &adapter()).unwrap(), Seen::ById);
    assert_eq!(pc.hcs.add_adapter(&vm(), &adapter()).unwrap(), Seen::ById);
    assert_eq!(pc.hcs.endpoints().unwrap()[0].system, Some(vm()));
    pc.hcs.remove_adapter(&vm(), &adapter()).unwrap();
    assert!(world().hcs.systems()[0].adapters.is_empty());
    assert_eq!(world().hcs.open_handles(), 0);
}

#[test]
fn failures_carry_what_windows_says() {
    let pc = Pc::ready();
    for call in [
        "HcnEnumerateNetworks",
        "HcnOpenNetwork",
        "HcnQueryNetworkProperties",
    ] {
        world().hcs.fail_next(call, 1, 0x803B_0020, "Schließt. ");
        let error = pc.hcs.networks().unwrap_err();
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(
            source.starts_with(&format!("{call} gave 0x803B0020, "))
                && source.contains("(Windows says: Schließt)"),
            "{source}"
        );
    }
    let failed = |error: hcs::HcsError| std::error::Error::source(&error).unwrap().to_string();
    for (call, source) in [
        ("HcnCreateNetwork", &mut || {
            failed(pc.hcs.create_network(&new_network()).unwrap_err())
        }),
        ("HcnCreateEndpoint", &mut || {
            failed(pc.hcs.create_endpoint(&new_endpoint()).unwrap_err())
        }),
        ("HcnDeleteEndpoint", &mut || {
            failed(pc.hcs.delete_endpoint(new_endpoint().id).unwrap_err())
        }),
        ("HcnEnumerateEndpoints", &mut || {
            failed(pc.hcs.endpoints().unwrap_err())
        }),
        ("HcnQueryEndpointProperties", &mut || {
            failed(pc.hcs.endpoints().unwrap_err())
        }),
        ("HcsEnumerateComputeSystems", &mut || {
            failed(pc.hcs.systems().unwrap_err())
        }),
        ("HcsModifyComputeSystem", &mut || {
            failed(pc.hcs.add_adapter(&vm(), &adapter()).unwrap_err())
        }),
    ] as [(&str, &mut dyn FnMut() -> String); 7]
    {
        world()
            .hcs
            .fail_next(call, 1, code::HCS_ACCESS_DENIED, "Nein. ");
        let source = source();
        let expected = format!("{call} gave 0x8037011B, access is denied (Windows says: Nein)");
        assert!(source.starts_with(&expected), "{source}");
    }
    // Where there is no record, the number must do.
    world()
        .hcs
        .fail_next("HcsOpenComputeSystem", 1, code::HCS_ACCESS_DENIED, "Nein. ");
    let source = failed(pc.hcs.add_adapter(&vm(), &adapter()).unwrap_err());
    assert!(
        source.starts_with("HcsOpenComputeSystem gave 0x8037011B, access is denied; run it as"),
        "{source}"
    );
    assert_eq!(world().hcs.open_handles(), 0);
}

#[test]
fn the_end_of_a_vm_is_told() {
    let pc = Pc::new();
    let (sender, events) = mpsc::channel();
    let told = move |event| {
        let handles = world().hcs.open_handles();
        sender.send((event, handles)).unwrap();
    };
    let watch = pc.hcs.watch(&vm(), told).unwrap();
    assert_eq!(world().hcs.open_handles(), 1);
    world().hcs.stop_system(vm().as_str());
    assert_eq!(events.recv_timeout(LONG), Ok((SystemEvent::Exited, 0)));
    drop(watch);
    assert!(events.recv().is_err());
}

#[test]
fn two_watches_are_two_handles() {
    let pc = Pc::new();
    let (sender, events) = mpsc::channel();
    let other = sender.clone();
    let first = pc
        .hcs
        .watch(&vm(), move |event| sender.send(event).unwrap())
        .unwrap();
    let second = pc
        .hcs
        .watch(&vm(), move |event| other.send(event).unwrap())
        .unwrap();
    assert_eq!(world().hcs.open_handles(), 2);
    drop(first);
    assert_eq!(world().hcs.open_handles(), 1);
    world().hcs.disconnect();
    assert_eq!(
        events.recv_timeout(LONG),
        Ok(SystemEvent::ServiceDisconnect)
    );
    drop(second);
    assert!(events.recv().is_err());
}

#[test]
fn switches_and_ports_are_told_about() {
    let pc = Pc::new();
    let (sender, events) = mpsc::channel();
    let watch = pc
        .hcs
        .watch_networks(move |event| sender.send(event).unwrap())
        .unwrap();
    pc.hcs.create_network(&new_network()).unwrap();
    pc.hcs.create_endpoint(&new_endpoint()).unwrap();
    pc.hcs.add_adapter(&vm(), &adapter()).unwrap();
    for expected in [NetworkEvent::Created, NetworkEvent::EndpointAttached] {
        assert_eq!(events.recv_timeout(LONG), Ok(expected));
    }
    drop(watch);
    pc.hcs.remove_adapter(&vm(), &adapter()).unwrap();
    assert!(events.recv().is_err());
}
