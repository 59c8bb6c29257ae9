//! What is measured: one peer's programs, running in one place.

mod kernel;
mod manypath;
mod prototype;
mod shadowsocks;

use std::net::{Ipv6Addr, SocketAddr};
use std::num::NonZeroU16;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use netcfg::{NetNs, nft};
use tempfile::TempDir;

use super::peer::Peer;
use super::program::cpu_seconds;
use super::scene::{Addressing, Place, Roles, Scene};
use crate::link::Profile;
use crate::rig::{Mode, ORIGIN_PORT, Process};
use crate::topology::addresses;
use crate::traffic::{self, Client, Direction, Flow, FlowSpec, Origin, Via};

/// How long the first object may take to come through.
const FIRST_OBJECT: Duration = Duration::from_secs(15);

/// A peer at work. Dropping it ends its programs, then takes its network down.
#[derive(Debug)]
pub(crate) struct Contender {
    pub(super) peer: Peer,
    pub(super) scene: Scene,
    programs: Programs,
    origin: Origin,
    /// Where the user's programs run.
    client: NetNs,
    pub(crate) place: Place,
    _folder: TempDir,
}

/// What a contender is started with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start<'a> {
    pub(crate) peer: Peer,
    /// Without a hub only the prototype is started.
    pub(crate) mode: Mode,
    pub(crate) scene: Scene,
    /// As of [`Contender::links`].
    pub(crate) links: &'a [Profile],
    pub(crate) roles: Roles,
    /// The `manypath` program.
    pub(crate) program: &'a Path,
    /// Where shadowsocks-rust is.
    pub(crate) peers: &'a Path,
}

/// Ended in this order.
#[derive(Debug, Default)]
struct Programs {
    in_guest: Vec<Process>,
    hub: Option<Process>,
}

/// CPU time in seconds, user and system; zero where there is no program.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CpuTime {
    /// Of all programs in the guest.
    pub(super) edge: f64,
    /// Of the hub.
    pub(super) hub: f64,
}

impl Contender {
    /// The ways in which a peer meets a scene, of which the best counts: plain TCP uses one link at
    /// a time, the others all at once.
    pub(super) fn links(peer: Peer, scene: Scene) -> Vec<Vec<Profile>> {
        let links = scene.links();
        if peer == Peer::Direct && !links.is_empty() {
            links.into_iter().map(|link| vec![link]).collect()
        } else {
            vec![links]
        }
    }

    /// Sets everything up, and returns when an object has come through.
    pub(crate) fn start(start: &Start<'_>) -> anyhow::Result<Self> {
        let Start {
            peer, scene, links, ..
        } = *start;
        let addressing = match peer {
            Peer::Manypath if !links.is_empty() => Addressing::Dhcp,
            _ => Addressing::Static,
        };
        let place = Place::new(links, addressing, start.roles)?;
        let any = SocketAddr::from((Ipv6Addr::UNSPECIFIED, ORIGIN_PORT));
        let origin = Origin::start(&place.origin, any, start.mode.origin())?;
        let folder = tempfile::Builder::new()
            .prefix("manypath-compare-")
            .tempdir()?;
        let programs = Programs::start(start, &place, folder.path())?;
        let client = match peer {
            // With emulated links the PC itself would have them; its own address leads nowhere.
            Peer::Direct if !links.is_empty() => place.guest.clone(),
            _ => place.windows.clone(),
        };
        let contender = Self {
            peer,
            scene,
            programs,
            origin,
            client,
            place,
            _folder: folder,
        };
        contender.first_object()?;
        Ok(contender)
    }

    /// A program's new connection to the origin.
    pub(super) fn connect(&self, limit: Duration) -> Result<Client, traffic::Error> {
        self.client
            .run(|| Client::connect(Via::Direct, Self::origin(), limit))
    }

    /// An endless download, whose times are told since `since`. `compare`: every byte.
    pub(super) fn download(&self, since: Instant, compare: bool) -> anyhow::Result<Flow> {
        let spec = FlowSpec::new(&self.client, Via::Direct, Self::origin(), &self.origin);
        let spec = FlowSpec {
            since,
            compare,
            ..spec
        };
        Flow::start(&spec, Direction::Down)
    }

    pub(super) fn origin() -> SocketAddr {
        SocketAddr::from((addresses::ORIGIN.ipv4(), ORIGIN_PORT))
    }

    /// The namespace of the user's programs.
    pub(crate) fn client(&self) -> &NetNs {
        &self.client
    }

    pub(super) fn hub(&self) -> anyhow::Result<&Process> {
        self.programs.hub.as_ref().context("has no hub")
    }

    /// CPU time of its programs so far.
    pub(super) fn cpu(&self) -> anyhow::Result<CpuTime> {
        let mut time = CpuTime::default();
        for process in &self.programs.in_guest {
            time.edge += cpu_seconds(process)?;
        }
        if let Some(hub) = &self.programs.hub {
            time.hub = cpu_seconds(hub)?;
        }
        Ok(time)
    }

    fn first_object(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + FIRST_OBJECT;
        let get = || self.connect(FIRST_OBJECT / 3)?.download(1000, |_| {});
        loop {
            match get() {
                Ok(transfer) if transfer.intact => return Ok(()),
                Ok(_) => anyhow::bail!("the first object came with wrong bytes"),
                Err(error) if Instant::now() > deadline => {
                    return Err(error).context("no object comes through");
                }
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }
}

impl Programs {
    fn start(start: &Start<'_>, place: &Place, folder: &Path) -> anyhow::Result<Self> {
        let scene = start.scene;
        match start.peer {
            Peer::Manypath => manypath::start(scene, place, start.program, folder),
            Peer::Prototype => prototype::start(start.mode, place, folder),
            Peer::Shadowsocks => shadowsocks::start(scene, place, start.peers, folder),
            Peer::Direct => Ok(Self::default()),
        }
    }
}

/// Sends all TCP that comes from Windows to a port of the guest, as the prototype and
/// OpenMPTCProuter do by iptables.
fn redirect(place: &Place, port: NonZeroU16) -> anyhow::Result<()> {
    let name = |text: &str| {
        text.parse::<nft::Name>()
            .expect("a plain word is a valid name")
    };
    let eth0 = addresses::eth0();
    let from_windows: nft::InterfacePattern = eth0
        .as_str()
        .parse()
        .expect("a link name without a star is a pattern");
    let base = nft::Base {
        kind: nft::ChainKind::Nat,
        hook: nft::Hook::Prerouting,
        priority: nft::Base::DSTNAT,
        policy: nft::Policy::Accept,
    };
    let rule = nft::Rule::new([nft::Statement::Redirect(port)])
        .when(nft::Match::InputInterface(from_windows.into()))
        .when(nft::Match::Protocol(nft::Protocol::Tcp.into()));
    let chain = nft::Chain::base(name("prerouting"), base).with(rule);
    let table = nft::Table::new(name("compare")).with(chain);
    Ok(place.guest.run(|| table.install())?)
}
