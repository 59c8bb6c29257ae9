use std::net::IpAddr;
use std::path::PathBuf;

use mptcp::Transport;
use wire::Host;

use super::{HUB_PORT, LINK_PORT};
use crate::topology::{LabSpec, addresses};

/// What a rig is made from.
#[derive(Debug, Clone)]
pub struct RigSpec {
    /// The `manypath` program.
    pub program: PathBuf,
    /// The links, and what the access networks offer.
    pub lab: LabSpec,
    /// With or without a hub.
    pub mode: Mode,
    /// What edge and hub speak with each other, if there is a hub.
    pub protocol: HubProtocol,
    /// What edges call the hub in their link: by default its IPv4 address.
    pub hub: Host,
    /// Its other address there, if `hub` is one.
    pub hub_also: Option<IpAddr>,
    /// How the edge takes TCP in.
    pub capture: Capture,
    /// Where the uplinks' IPv4 addresses come from.
    pub addresses: Addresses,
    /// More TOML for the edge's settings. Its keys replace the rig's, table by table; a list such
    /// as `[[uplink]]` is replaced as a whole.
    pub edge_settings: String,
    /// The same for the hub's.
    pub hub_settings: String,
}

/// With or without a hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// MPTCP straight to the origin, which listens with MPTCP.
    Single,
    /// MPTCP to the hub, and plain TCP on to the origin, which has no MPTCP.
    Double,
}

/// What edge and hub speak with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HubProtocol {
    /// The hub protocol.
    Manypath,
    /// SOCKS5, in clear: user `lab`, password `lab-password`. The hub listens for nothing else.
    Socks5,
}

/// How the edge takes TCP in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capture {
    /// Windows programs connect straight to the origin.
    All,
    /// They use the edge's proxy.
    Proxy,
}

/// Where the uplinks' IPv4 addresses come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addresses {
    /// The edge asks the access networks' DHCP servers.
    Dhcp,
    /// Somebody else has set them: the lab itself ([`LabSpec::with_static_uplinks`]), or a program
    /// started in a lab that [`Rig::up_in`](super::Rig::up_in) gets.
    External,
}

impl RigSpec {
    /// The standard links, a hub, everything captured, DHCP.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            lab: LabSpec::default(),
            mode: Mode::Double,
            protocol: HubProtocol::Manypath,
            hub: Host::Ip(addresses::HUB.ipv4().into()),
            hub_also: None,
            capture: Capture::All,
            addresses: Addresses::Dhcp,
            edge_settings: String::new(),
            hub_settings: String::new(),
        }
    }

    /// The same with addresses that the lab sets.
    #[must_use]
    pub fn with_static_uplinks(self) -> Self {
        Self {
            lab: self.lab.with_static_uplinks(),
            addresses: Addresses::External,
            ..self
        }
    }
}

impl HubProtocol {
    /// Where the hub listens.
    pub(crate) const fn port(self) -> u16 {
        match self {
            Self::Manypath => LINK_PORT,
            Self::Socks5 => HUB_PORT,
        }
    }
}

impl Mode {
    /// What the origin listens with.
    pub(crate) const fn origin(self) -> Transport {
        match self {
            Self::Single => Transport::Mptcp,
            Self::Double => Transport::Tcp,
        }
    }
}
