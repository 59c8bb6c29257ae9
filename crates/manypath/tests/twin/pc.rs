//! The PC, as its user has it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use lab::rig::{Rig, RigSpec};
use lab::topology::{Lab, Node, Uplink};
use lab::traffic::Client;
use netcfg::NetNs;
use serde_json::Value;
use uuid::Uuid;

use crate::SOON;
use crate::guest::{Guest, ip};
use crate::machine::{Twin, listen};
use crate::wine::Wine;

/// The PC's network cards, and the lab's uplinks that they are in the guest.
pub const CARDS: [(&str, &str); 2] = [("wifi", "eth1"), ("ethernet", "eth2")];

/// What Windows knows the user by, below HKEY_USERS and for the user.
const LXSS: &str = r"Software\Microsoft\Windows\CurrentVersion\Lxss";
const UBUNTU: &str = "{00000000-0000-0000-0000-000000000001}";

const CONFIG: &str = "# mine\r\n[wsl2]\r\nmemory=4GB\r\n";

pub struct Pc {
    rig: Rig,
    wine: Wine,
    twin: Arc<Mutex<Twin>>,
    guest: Arc<Guest>,
    /// The other ends of the PC's cards.
    walls: NetNs,
}

/// Where the traffic of the PC's programs goes.
#[derive(Debug, PartialEq, Eq)]
pub enum Routes {
    IntoTheVm,
    Own,
    /// Between these.
    Half,
}

/// All that must be again as it was.
#[derive(Debug, PartialEq, Eq)]
pub struct World {
    routes: String,
    files: BTreeMap<PathBuf, Vec<u8>>,
    registry: String,
    switches: usize,
    plugged: usize,
}

impl Pc {
    pub fn up() -> Self {
        let mut rig = Rig::up(RigSpec::new(env!("CARGO_BIN_EXE_manypath"))).expect("a lab");
        rig.stop_edge().expect("a clean stop");
        let guest = Guest::new(rig.lab());
        let (windows, walls) = (
            rig.lab().namespace(Node::Windows).clone(),
            NetNs::new().expect("a namespace"),
        );
        // The lab's way into the guest is what the service is to make.
        ip(&windows, &["route", "flush", "default"]);
        for (name, _) in CARDS {
            let pair = ["link", "add", name, "type", "veth", "peer", "name", "wall"];
            ip(&walls, &pair);
            let wall = format!("{name}-wall");
            ip(&walls, &["link", "set", "wall", "name", &wall, "up"]);
            plug(&walls, &windows, name);
        }
        let index = |name: &str| index(&windows, name);
        let cards = CARDS.map(|(name, _)| (index(name), name));
        let twin = Twin::up(rig.lab(), &guest, &cards, index("eth0"));
        let booted = Arc::clone(&twin);
        guest.serve(listen(rig.lab(), 4791), move || boot(&booted));
        let wine = Wine::up(rig.lab());
        let pc = Self {
            rig,
            wine,
            twin,
            guest,
            walls,
        };
        pc.install_wsl();
        pc
    }

    fn install_wsl(&self) {
        let lab = self.rig.lab();
        let wsl = std::env::var("MANYPATH_WSL").expect("MANYPATH_WSL: ./test windows sets it");
        let folder = self.wine.file("wsl");
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::copy(wsl, folder.join("wsl.exe")).expect("the stand-in");
        let msi = format!(r"HKLM\{LXSS}\MSI");
        self.wine.register(lab, &msi, "InstallLocation", r"C:\wsl\");
        self.wine.register(lab, &msi, "Version", "2.6.1.0");
        let user = format!(r"HKCU\{LXSS}");
        self.wine
            .register(lab, &user, "DefaultDistribution", UBUNTU);
        let ubuntu = format!(r"{user}\{UBUNTU}");
        self.wine
            .register(lab, &ubuntu, "DistributionName", "Ubuntu");
        std::fs::write(self.config(), CONFIG).expect("a file");
        // What is unpacked.
        let program = std::env::var("MANYPATH_EXE").expect("MANYPATH_EXE: ./test windows sets it");
        let unpacked = self.wine.file("unpacked");
        std::fs::create_dir_all(&unpacked).expect("a folder");
        std::fs::copy(program, unpacked.join("manypath.exe")).expect("the program");
        for name in ["manypath-guest.wsl", "kernel", "modules.vhdx"] {
            std::fs::write(unpacked.join(name), name).expect("a file");
        }
    }

    /// `.wslconfig` of the one user that Wine has.
    fn config(&self) -> PathBuf {
        let users = self.wine.file("users");
        let user = std::env::var("USER").unwrap_or_else(|_| "root".to_owned());
        users.join(user).join(".wslconfig")
    }

    /// Runs a command as a user would.
    pub fn manypath(&self, arguments: &[&str]) -> Result<String, String> {
        let program = r"C:\unpacked\manypath.exe";
        if arguments != ["status", "--json"] {
            println!("manypath {arguments:?}");
        }
        let output = self.wine.run(self.rig.lab(), program, arguments);
        let said = String::from_utf8_lossy(&output.stdout).replace("\r\n", "\n");
        match output.status.success() {
            true => Ok(said),
            false => Err(format!(
                "{said}{}\n{}",
                String::from_utf8_lossy(&output.stderr),
                self.logs()
            )),
        }
    }

    fn status(&self) -> Value {
        let text = self.manypath(&["status", "--json"]);
        let json = text.ok().and_then(|text| serde_json::from_str(&text).ok());
        json.unwrap_or_default()
    }

    pub fn until(&self, what: &str, is_so: impl Fn(&Value) -> bool) {
        println!("{what}");
        let deadline = Instant::now() + SOON;
        loop {
            let status = self.status();
            if is_so(&status) {
                return;
            }
            let logs = || self.logs();
            assert!(Instant::now() < deadline, "{what}: {status:#}\n{}", logs());
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn logs(&self) -> String {
        let folder = self.wine.file("ProgramData/Manypath/logs");
        let files = std::fs::read_dir(folder).into_iter().flatten();
        let texts = files.filter_map(|file| std::fs::read_to_string(file.ok()?.path()).ok());
        texts.collect()
    }

    pub fn link(&self) -> String {
        self.rig.link().to_string()
    }

    /// A program of the PC's goes to the origin.
    pub fn connect(&self, limit: Duration) -> Client {
        match self.rig.connect(limit) {
            Ok(client) => client,
            Err(error) => panic!("{error}\n{:#}\n{}", self.status(), self.logs()),
        }
    }

    /// What each link has carried down.
    pub fn carried(&self) -> Vec<u64> {
        let links = [Uplink::FIRST, Uplink::SECOND].map(|it| self.lab().link(it).counters());
        links.iter().map(|it| it.down.bytes).collect()
    }

    fn lab(&self) -> &Lab {
        self.rig.lab()
    }

    pub fn routes(&self) -> Routes {
        match self
            .route_list()
            .lines()
            .filter(|it| it.contains("/1 via"))
            .count()
        {
            0 => Routes::Own,
            2 => Routes::IntoTheVm,
            _ => Routes::Half,
        }
    }

    pub fn until_routes(&self, wanted: Routes) {
        let deadline = Instant::now() + SOON;
        while self.routes() != wanted {
            assert!(Instant::now() < deadline, "{wanted:?}\n{}", self.logs());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn route_list(&self) -> String {
        let windows = self.lab().namespace(Node::Windows);
        let output = windows.command("ip").arg("route").output();
        String::from_utf8_lossy(&output.expect("ip is there").stdout).into_owned()
    }

    /// The card is pulled out.
    pub fn pull(&self, card: &str) {
        let windows = self.lab().namespace(Node::Windows);
        let index = index(windows, card);
        plug(windows, &self.walls, card);
        let mut twin = self.twin.lock().expect("no panic");
        twin.hcs.remove_nic(card);
        twin.ip
            .remove_interface(fakes::ip::Interface::ethernet(index, card).luid);
    }

    pub fn plug(&self, card: &str) {
        let windows = self.lab().namespace(Node::Windows);
        plug(&self.walls, windows, card);
        let index = index(windows, card);
        let mut twin = self.twin.lock().expect("no panic");
        twin.hcs.add_nic(card);
        twin.ip
            .add_interface(fakes::ip::Interface::ethernet(index, card));
    }

    pub fn kill_edge(&self) {
        self.guest.kill();
    }

    /// `wsl --shutdown` by the user.
    pub fn restart_vm(&self) {
        let ids: Vec<String> = {
            let twin = self.twin.lock().expect("no panic");
            twin.hcs.systems().iter().map(|it| it.id.clone()).collect()
        };
        self.guest.halt();
        let mut twin = self.twin.lock().expect("no panic");
        ids.iter().for_each(|id| twin.hcs.stop_system(id));
    }

    /// Windows crashes with all that runs on it, and starts again.
    pub fn crash(&mut self) {
        self.wine.down(self.rig.lab());
        self.wine.start(self.rig.lab());
    }

    pub fn world(&self) -> World {
        let twin = self.twin.lock().expect("no panic");
        let (switches, plugged) = (twin.hcs.networks().len(), self.guest.plugged().len());
        drop(twin);
        let config = self.config();
        let mut files = BTreeMap::new();
        files.insert(config.clone(), std::fs::read(config).expect("it is there"));
        for folder in ["ProgramData/Manypath", "Program Files/Manypath"] {
            for entry in std::fs::read_dir(self.wine.file(folder))
                .into_iter()
                .flatten()
            {
                files.insert(entry.expect("an entry").path(), Vec::new());
            }
        }
        let user = self.wine.registry(self.lab(), &format!(r"HKCU\{LXSS}"));
        let service = r"HKLM\System\CurrentControlSet\Services\manypath";
        World {
            routes: self.route_list(),
            files,
            registry: user + &self.wine.registry(self.lab(), service),
            switches,
            plugged,
        }
    }

    pub fn assert_same(&self, before: &World) {
        assert_eq!(&self.world(), before, "{}", self.logs());
    }
}

impl Drop for Pc {
    fn drop(&mut self) {
        self.guest.kill();
        self.wine.down(self.rig.lab());
    }
}

/// WSL starts its VM for the first program.
fn boot(twin: &Mutex<Twin>) {
    let mut twin = twin.lock().expect("no panic");
    if twin.hcs.systems().is_empty() {
        twin.hcs.start_system(Uuid::from_u128(fastrand::u128(..)));
    }
}

/// Puts a card elsewhere, and a cable into it.
fn plug(from: &NetNs, to: &NetNs, card: &str) {
    use std::os::fd::{AsFd, AsRawFd};
    let place = format!("/proc/{}/fd/{}", std::process::id(), to.as_fd().as_raw_fd());
    ip(from, &["link", "set", card, "netns", &place]);
    ip(to, &["link", "set", card, "up"]);
}

fn index(namespace: &NetNs, name: &str) -> u32 {
    let output = namespace
        .command("ip")
        .args(["-o", "link", "show", name])
        .output();
    let output = output.expect("ip is there");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let index = text.split(':').next().and_then(|it| it.parse().ok());
    index.unwrap_or_else(|| panic!("{name}: {output:?}"))
}
