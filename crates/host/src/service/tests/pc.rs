//! A PC of models.

mod registry;
mod world;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use fakes::hcs::Hcs as Model;
use hcs::{Hcs, Recorder};
use ipnet::IpNet;
use serde_json::Value as Json;
use tempfile::TempDir;
use uuid::Uuid;
use winnet::{FakePolicy, Interface, Kind, Luid, Net, NewAddress, Original, Policy};
use winproc::fake::{FakeUsers, Stdio};
use winproc::{Account, Program, Session, SessionId, SessionState, UserCommand};
use wslconfig::{Document, Key};

use super::edge::Edges;
use crate::cards::tests::interface;
use crate::control::{Answer, Asker, Request};
use crate::kernels::shelf::{Shelf, tests as shelves};
use crate::recording::ServiceRecording;
use crate::registry::Hive;
use crate::service::{Handle, Image, Parts, Service};
use crate::store::Store;
use crate::wiring::wirer_tests::{NoHyperV, World};
use registry::SharedRegistry;

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
    pub policy: Arc<FakePolicy>,
    users: FakeUsers,
    registry: SharedRegistry,
    folder: TempDir,
    /// What WSL starts whatever .wslconfig says, as by a policy.
    forced_kernel: Arc<Mutex<Option<String>>>,
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
        Self::with(|_| {})
    }

    /// With this in its folder before the service starts.
    pub fn with(prepare: impl FnOnce(&Store)) -> Self {
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
            policy: Arc::new(FakePolicy::new(Policy {
                group: None,
                local: Original::Value(0),
            })),
            users: FakeUsers::default(),
            registry,
            folder,
            forced_kernel: Arc::default(),
        };
        prepare(&pc.store());
        pc.start(net);
        pc
    }

    fn start(&mut self, net: Net) {
        let path = |name: &str| {
            format!(r"C:\Program Files\Manypath\{name}")
                .parse()
                .unwrap()
        };
        let recorder = Arc::new(Recorder::new(Arc::new(hcs::Fake::new(self.world.clone()))));
        let parts = Parts {
            hcs: Hcs::new(recorder.clone()),
            recorder,
            net,
            policy: self.policy.clone(),
            users: Arc::new(self.users.clone()),
            registry: Arc::new(self.registry.clone()),
            other_way: Box::new(NoHyperV),
            store: self.store(),
            shelf: self.shelf(),
            program: Program::new(r"C:\Program Files\Manypath\manypath.exe").unwrap(),
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

    fn store(&self) -> Store {
        Store::new(self.folder.path(), |file, bytes| {
            std::fs::write(file, bytes)
        })
    }

    pub fn shelf(&self) -> Shelf {
        Shelf::new(self.folder.path().join("kernels"), shelves::FOR_WSL)
    }

    pub fn kernels(&self) -> crate::kernels::Record {
        self.store().kernels().unwrap()
    }

    /// WSL starts this kernel, whatever .wslconfig says.
    pub fn force_kernel(&self, release: &str) {
        *self.forced_kernel.lock().unwrap() = Some(release.to_owned());
    }

    pub fn log_on(&self, person: Person) {
        let hive = Hive::User(person.sid());
        self.registry.0.lock().unwrap().load(&person.sid());
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
        let (config, forced) = (profile.join(".wslconfig"), Arc::clone(&self.forced_kernel));
        let wsl = move |command: &UserCommand, stdio: Stdio| {
            let arguments = command.given_arguments();
            if arguments.iter().any(|it| it == "--exec") {
                return edge.run(stdio);
            }
            if arguments == ["--shutdown"] {
                let forced = forced.lock().unwrap().clone();
                edge.boot(forced.unwrap_or_else(|| release_in(&config)));
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

    pub fn status(&self) -> Json {
        match self.ask(Request::Status) {
            Answer::Status(status) => status,
            other => panic!("{other:?}"),
        }
    }

    pub fn recorded(&self) -> ServiceRecording {
        match self.ask(Request::Record) {
            Answer::Recorded(recorded) => *recorded,
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
}

/// The release of the kernel that .wslconfig names.
fn release_in(config: &Path) -> String {
    let document = Document::parse(&std::fs::read(config).unwrap()).unwrap();
    let kernel = document
        .get(Key::Kernel)
        .map(|it| it.text)
        .unwrap_or_default();
    match kernel
        .strip_prefix(shelves::FOR_WSL)
        .and_then(|it| it[1..].split_once('-'))
    {
        Some((release, _)) => release.to_owned(),
        None if kernel.is_empty() => "6.18-of-microsoft".to_owned(),
        None => "6.18".to_owned(),
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
