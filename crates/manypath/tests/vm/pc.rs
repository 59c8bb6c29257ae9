//! The PC: Windows programs, a VM with the edge, and cards.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use lab::rig::{self, Rig, RigSpec};
use lab::topology::{Lab, LabSpec, Node, Uplink, addresses};
use lab::traffic::Transfer;
use lab::vm::{Switches, Vm, VmSpec};
use toml::{Table, Value};

use crate::UPLINKS;
use crate::host::Host;

/// How long things may take. The VM's processor is emulated, on a machine that may have other work.
pub const SOON: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_millis(50);

/// What the hub is called, which the edge must look up.
const HUB: &str = "hub.example";

/// Slow enough for an emulated processor: one that has too much to do hears late of cards.
const LINKS: [&str; 2] = ["8mbit,20ms", "6mbit,40ms"];

pub struct Pc {
    pub host: Host,
    vm: Option<Vm>,
    name_server: Child,
    rig: Rig,
}

/// A Windows program that downloads.
pub struct Download {
    received: Arc<AtomicU64>,
    thread: JoinHandle<Transfer>,
}

impl Pc {
    pub fn up() -> Self {
        let mut rig = Rig::up(RigSpec {
            lab: LabSpec::with_links(LINKS.map(|it| it.parse().expect("a link"))),
            ..RigSpec::new(env!("CARGO_BIN_EXE_manypath"))
        })
        .expect("a lab");
        rig.stop_edge().expect("a clean stop");
        let name_server = serve_names(rig.lab());
        let folder = |name| PathBuf::from(std::env::var(name).expect("./test sets it"));
        let guest = folder("MANYPATH_GUEST");
        let spec = VmSpec {
            kernel: folder("MANYPATH_KERNEL"),
            image: guest.join("manypath-guest.wsl"),
            init: guest.join("init"),
        };
        let began = Instant::now();
        let vm = Switches::make(rig.lab()).and_then(|switches| Vm::boot(&switches, &spec));
        let mut vm = vm.unwrap_or_else(|error| panic!("{error}"));
        let stdin = vm.take_stdin().expect("open");
        let stdout = vm.stdout().try_clone().expect("a socket");
        let pc = Self {
            host: Host::new(stdin, stdout),
            vm: Some(vm),
            name_server,
            rig,
        };
        println!("QEMU started after {:?}", began.elapsed());
        pc
    }

    /// The rig's settings, but for what is of this machine; and what the second uplink is for.
    pub fn set(&mut self, role: &str) {
        let file = self.rig.folder().join("edge.toml");
        let text = std::fs::read_to_string(file).expect("the rig's settings");
        let mut settings: Table = text.parse().expect("settings");
        settings.remove("usage");
        settings.remove("control");
        let uplinks = [(Uplink::FIRST, "active"), (Uplink::SECOND, role)].map(|(uplink, role)| {
            let keys = [
                ("mac", Vm::mac(uplink).to_string()),
                ("role", role.to_owned()),
            ];
            let keys = keys.map(|(key, value)| (key.to_owned(), Value::from(value)));
            Value::from(Table::from_iter(keys))
        });
        settings.insert("uplink".to_owned(), Value::Array(uplinks.into()));
        let hub = addresses::HUB.ipv4().to_string();
        let text = settings.to_string().replace(&hub, HUB);
        self.host.set(text);
    }

    fn vm(&mut self) -> &mut Vm {
        self.vm.as_mut().expect("it runs")
    }

    pub fn plug(&mut self, uplink: Uplink) {
        let plugged = self.vm().plug(uplink, Vm::mac(uplink));
        plugged.unwrap_or_else(|error| panic!("{error}"));
    }

    pub fn unplug(&mut self, uplink: Uplink) {
        let unplugged = self.vm().unplug(uplink);
        unplugged.unwrap_or_else(|error| panic!("{error}"));
    }

    pub fn sleep(&mut self, time: Duration) {
        self.vm().sleep(time).expect("the VM hears");
    }

    /// How many requests the networks' DHCP servers have seen.
    pub fn requests(&self) -> [u64; 2] {
        UPLINKS.map(|it| {
            let server = self.rig.lab().dhcp_server(it).expect("a server");
            server.counters().requests
        })
    }

    /// Waits until each server has seen another one.
    pub fn until_requests(&mut self, what: &str, before: [u64; 2]) {
        let deadline = Instant::now() + SOON;
        let all_more = |now: [u64; 2]| now.iter().zip(before).all(|(now, before)| *now > before);
        while !all_more(self.requests()) {
            assert!(Instant::now() < deadline, "{what}: {:?}", self.requests());
            thread::sleep(POLL);
        }
    }

    pub fn resident(&mut self) -> u64 {
        self.vm().resident().expect("the edge runs")
    }

    /// Waits until so many uplinks are up, and the hub answers.
    pub fn until_in_use(&mut self, uplinks: usize) {
        let deadline = Instant::now() + SOON;
        loop {
            let status = self.host.status();
            if rig::uplinks_in_use(&status) == uplinks
                && status["hub_connections"]["idle"].as_u64() > Some(0)
            {
                return;
            }
            assert!(Instant::now() < deadline, "{status:#}");
            thread::sleep(POLL);
        }
    }

    /// Waits until the edge uses an uplink like this.
    pub fn until_used(&mut self, uplink: Uplink, used: &str) {
        let deadline = Instant::now() + SOON;
        loop {
            let status = self.host.status();
            if status["uplinks"][uplink.position()]["use"] == used {
                return;
            }
            assert!(Instant::now() < deadline, "{status:#}");
            thread::sleep(POLL);
        }
    }

    /// Waits until so many more bytes have come over a link, while a download goes on.
    pub fn until_more(&mut self, uplink: Uplink, bytes: u64, download: &Download) {
        let before = self.carried();
        while self.carried_since(&before)[uplink.position()] < bytes {
            if download.is_done() {
                let status = self.host.status();
                panic!(
                    "it went on without {uplink}: {:?} {status:#}",
                    self.carried()
                );
            }
            thread::sleep(POLL);
        }
    }

    /// What each link has carried down.
    pub fn carried(&self) -> [u64; 2] {
        UPLINKS.map(|it| self.rig.lab().link(it).counters().down.bytes)
    }

    pub fn carried_since(&self, before: &[u64; 2]) -> [u64; 2] {
        let now = self.carried();
        [now[0] - before[0], now[1] - before[1]]
    }

    pub fn download(&self, bytes: u64) -> Download {
        let mut client = self.rig.connect(SOON).expect("a connection");
        let received = Arc::<AtomicU64>::default();
        let thread = thread::spawn({
            let received = Arc::clone(&received);
            move || {
                let more = |bytes| {
                    received.fetch_add(bytes, Ordering::Relaxed);
                };
                client.download(bytes, more).expect("it comes")
            }
        });
        Download { received, thread }
    }

    pub fn assert_downloads(&self, bytes: u64) {
        let transfer = self.download(bytes).finish();
        println!("{:.1} Mb/s", transfer.goodput() / 1e6);
        assert!(transfer.intact);
    }

    /// The host goes, and the VM with it. Returns the edge's exit code.
    pub fn shut_down(mut self) -> u64 {
        let vm = self.vm.take().expect("it runs");
        let logs = vm.logs();
        let words = [" WARN ", " ERROR ", "this kernel lacks"];
        let notable = |line: &&str| words.iter().any(|word| line.contains(word));
        logs.lines().filter(notable).for_each(|it| println!("{it}"));
        self.host.go();
        vm.wait(SOON).unwrap_or_else(|error| panic!("{error}"))
    }
}

impl Drop for Pc {
    fn drop(&mut self) {
        if let Some(vm) = self.vm.as_ref().filter(|_| thread::panicking()) {
            println!("{}", vm.logs());
        }
        let _ = self.name_server.kill();
        let _ = self.name_server.wait();
    }
}

impl Download {
    /// Waits until so many more bytes have come.
    pub fn until_more(&self, bytes: u64) {
        let deadline = Instant::now() + SOON;
        let wanted = self.received.load(Ordering::Relaxed) + bytes;
        while self.received.load(Ordering::Relaxed) < wanted {
            assert!(Instant::now() < deadline && !self.is_done());
            thread::sleep(POLL);
        }
    }

    pub fn is_done(&self) -> bool {
        self.thread.is_finished()
    }

    pub fn finish(self) -> Transfer {
        self.thread.join().expect("it comes")
    }
}

/// Windows answers for names, as it does in WSL's network.
fn serve_names(lab: &Lab) -> Child {
    let hub: Ipv4Addr = addresses::HUB.ipv4();
    let mut command = lab.command(Node::Windows, "dnsmasq");
    command.args(["--keep-in-foreground", "--no-resolv", "--no-hosts"]);
    command.args(["--conf-file=/dev/null", "--pid-file=", "--user=root"]);
    command.arg(format!("--address=/{HUB}/{hub}"));
    let server = command.stdin(Stdio::null()).spawn();
    server.expect("dnsmasq is there")
}
