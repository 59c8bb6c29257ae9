//! The typed layer against the model of Windows.

mod adapters;
mod networks;
mod recordings;
mod watches;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use fakes::hcs as model;
use hcs::{
    Adapter, AdapterId, Clock, EndpointId, Fake, Hcs, HcsError, MacAddress, NetworkId, NewEndpoint,
    NewNetwork, SystemId,
};
use uuid::Uuid;

const NIC: Uuid = Uuid::from_u128(0x3f25_04e0_4f89_11d3_9a0c_0305_e82c_3301);
const VM: Uuid = Uuid::from_u128(0x4eb1_f8e2_1111_2222_3333_0000_0000_000a);

/// A PC, and what talks to it.
struct Pc {
    model: Arc<Mutex<model::Hcs>>,
    hcs: Hcs,
    clock: Arc<TestClock>,
}

impl Pc {
    /// With a network card "Ethernet 2".
    fn new() -> Self {
        let mut pc = model::Hcs::default();
        pc.add_nic("Ethernet 2");
        let model = Arc::new(Mutex::new(pc));
        let clock = Arc::new(TestClock::default());
        let hcs = Hcs::with_clock(Arc::new(Fake::new(model.clone())), clock.clone());
        Self { model, hcs, clock }
    }

    /// With a running VM, a switch and an endpoint, too.
    fn ready() -> Self {
        let pc = Self::new();
        pc.model().start_system(VM);
        pc.hcs.create_network(&new_network()).expect("a switch");
        pc.hcs
            .create_endpoint(&new_endpoint())
            .expect("an endpoint");
        pc
    }

    fn model(&self) -> MutexGuard<'_, model::Hcs> {
        self.model.lock().expect("no test has panicked in it")
    }

    /// How often a function was called.
    fn calls(&self, function: &str) -> usize {
        let model = self.model();
        let calls = model.calls().iter();
        calls.filter(|request| request.call == function).count()
    }
}

/// Time goes by in sleep only.
#[derive(Default)]
struct TestClock {
    slept: Mutex<Duration>,
    start: std::sync::OnceLock<Instant>,
}

impl TestClock {
    fn slept(&self) -> Duration {
        *self.slept.lock().expect("no panic")
    }
}

impl Clock for TestClock {
    fn now(&self) -> Instant {
        *self.start.get_or_init(Instant::now) + self.slept()
    }

    fn sleep(&self, time: Duration) {
        *self.slept.lock().expect("no panic") += time;
    }
}

fn mac() -> MacAddress {
    MacAddress([0x14, 0x11, 0x22, 0x33, 0x44, 0x55]).locally_administered()
}

fn new_network() -> NewNetwork {
    NewNetwork {
        id: NetworkId::for_nic(NIC),
        name: "MPTCP - Ethernet 2".to_owned(),
        nic: "Ethernet 2".to_owned(),
    }
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

/// As WSL names it.
fn vm() -> SystemId {
    SystemId::new(VM.to_string().to_uppercase())
}

/// An error with its causes, as the user sees it.
fn chain(error: &HcsError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text += &format!(": {cause}");
        source = cause.source();
    }
    text
}
