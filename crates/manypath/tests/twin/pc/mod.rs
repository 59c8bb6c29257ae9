//! The PC, as its user has it.

mod kernel;
mod setup;
mod windows;
mod world;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use host::Goal;
use host::recording::Recording;
use host::wiring::plan;
use lab::rig::Rig;
use lab::topology::{Lab, Node, Uplink};
use lab::traffic::{Client, Direction, Flow, NameServer};
use netcfg::NetNs;
use serde_json::Value;

use crate::SOON;
use crate::common::Names;
use crate::guest::Guest;
use crate::machine::Twin;
use crate::wine::Wine;

/// The PC's network cards, and the lab's uplinks that they are in the guest.
pub const CARDS: [(&str, Uplink); 2] = [("wifi", Uplink::FIRST), ("ethernet", Uplink::SECOND)];

/// What Windows knows the user by, below HKEY_USERS and for the user.
const LXSS: &str = r"Software\Microsoft\Windows\CurrentVersion\Lxss";

/// Where the service's files are.
const STORE: &str = "ProgramData/Manypath";

const CONFIG: &str = "# mine\r\n[wsl2]\r\nmemory=4GB\r\n";

pub struct Pc {
    rig: Rig,
    wine: Wine,
    twin: Arc<Mutex<Twin>>,
    guest: Arc<Guest>,
    /// The other ends of the PC's cards.
    walls: NetNs,
    /// The hub's.
    _name_server: NameServer,
    _names: Names,
}

/// Where the traffic of the PC's programs goes.
#[derive(Debug, PartialEq, Eq)]
pub enum Routes {
    IntoTheVm,
    Own,
    /// Between these.
    Half,
}

impl Pc {
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

    /// What `doctor --record` writes shows the same here, without Windows: nothing is left to do.
    pub fn assert_recording_replays(&self) {
        // It may say that something is missing: Wine is no Windows.
        let said = self.manypath(&["doctor", "--record", r"C:\recording.json"]);
        let text = std::fs::read_to_string(self.wine.file("recording.json"));
        let text = text.unwrap_or_else(|error| panic!("{error}: {said:?}"));
        let recording: Recording = serde_json::from_str(&text).expect("it is one");
        let service = recording.service.expect("the service was asked");
        let observed = service.observed().expect("Windows could tell");
        assert_eq!((observed.cards.len(), observed.endpoints.len()), (2, 2));
        assert_eq!(plan(Goal::Up, &observed), []);
        if let Ok(file) = std::env::var("MANYPATH_RECORDING") {
            std::fs::write(file, text).expect("a file");
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
        let folder = self.wine.file(STORE).join("logs");
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

    /// A program of the PC's that goes on and on.
    pub fn flow(&self, direction: Direction) -> Flow {
        let flow = self.rig.flow(direction);
        flow.unwrap_or_else(|error| panic!("{error:#}\n{}", self.logs()))
    }

    /// What each link has carried down, in the cards' order.
    pub fn carried(&self) -> [u64; 2] {
        CARDS.map(|(_, uplink)| self.lab().link(uplink).counters().down.bytes)
    }

    /// Waits until each link has carried so many more bytes.
    pub fn until_more(&self, what: &str, bytes: [u64; 2]) {
        println!("{what}");
        let before = self.carried();
        let deadline = Instant::now() + SOON;
        let is_more = |now: [u64; 2]| (0..2).all(|it| now[it] >= before[it] + bytes[it]);
        while !is_more(self.carried()) {
            let logs = || self.logs();
            assert!(
                Instant::now() < deadline,
                "{what}: {before:?} {:?}\n{}",
                self.carried(),
                logs()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The lab, in which the PC is the Windows side.
    pub fn rig(&self) -> &Rig {
        &self.rig
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
        self.list(&["route"])
    }

    fn list(&self, what: &[&str]) -> String {
        let windows = self.lab().namespace(Node::Windows);
        let output = windows.command("ip").args(what).output();
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

    /// The cable of a card that stays where it is.
    pub fn plug_cable(&self, card: &str, is_in: bool) {
        let state = if is_in { "up" } else { "down" };
        ip(
            &self.walls,
            &["link", "set", &format!("{card}-wall"), state],
        );
    }

    pub fn kill_edge(&self) {
        self.guest.kill();
    }

    /// `wsl --shutdown` by the user.
    pub fn restart_vm(&self) {
        self.guest.halt();
    }

    /// The VM has ended.
    pub fn assert_no_vm(&self) {
        assert_eq!(self.twin.lock().expect("no panic").vms(), [""; 0]);
        assert!(self.guest.plugged().is_empty());
    }

    /// Windows crashes with all that runs on it, and starts again.
    pub fn crash(&mut self) {
        self.wine.down(self.rig.lab());
        self.wine.start(self.rig.lab());
    }
}

impl Drop for Pc {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}", self.guest.logs());
        }
        self.guest.kill();
        self.wine.down(self.rig.lab());
    }
}

pub fn ip(namespace: &NetNs, arguments: &[&str]) {
    let output = namespace.command("ip").args(arguments).output();
    let output = output.expect("ip is there");
    assert!(output.status.success(), "ip {arguments:?}: {output:?}");
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
