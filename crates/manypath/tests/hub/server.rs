//! A hub of a test's own, in a lab of its own.

use std::fs;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use lab::rig::{HUB_PORT, ORIGIN_PORT, Process, ProcessError};
use lab::topology::{Lab, LabSpec, Node, addresses};
use lab::traffic::Origin;
use mptcp::{Endpoint, Limits, PathManager, Transport};
use netcfg::Sysctl;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tls::HubKey;

use crate::client;
use crate::edge::User;

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_manypath");

/// Where the hub listens for edges. SOCKS5 is on [`HUB_PORT`].
pub const EDGES_PORT: u16 = 443;

/// How long anything may take that a test waits for: much longer than it takes, because the machine
/// may have other work.
pub const LIMIT: Duration = Duration::from_secs(10);

/// A lab with an origin, and a place for a hub's files. The guest has both uplinks, without an edge.
pub struct Server {
    process: Option<Process>,
    /// A program that starts the hub: see [`Server::set_wrapper`].
    wrapper: Option<String>,
    pub lab: Lab,
    pub folder: TempDir,
    pub key: HubKey,
    /// In the hub's users file from the start.
    pub alice: User,
    _origin: Origin,
}

impl Server {
    /// With these settings beside the users file; nothing runs yet.
    pub fn prepare(settings: &str) -> Self {
        let lab = Lab::up(LabSpec::default().with_static_uplinks()).expect("a lab needs root");
        let any = SocketAddr::from((Ipv6Addr::UNSPECIFIED, ORIGIN_PORT));
        let origin = Origin::start(lab.namespace(Node::Origin), any, Transport::Tcp);
        let server = Self {
            process: None,
            wrapper: None,
            lab,
            folder: tempfile::tempdir().expect("a folder"),
            key: HubKey::generate(),
            alice: User::new("alice"),
            _origin: origin.expect("an origin"),
        };
        server.write("hub.key", &server.key.to_pem());
        server.write("users.toml", &server.alice.entry(""));
        server.write("users", "alice:wonder land\nbob:builder\n");
        server.set(settings);
        server
    }

    /// A hub that runs.
    pub fn start(settings: &str) -> Self {
        let mut server = Self::prepare(settings);
        server.run();
        server
    }

    /// Replaces the settings; a hub that runs keeps its own.
    pub fn set(&self, settings: &str) {
        self.set_with("hub.originals", settings);
    }

    /// The same with another file for former kernel settings.
    pub fn set_with(&self, state: &str, settings: &str) {
        let file = |key: &str, name: &str| format!("{key} = {:?}\n", self.path(name));
        let common = [
            "listen = [\"[::]:443\"]\n",
            &file("key", "hub.key"),
            &file("users", "users.toml"),
            &file("usage", "hub.usage"),
            &file("state", state),
            settings,
            "\n[socks5]\nlisten = [\"[::]:1080\"]\n",
            &file("users", "users"),
        ];
        self.write("hub.toml", &common.concat());
    }

    /// A shell's words to be run before the hub, in a mount namespace of its own.
    pub fn set_wrapper(&mut self, script: &str) {
        self.wrapper = Some(script.to_owned());
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("a file");
        let owner_only = fs::Permissions::from_mode(0o600);
        fs::set_permissions(self.path(name), owner_only).expect("rights");
    }

    fn command(&self) -> Command {
        let before = self.wrapper.as_deref().unwrap_or("");
        let settings = self.path("hub.toml");
        let script = format!(
            "{before}\nexec {PROGRAM} hub --settings {}",
            settings.display()
        );
        let mut command = self.lab.command(Node::Hub, "sh");
        command.args(["-euc", &script]);
        command
    }

    /// Starts the hub and waits until it listens.
    pub fn run(&mut self) {
        let log = self.path("log");
        let process = Process::start("hub", self.command(), &log).expect("a program");
        eventually("the hub listens", || {
            assert!(!process.has_ended(), "{}", process.log_tail());
            let hub = self.lab.namespace(Node::Hub);
            hub.run(|| client::dial(Transport::Tcp, hub_v4())).ok()?;
            hub.run(|| client::dial(Transport::Tcp, hub_edges())).ok()
        });
        self.process = Some(process);
    }

    /// Starts a hub that has to fail, and returns its exit code and what it said.
    pub fn fail(&self) -> (i32, String) {
        let mut command = self.lab.command(Node::Hub, "timeout");
        let inner = self.command();
        command
            .arg("10")
            .arg(inner.get_program())
            .args(inner.get_args());
        let Output { status, stderr, .. } = command.output().expect("a program");
        let text = String::from_utf8_lossy(&stderr).into_owned();
        (status.code().unwrap_or(-1), text)
    }

    pub fn process(&self) -> &Process {
        self.process.as_ref().expect("it runs")
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Tells the hub to stop, and does not wait for it.
    pub fn ask_to_stop(&self) {
        self.signal(Signal::TERM);
    }

    pub fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.process().id()).expect("a process id");
        let pid = Pid::from_raw(id).expect("a process id");
        kill_process(pid, signal).expect("it runs");
    }

    /// Waits until the log holds a text.
    pub fn wait_for_log(&self, text: &str) {
        eventually(text, || self.log().contains(text).then_some(()));
    }

    /// Runs an edge of a test's on the guest.
    pub fn at_guest<T: Send>(&self, act: impl AsyncFnOnce() -> T + Send) -> T {
        self.within(Node::Guest, act)
    }

    pub fn stop(&mut self) -> Result<(), ProcessError> {
        self.process.take().expect("it runs").stop(LIMIT)
    }

    pub fn kill(&mut self) {
        self.process.take().expect("it runs").kill();
    }

    /// A kernel setting on the server.
    pub fn sysctl(&self, key: &str) -> String {
        let key = Sysctl::new(key).expect("a name");
        let hub = self.lab.namespace(Node::Hub);
        hub.run(|| key.read()).expect("this kernel has it")
    }

    pub fn limits(&self) -> Limits {
        self.ask(Node::Hub, async |pm| pm.limits().await)
            .expect("limits")
    }

    pub fn endpoints(&self) -> Vec<Endpoint> {
        self.ask(Node::Hub, async |pm| pm.endpoints().await)
            .expect("endpoints")
    }

    /// Asks a node's path manager for something.
    pub fn ask<T: Send>(&self, node: Node, ask: impl AsyncFnOnce(PathManager) -> T + Send) -> T {
        self.within(node, async || ask(PathManager::new().expect("MPTCP")).await)
    }

    /// Runs something asynchronous on a node.
    pub fn within<T: Send>(&self, node: Node, act: impl AsyncFnOnce() -> T + Send) -> T {
        self.lab.namespace(node).run(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.expect("a runtime").block_on(act())
        })
    }
}

/// Where the hub takes edges in.
pub fn hub_edges() -> SocketAddr {
    SocketAddr::from((addresses::HUB.ipv4(), EDGES_PORT))
}

impl Drop for Server {
    /// Of a test that has failed, the log tells most.
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the hub's log:\n{}", self.log());
        }
    }
}

pub fn hub_v4() -> SocketAddr {
    SocketAddr::from((addresses::HUB.ipv4(), HUB_PORT))
}

pub fn hub_v6() -> SocketAddr {
    SocketAddr::from((addresses::HUB.ipv6(), HUB_PORT))
}

pub fn origin() -> IpAddr {
    addresses::ORIGIN.ipv4().into()
}

/// Polls until `found` finds something. For what the kernel gives no event.
pub fn eventually<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(it) = found() {
            return it;
        }
        assert!(Instant::now() < deadline, "{what}: not within {LIMIT:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
