//! Where a scenario is done: a PC, two links and an origin, with one set-up in between.

use std::fmt;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use netcfg::NetNs;

use crate::compare::{Contender, Peer, Roles, Scene, Start, find_program, wait_until};
use crate::link::{LinkHandle, Profile};
use crate::rig::{self, Process, Rig, RigSpec};
use crate::topology::{Node, addresses};

/// What is between a program and the links.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Setup {
    /// Nothing: plain TCP over one link, see [`Setup::ways`].
    Plain,
    /// The 2024 prototype's data plane without a hub, and an origin with MPTCP: the thesis' single proxy.
    PrototypeSingle,
    /// Manypath in its place.
    Single,
    /// The 2024 prototype's data plane.
    Prototype,
    /// Manypath with a hub, and an origin without MPTCP: the thesis' double proxy.
    Manypath,
}

/// What the links are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// Both carry.
    Aggregation,
    /// The first one carries, is pulled and comes back; the other waits.
    Backup,
}

/// One of the standard links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StandardLink {
    Vdsl,
    Lte,
}

/// A link, with its controls.
#[derive(Debug, Clone)]
pub(super) struct NamedLink {
    pub(super) link: StandardLink,
    pub(super) control: LinkHandle,
}

/// A set-up at work. Dropping it ends its programs, then takes its network down.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) setup: Setup,
    pub(super) links: Vec<NamedLink>,
    client: NetNs,
    origin: NetNs,
    _keep: Keep,
}

/// What has to live as long as the site.
#[derive(Debug)]
enum Keep {
    Contender { _contender: Box<Contender> },
    Rig { _rig: Box<Rig> },
}

impl Setup {
    /// Its name in JSON, in CSV and on a terminal.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::PrototypeSingle => "prototype-single",
            Self::Single => "single",
            Self::Prototype => "prototype",
            Self::Manypath => "manypath",
        }
    }

    /// For a report.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Plain => "plain TCP, one link",
            Self::PrototypeSingle => "prototype without hub",
            Self::Single => "Manypath without hub",
            Self::Prototype => "prototype of 2024",
            Self::Manypath => "Manypath",
        }
    }

    /// The links to do it over, each way by itself; the best one counts. Plain TCP has one link: in the
    /// mode backup the active one.
    pub(super) fn ways(self, mode: Mode) -> Vec<Vec<StandardLink>> {
        match (self, mode) {
            (Self::Plain, Mode::Aggregation) => StandardLink::ALL.map(|link| vec![link]).to_vec(),
            (Self::Plain, Mode::Backup) => vec![vec![StandardLink::Vdsl]],
            _ => vec![StandardLink::ALL.to_vec()],
        }
    }

    /// With or without a hub. Without one MPTCP ends at the origin.
    pub(super) const fn proxies(self) -> rig::Mode {
        match self {
            Self::PrototypeSingle | Self::Single => rig::Mode::Single,
            Self::Plain | Self::Prototype | Self::Manypath => rig::Mode::Double,
        }
    }

    const fn peer(self) -> Option<Peer> {
        match self {
            Self::Plain => Some(Peer::Direct),
            Self::PrototypeSingle | Self::Prototype => Some(Peer::Prototype),
            Self::Single => None,
            Self::Manypath => Some(Peer::Manypath),
        }
    }
}

impl Mode {
    /// Its name everywhere.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Aggregation => "aggregation",
            Self::Backup => "backup",
        }
    }

    const fn roles(self) -> Roles {
        match self {
            Self::Aggregation => Roles::AllActive,
            Self::Backup => Roles::FirstActive,
        }
    }
}

impl StandardLink {
    pub(super) const ALL: [Self; 2] = [Self::Vdsl, Self::Lte];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Vdsl => "vdsl",
            Self::Lte => "lte",
        }
    }

    pub(super) const fn profile(self) -> Profile {
        match self {
            Self::Vdsl => Profile::vdsl(),
            Self::Lte => Profile::lte(),
        }
    }
}

impl Site {
    /// Sets everything up. `links` as of [`Setup::ways`].
    pub(super) fn up(
        setup: Setup,
        mode: Mode,
        links: &[StandardLink],
        program: &Path,
    ) -> anyhow::Result<Self> {
        match setup.peer() {
            Some(peer) => Self::contender(setup, peer, mode, links, program),
            None => Self::single(setup, links, program),
        }
    }

    fn contender(
        setup: Setup,
        peer: Peer,
        mode: Mode,
        names: &[StandardLink],
        program: &Path,
    ) -> anyhow::Result<Self> {
        let profiles: Vec<Profile> = names.iter().map(|link| link.profile()).collect();
        let contender = Contender::start(&Start {
            peer,
            mode: setup.proxies(),
            scene: Scene::Standard,
            links: &profiles,
            roles: mode.roles(),
            program,
            // Not needed by these peers.
            peers: Path::new("/nonexistent"),
        })?;
        let controls = contender.place.links.iter().cloned();
        Ok(Self {
            setup,
            links: named(names, controls),
            client: contender.client().clone(),
            origin: contender.place.origin.clone(),
            _keep: Keep::Contender {
                _contender: Box::new(contender),
            },
        })
    }

    fn single(setup: Setup, names: &[StandardLink], program: &Path) -> anyhow::Result<Self> {
        let rig = Rig::up(RigSpec {
            mode: setup.proxies(),
            ..RigSpec::new(program)
        })?;
        let lab = rig.lab();
        let controls = lab.uplinks().map(|uplink| lab.link(uplink).clone());
        Ok(Self {
            setup,
            links: named(names, controls),
            client: lab.namespace(Node::Windows).clone(),
            origin: lab.namespace(Node::Origin).clone(),
            _keep: Keep::Rig {
                _rig: Box::new(rig),
            },
        })
    }

    /// A program of the user's, which is ended after `limit`.
    pub(super) fn client(&self, program: &str, limit: Duration) -> Command {
        limited(&self.client, program, limit)
    }

    /// A program of the user's that is ended by who starts it.
    pub(super) fn lasting_client(&self, program: &str) -> Command {
        self.client.command(found(program))
    }

    /// A program on the origin that is ended by who starts it.
    pub(super) fn lasting_origin(&self, program: &str) -> Command {
        self.origin.command(found(program))
    }

    /// Waits until a program on the origin accepts connections.
    pub(super) fn wait_for_origin(&self, process: &Process, port: u16) -> anyhow::Result<()> {
        let address = SocketAddr::from((addresses::ORIGIN.ipv4(), port));
        wait_until(process, "listen", || {
            self.origin.run(|| TcpStream::connect(address).is_ok())
        })
    }

    /// The origin's address.
    pub(super) fn origin_address() -> IpAddr {
        addresses::ORIGIN.ipv4().into()
    }
}

fn named(names: &[StandardLink], controls: impl IntoIterator<Item = LinkHandle>) -> Vec<NamedLink> {
    let links = names.iter().zip(controls);
    links
        .map(|(link, control)| NamedLink {
            link: *link,
            control,
        })
        .collect()
}

/// coreutils' timeout sends SIGKILL.
fn limited(namespace: &NetNs, program: &str, limit: Duration) -> Command {
    let mut command = namespace.command("timeout");
    command
        .args(["--foreground", "--signal=KILL"])
        .arg(limit.as_secs().to_string())
        .arg(found(program));
    command
}

/// Debian leaves the folders of administrators' programs out of the PATH of `su`.
fn found(program: &str) -> PathBuf {
    find_program(program).unwrap_or_else(|| program.into())
}

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.key())
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.key())
    }
}
