//! Everything that runs in a lab: the edge, the hub, and the origin.
//!
//! ```no_run
//! # use std::time::Duration;
//! # use lab::rig::{Rig, RigSpec};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut rig = Rig::up(RigSpec::new("/usr/bin/manypath"))?;
//! let mut client = rig.connect(Duration::from_secs(5))?;
//! let transfer = client.download(1_000_000, |_| {})?;
//! assert!(transfer.intact);
//! rig.stop()?;
//! # Ok(())
//! # }
//! ```

mod error;
mod files;
mod identity;
mod process;
mod spec;

use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;
use zeroize::Zeroizing;

use crate::topology::{Lab, Node, Uplink, addresses};
use crate::traffic::{self, Client, Direction, Flow, FlowSpec, Gaps, Origin, Via};

pub use error::RigError;
pub use process::{Process, ProcessError, Stopped};
pub use spec::{Addresses, Capture, HubProtocol, Mode, RigSpec};

pub(crate) use identity::{Identity, write_private};

use files::Files;

/// Where the origin listens, on both families.
pub const ORIGIN_PORT: u16 = 80;
/// Where the edge's proxy listens.
pub const PROXY_PORT: u16 = 1080;
/// Where the hub's SOCKS5 server listens.
pub const HUB_PORT: u16 = 1080;
/// Where the hub listens for edges: the port of links.
pub const LINK_PORT: u16 = 443;

/// How long edge and hub may take to be ready. They need well under a second; a machine that
/// compiles beside it needs more.
const READY: Duration = Duration::from_secs(20);
/// How long they may take to stop: the hub drains for [`files::DRAIN`].
const STOP: Duration = Duration::from_secs(10);
/// How long the edge may take to tell its status.
const ANSWER: Duration = Duration::from_secs(2);
/// Between two questions where the kernel gives no event.
const POLL: Duration = Duration::from_millis(10);

/// A lab in which Manypath runs. Dropping it stops the programs and takes the lab down.
#[derive(Debug)]
pub struct Rig {
    // In this order: programs end before the network that they are in.
    edge: Option<Process>,
    hub: Option<Process>,
    origin: Origin,
    spec: RigSpec,
    lab: Lab,
    files: Files,
}

impl Rig {
    /// Sets the lab up, starts everything and waits until the edge has all uplinks in use and the
    /// hub listens. Takes about a second.
    ///
    /// # Errors
    /// See [`RigError`]; when a program fails, the end of its log is in the error. Nothing is left
    /// behind.
    pub fn up(spec: RigSpec) -> Result<Self, RigError> {
        let lab = Lab::up(spec.lab.clone())?;
        Self::up_in(lab, spec)
    }

    /// As [`Rig::up`], in a lab that is up already; `spec.lab` is of no account.
    ///
    /// # Errors
    /// See [`RigError`].
    pub fn up_in(lab: Lab, spec: RigSpec) -> Result<Self, RigError> {
        let files = Files::write(&spec, &lab)?;
        let any = SocketAddr::from((std::net::Ipv6Addr::UNSPECIFIED, ORIGIN_PORT));
        let origin = Origin::start(lab.namespace(Node::Origin), any, spec.mode.origin())
            .map_err(RigError::Origin)?;
        let mut rig = Self {
            edge: None,
            hub: None,
            origin,
            spec,
            lab,
            files,
        };
        if rig.spec.mode == Mode::Double {
            rig.start_hub()?;
        }
        rig.start_edge()?;
        Ok(rig)
    }

    /// Starts the hub and waits until it listens. Does nothing while it runs.
    ///
    /// # Errors
    /// [`RigError::Process`], [`RigError::NotReady`].
    pub fn start_hub(&mut self) -> Result<(), RigError> {
        if self.hub.is_none() {
            let hub = self.start(
                "hub",
                Node::Hub,
                &self.files.hub_settings(),
                &self.files.hub_log(),
            )?;
            self.hub = Some(hub);
        }
        let namespace = self.lab.namespace(Node::Hub).clone();
        let address = SocketAddr::from((addresses::HUB.ipv4(), self.spec.protocol.port()));
        self.wait(self.hub.as_ref(), "accept connections", || {
            namespace.run(|| TcpStream::connect(address)).is_ok()
        })
    }

    /// Starts the edge and waits until every uplink that has a cable is up and has an endpoint.
    /// Does nothing while it runs.
    ///
    /// # Errors
    /// [`RigError::Process`], [`RigError::NotReady`].
    pub fn start_edge(&mut self) -> Result<(), RigError> {
        if self.edge.is_none() {
            let edge = self.start(
                "edge",
                Node::Guest,
                &self.files.edge_settings(),
                &self.files.edge_log(),
            )?;
            self.edge = Some(edge);
        }
        let plugged = self
            .lab
            .uplinks()
            .filter(|uplink| self.lab.link(*uplink).has_carrier())
            .count();
        self.wait_for_edge("have all uplinks up", |status| {
            uplinks_in_use(status) >= plugged
        })
    }

    fn start(
        &self,
        name: &'static str,
        node: Node,
        settings: &Path,
        log: &Path,
    ) -> Result<Process, RigError> {
        let mut command = self.lab.command(node, &self.spec.program);
        command.arg(name).arg("--settings").arg(settings);
        Ok(Process::start(name, command, log)?)
    }

    /// Polls the edge's status until `is_so`.
    ///
    /// # Errors
    /// [`RigError::NotReady`] after 20 s, or when the edge has ended. `what` completes "the edge did
    /// not …".
    pub fn wait_for_edge(
        &self,
        what: &'static str,
        is_so: impl Fn(&Value) -> bool,
    ) -> Result<(), RigError> {
        self.wait(self.edge.as_ref(), what, || {
            self.edge_status().is_ok_and(|status| is_so(&status))
        })
    }

    fn wait(
        &self,
        process: Option<&Process>,
        what: &'static str,
        is_so: impl Fn() -> bool,
    ) -> Result<(), RigError> {
        let deadline = Instant::now() + READY;
        while !is_so() {
            let process = process.ok_or(RigError::NotRunning { what })?;
            let ended = process.has_ended();
            if ended || Instant::now() > deadline {
                let (name, log) = (process.name(), process.log_tail());
                return Err(RigError::NotReady {
                    name,
                    what,
                    ended,
                    log,
                });
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    /// What `manypath status --json` prints.
    ///
    /// # Errors
    /// [`RigError::Status`] when no edge answers within 2 s.
    pub fn edge_status(&self) -> Result<Value, RigError> {
        let mut text = String::new();
        UnixStream::connect(self.files.edge_socket())
            .and_then(|mut stream| {
                stream.set_read_timeout(Some(ANSWER))?;
                stream.read_to_string(&mut text)
            })
            .map_err(RigError::Status)?;
        serde_json::from_str(&text).map_err(|error| RigError::Status(error.into()))
    }

    /// The lab: its links' controls, its namespaces.
    #[must_use]
    pub fn lab(&self) -> &Lab {
        &self.lab
    }

    /// The edge's process, while it runs.
    #[must_use]
    pub fn edge(&self) -> Option<&Process> {
        self.edge.as_ref()
    }

    /// The hub's process, while it runs.
    #[must_use]
    pub fn hub(&self) -> Option<&Process> {
        self.hub.as_ref()
    }

    /// Where settings, logs and control sockets are. Goes with the rig.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.files.folder()
    }

    /// The edge's control socket, for `manypath status --socket`.
    #[must_use]
    pub fn edge_socket(&self) -> PathBuf {
        self.files.edge_socket()
    }

    /// The link of the hub's user, with its secret. Of use with [`HubProtocol::Manypath`] only.
    #[must_use]
    pub fn link(&self) -> Zeroizing<String> {
        self.files.link()
    }

    /// The origin's IPv4 address and port, as Windows programs know it.
    #[must_use]
    pub fn origin(&self) -> SocketAddr {
        SocketAddr::from((addresses::ORIGIN.ipv4(), ORIGIN_PORT))
    }

    /// The edge's proxy, as Windows programs know it.
    #[must_use]
    pub fn proxy(&self) -> SocketAddr {
        SocketAddr::from((addresses::GUEST.ipv4(), PROXY_PORT))
    }

    /// How Windows programs reach the origin: straight if everything is captured, else by the proxy.
    #[must_use]
    pub fn via(&self) -> Via {
        match self.spec.capture {
            Capture::All => Via::Direct,
            Capture::Proxy => Via::Socks5(self.proxy()),
        }
    }

    /// A Windows program's connection to the origin. `limit` is the longest that it waits for
    /// anything. It may be used on any thread: a socket stays in the namespace it was made in.
    ///
    /// # Errors
    /// As [`Client::connect`].
    pub fn connect(&self, limit: Duration) -> Result<Client, traffic::Error> {
        self.connect_from(Node::Windows, self.via(), limit)
    }

    /// A connection to the origin from any node.
    ///
    /// # Errors
    /// As [`Client::connect`].
    pub fn connect_from(
        &self,
        node: Node,
        via: Via,
        limit: Duration,
    ) -> Result<Client, traffic::Error> {
        let origin = self.origin();
        self.lab
            .namespace(node)
            .run(|| Client::connect(via, origin, limit))
    }

    /// Small messages from the origin to a Windows program or the other way, one every `every`, on a
    /// new connection; when they came. `limit` as of [`Rig::connect`].
    ///
    /// # Errors
    /// As [`traffic::message_gaps`].
    pub fn messages(
        &self,
        direction: Direction,
        every: Duration,
        count: u32,
        limit: Duration,
    ) -> Result<Gaps, traffic::Error> {
        let mut client = self.connect(limit)?;
        match direction {
            Direction::Down => traffic::message_gaps(&mut client, every, count),
            Direction::Up => traffic::message_gaps_up(&mut client, &self.origin, every, count),
        }
    }

    /// An endless download or upload of a Windows program.
    ///
    /// # Errors
    /// When the connection can't be made.
    pub fn flow(&self, direction: Direction) -> anyhow::Result<Flow> {
        let windows = self.lab.namespace(Node::Windows);
        let spec = FlowSpec::new(windows, self.via(), self.origin(), &self.origin);
        Flow::start(&spec, direction)
    }

    /// Stops the edge by SIGTERM and waits until it has cleaned up; by SIGKILL after 10 s.
    ///
    /// # Errors
    /// [`RigError::Process`] when it did not end well.
    pub fn stop_edge(&mut self) -> Result<(), RigError> {
        Self::stop_process(self.edge.take())
    }

    /// The same for the hub.
    ///
    /// # Errors
    /// [`RigError::Process`] when it did not end well.
    pub fn stop_hub(&mut self) -> Result<(), RigError> {
        Self::stop_process(self.hub.take())
    }

    /// Kills the edge, which cleans nothing up.
    pub fn kill_edge(&mut self) {
        if let Some(edge) = self.edge.take() {
            edge.kill();
        }
    }

    /// Stops edge and hub; the lab stays until the rig is dropped. Both are stopped even if the
    /// first did not end well.
    ///
    /// # Errors
    /// [`RigError::Process`], the edge's if both fail.
    pub fn stop(&mut self) -> Result<(), RigError> {
        let edge = self.stop_edge();
        let hub = self.stop_hub();
        edge.and(hub)
    }

    fn stop_process(process: Option<Process>) -> Result<(), RigError> {
        match process {
            Some(process) => Ok(process.stop(STOP)?),
            None => Ok(()),
        }
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        // A test has failed, and the logs go with the rig.
        if std::thread::panicking() {
            for process in [&self.edge, &self.hub].into_iter().flatten() {
                eprintln!("{}'s log ends:\n{}", process.name(), process.log_tail());
            }
        }
        // Who wants to know calls `stop`.
        let _ = self.stop();
    }
}

/// How many uplinks are up and have an address with an endpoint, by the edge's status.
#[must_use]
pub fn uplinks_in_use(status: &Value) -> usize {
    let uplinks = status["uplinks"].as_array();
    let uplinks = uplinks.map(Vec::as_slice).unwrap_or_default();
    uplinks.iter().filter(|uplink| in_use(uplink)).count()
}

/// Whether an uplink is one of those.
#[must_use]
pub fn is_in_use(status: &Value, uplink: Uplink) -> bool {
    in_use(&status["uplinks"][uplink.position()])
}

fn in_use(uplink: &Value) -> bool {
    let addresses = uplink["addresses"].as_array();
    let addresses = addresses.map(Vec::as_slice).unwrap_or_default();
    let has_endpoint = |address: &Value| address["endpoint"].is_u64();
    uplink["state"] == "up" && addresses.iter().any(has_endpoint)
}
