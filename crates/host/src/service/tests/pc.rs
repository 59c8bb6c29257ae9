//! A PC of models.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use fakes::hcs::Hcs as Model;
use hcs::Hcs;
use ipnet::IpNet;
use serde_json::Value;
use tempfile::TempDir;
use uuid::Uuid;
use winnet::{Interface, Kind, Luid, Net, NewAddress, NewRoute};
use winproc::fake::{FakeUsers, Stdio};
use winproc::{Account, Session, SessionId, SessionState, UserCommand};

use super::edge::Edges;
use crate::cards::tests::interface;
use crate::control::{Answer, Asker, Request};
use crate::registry::fake::FakeRegistry;
use crate::registry::{Hive, Registry};
use crate::service::{Handle, Image, Parts, Service};
use crate::store::Store;
use crate::wiring::wirer_tests::{NoHyperV, World};

pub const VM: Uuid = Uuid::from_u128(0x1000);
const NEXT_VM: Uuid = Uuid::from_u128(0x2000);

const LXSS: &str = r"Software\Microsoft\Windows\CurrentVersion\Lxss";
const UBUNTU: &str = "{00000000-0000-0000-0000-000000000001}";
const OURS: &str = "{00000000-0000-0000-0000-000000000002}";

/// The host's end of WSL's network.
const WSL_LINK: u8 = 9;

const LIMIT: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, Debug)]
pub struct Person {
    name: &'static str,
    number: u32,
}

pub const ANN: Person = Person {
    name: "ann",
    number: 1,
};
pub const BOB: Person = Person {
    name: "bob",
    number: 2,
};

impl Person {
    fn sid(self) -> String {
        format!("S-1-5-21-1-2-3-{}", 1000 + self.number)
    }
}

pub fn owner(person: Person) -> Asker {
    Asker {
        sid: person.sid(),
        is_administrator: false,
    }
}

pub struct Pc {
    pub edge: Edges,
    handle: Handle,
    service: Option<JoinHandle<()>>,
    world: Arc<Mutex<World>>,
    network: winnet::Fake,
    users: FakeUsers,
    registry: SharedRegistry,
    folder: TempDir,
}

/// One that `wsl.exe` changes.
#[derive(Clone, Debug, Default)]
struct SharedRegistry(Arc<Mutex<FakeRegistry>>);

impl Registry for SharedRegistry {
    fn text(&self, hive: &Hive, key: &str, value: &str) -> Option<String> {
        self.0.lock().unwrap().text(hive, key, value)
    }

    fn number(&self, hive: &Hive, key: &str, value: &str) -> Option<u32> {
        self.0.lock().unwrap().number(hive, key, value)
    }

    fn keys(&self, hive: &Hive, key: &str) -> Vec<String> {
        self.0.lock().unwrap().keys(hive, key)
    }

    fn numbers(&self, hive: &Hive, key: &str) -> Vec<(String, u32)> {
        self.0.lock().unwrap().numbers(hive, key)
    }
}

impl SharedRegistry {
    fn set(&self, hive: &Hive, key: &str, value: &str, text: &str) {
        self.0.lock().unwrap().set_text(hive, key, value, text);
    }

    /// What `wsl.exe` does to it.
    fn wsl(&self, person: Person, arguments: &[String]) {
        let hive = Hive::User(person.sid());
        let ours = format!(r"{LXSS}\{OURS}");
        match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["--import", name, ..] => self.set(&hive, &ours, "DistributionName", name),
            ["--unregister", _] => self.0.lock().unwrap().remove_text(&hive, &ours),
            _ => {}
        }
    }
}

fn interfaces() -> Vec<Interface> {
    let link = Interface {
        description: "Hyper-V Virtual Ethernet Adapter #2".to_owned(),
        ..interface(
            WSL_LINK,
            "vEthernet (WSL (Hyper-V firewall))",
            Kind::Ethernet,
        )
    };
    vec![
        interface(1, "Wi-Fi", Kind::WiFi),
        interface(2, "Ethernet", Kind::Ethernet),
        link,
    ]
}

impl Pc {
    /// Two cards, and a VM that runs. Nobody is logged on.
    pub fn new() -> Self {
        let mut model = Model::default();
        model.add_nic("Wi-Fi");
        model.add_nic("Ethernet");
        model.start_system(VM);
        let world = Arc::new(Mutex::new(World(model)));
        let network = winnet::Fake::default();
        network.set_interfaces(interfaces());
        let net = Net::new(Arc::new(network.clone()));
        let address = NewAddress {
            interface: Luid(WSL_LINK.into()),
            net: "172.20.0.1/20".parse::<IpNet>().unwrap(),
            skip_as_source: false,
        };
        net.add_address(&address).unwrap();
        let registry = SharedRegistry::default();
        let program = r"C:\Program Files\WSL\";
        registry.set(
            &Hive::Machine,
            &format!(r"{LXSS}\MSI"),
            "InstallLocation",
            program,
        );
        let folder = tempfile::tempdir().unwrap();
        let mut pc = Self {
            edge: Edges::default(),
            handle: Handle::nobody(),
            service: None,
            world,
            network,
            users: FakeUsers::default(),
            registry,
            folder,
        };
        pc.start(net);
        pc
    }

    fn start(&mut self, net: Net) {
        let path = |name: &str| {
            format!(r"C:\Program Files\Manypath\{name}")
                .parse()
                .unwrap()
        };
        let store = Store::new(self.folder.path(), |file, bytes| {
            std::fs::write(file, bytes)
        });
        let parts = Parts {
            hcs: Hcs::new(Arc::new(hcs::Fake::new(self.world.clone()))),
            net,
            users: Arc::new(self.users.clone()),
            registry: Arc::new(self.registry.clone()),
            other_way: Box::new(NoHyperV),
            store,
            image: Image {
                file: PathBuf::from("guest.wsl"),
                id: "0.1.0".to_owned(),
                kernel: Some(wslconfig::Kernel {
                    kernel: path("kernel"),
                    modules: path("modules.vhdx"),
                }),
            },
        };
        let (service, handle) = Service::new(parts).unwrap();
        self.handle = handle;
        self.service = Some(std::thread::spawn(move || service.run()));
    }

    pub fn log_on(&self, person: Person) {
        let hive = Hive::User(person.sid());
        self.registry
            .set(&hive, LXSS, "DefaultDistribution", UBUNTU);
        let ubuntu = format!(r"{LXSS}\{UBUNTU}");
        self.registry
            .set(&hive, &ubuntu, "DistributionName", "Ubuntu");
        let profile = self.folder.path().join(person.name);
        std::fs::create_dir_all(&profile).unwrap();
        std::fs::write(profile.join(".wslconfig"), "[wsl2]\nmemory=4GB\n").unwrap();
        let session = Session {
            id: SessionId(person.number),
            console: true,
            state: SessionState::Active,
            user: Some(Account {
                sid: person.sid().parse().unwrap(),
                name: format!(r"PC\{}", person.name),
            }),
        };
        let (edge, registry) = (self.edge.clone(), self.registry.clone());
        let wsl = move |command: &UserCommand, stdio: Stdio| {
            let arguments = command.given_arguments();
            if arguments.iter().any(|it| it == "--exec") {
                return edge.run(stdio);
            }
            registry.wsl(person, arguments);
            0
        };
        self.users.log_on(session, profile, wsl);
        self.handle.look();
    }

    pub fn log_off(&self, person: Person) {
        self.users.log_off(SessionId(person.number));
        self.edge.die();
        self.handle.look();
    }

    pub fn stop(&mut self) {
        self.handle.stop();
        if let Some(service) = self.service.take() {
            service.join().unwrap();
        }
    }

    pub fn ask(&self, request: Request) -> Answer {
        let asker = Asker {
            sid: "S-1-5-32-544".to_owned(),
            is_administrator: true,
        };
        self.ask_as(&asker, request)
    }

    pub fn ask_as(&self, asker: &Asker, request: Request) -> Answer {
        self.handle.ask(request, asker.clone())
    }

    pub fn status(&self) -> Value {
        match self.ask(Request::Status) {
            Answer::Status(status) => status,
            other => panic!("{other:?}"),
        }
    }

    pub fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + LIMIT;
        while !is_so(self) {
            assert!(Instant::now() < deadline, "{what}: {:#}", self.status());
            // The service has no event for what is looked at here.
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The half-default routes into WSL's network.
    pub fn routes(&self) -> Vec<String> {
        let ip = self.network.ip();
        let halves = ip.routes().iter().filter(|route| {
            route.prefix_length == 1 && route.next_hop.to_string() == super::GATEWAY
        });
        halves.map(|route| route.destination.to_string()).collect()
    }

    /// As if a service had been killed.
    pub fn leave_routes(&self) {
        let net = Net::new(Arc::new(self.network.clone()));
        for destination in ["0.0.0.0/1", "128.0.0.0/1"] {
            let route = NewRoute {
                interface: Luid(WSL_LINK.into()),
                destination: destination.parse().unwrap(),
                gateway: super::GATEWAY.parse().unwrap(),
                metric: 0,
            };
            net.add_route(&route).unwrap();
        }
    }

    fn model<T>(&self, look: impl FnOnce(&mut Model) -> T) -> T {
        look(&mut self.world.lock().unwrap().0)
    }

    pub fn adapters(&self) -> usize {
        self.model(|model| model.systems().iter().map(|it| it.adapters.len()).sum())
    }

    pub fn endpoints(&self) -> usize {
        self.model(|model| model.endpoints().len())
    }

    pub fn switches(&self) -> usize {
        self.model(|model| model.networks().len())
    }

    pub fn pull_card(&self) {
        let interfaces = interfaces().into_iter();
        let left = interfaces.filter(|it| it.alias != "Wi-Fi").collect();
        self.network.set_interfaces(left);
    }

    /// WSL's VM ends, with the edge in it, and the next command starts another one.
    pub fn restart_vm(&self) {
        self.model(|model| {
            model.stop_system(&VM.to_string());
            model.start_system(NEXT_VM);
        });
        self.edge.live_in(NEXT_VM);
        self.edge.die();
    }

    pub fn config(&self, person: Person) -> String {
        let file = self.folder.path().join(person.name).join(".wslconfig");
        std::fs::read_to_string(file).unwrap()
    }

    pub fn settings(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("settings.toml")).unwrap()
    }

    pub fn write_settings(&self, text: &str) {
        std::fs::write(self.folder.path().join("settings.toml"), text).unwrap();
    }

    pub fn distributions(&self) -> Vec<String> {
        let (found, _) = crate::registry::distributions(&self.registry, &ANN.sid());
        found.into_iter().map(|it| it.name).collect()
    }

    pub fn default_distribution(&self) -> String {
        let (found, default) = crate::registry::distributions(&self.registry, &ANN.sid());
        let found = found.into_iter().find(|it| Some(it.id) == default);
        found.map(|it| it.name).unwrap_or_default()
    }
}

impl Drop for Pc {
    fn drop(&mut self) {
        self.handle.stop();
        self.edge.die();
        if let Some(service) = self.service.take() {
            let _ = service.join();
        }
    }
}
