//! The edge's settings file: the model. [`Settings::parse`] reads it.

mod cap;
mod hub;
mod link_network;
mod read;
mod rules;
pub(crate) mod tables;
mod write;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::Serialize;

pub use self::cap::{AfterCap, Cap, DayOfMonth};
pub use self::hub::Hub;
pub use self::link_network::{LinkNetwork, LinkNetworkError};
pub use crate::dns::{Dns, DnsMode};
pub use crate::endpoint::EndpointFlags;
use crate::interface::InterfaceMatch;
use crate::mptcp::Mptcp;
pub use crate::portal::{CheckUrl, Portal, PortalCheck, PortalCheckError};
use crate::ports::PortRange;
use crate::rule::Rule;
use crate::secret::Credentials;
use crate::timeout::{self, Timeout};

/// Settings of `manypath edge`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Manypath edge settings")]
pub struct Settings {
    /// The side that the host (Windows, or a LAN) is on. Without it nothing is captured, and the proxy listens on loopback only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Host")]
    pub host: Option<Host>,
    /// The ways to the Internet. Of several rules that fit one interface the first counts.
    #[serde(rename = "uplink")]
    #[schemars(length(min = 1))]
    pub uplinks: Vec<Uplink>,
    /// The proxy that programs can be set to use.
    #[serde(default)]
    pub proxy: Proxy,
    /// How connections leave.
    #[serde(default)]
    pub out: Out,
    /// What goes straight to its destination, without MPTCP and hub.
    #[serde(default)]
    pub bypass: Bypass,
    /// Where traffic goes that is not bypassed: of these rules the first that matches counts.
    #[serde(default, rename = "rule", skip_serializing_if = "Vec::is_empty")]
    pub traffic: Vec<Rule>,
    /// How names are looked up for the host.
    #[serde(default)]
    pub dns: Dns,
    /// How captive portals are noticed.
    #[serde(default)]
    pub portal: Portal,
    /// How the kernel's Multipath TCP is set.
    #[serde(default)]
    pub mptcp: Mptcp,
    /// How `manypath status` reaches the edge.
    #[serde(default)]
    pub control: Control,
    /// Absolute path of the file that the edge keeps in how much each uplink has carried this month.
    #[serde(default = "default_usage")]
    #[schemars(with = "String", regex(pattern = "^/."))]
    pub usage: PathBuf,
}

pub(crate) fn default_usage() -> PathBuf {
    PathBuf::from("/var/lib/manypath-edge/usage")
}

impl Settings {
    /// Whether the file holds passwords, and so should be readable by its owner alone.
    pub fn has_secrets(&self) -> bool {
        !self.proxy.users.is_empty() || self.out.hub.has_secrets()
    }
}

/// The interface towards the host, and what is done with the TCP that arrives there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(extend("unevaluatedProperties" = false))]
pub struct Host {
    /// The interface. Never a pattern: there is one host.
    #[serde(flatten)]
    pub interface: InterfaceMatch,
    /// What is taken in.
    #[serde(default)]
    pub capture: Capture,
    /// How captured TCP reaches the edge's listener.
    #[serde(default)]
    pub intercept: Intercept,
    /// A unique local IPv6 network of 64 bits in which the edge gives itself an address on this interface, for a host
    /// whose link has no other IPv6.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "LinkNetwork")]
    pub network: Option<LinkNetwork>,
}

/// What is taken in from the host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Capture {
    /// All TCP that is routed into this machine, and what programs send to the proxy.
    #[default]
    All,
    /// Only what programs send to the proxy.
    Proxy,
}

/// How captured TCP reaches the edge's listener.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Intercept {
    /// By NAT: nftables changes the destination to the listener's (SO_ORIGINAL_DST tells the original).
    #[default]
    Redirect,
    /// By nftables tproxy, which leaves the packets as they are.
    Tproxy,
}

/// A rule that makes interfaces uplinks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(
    extend("unevaluatedProperties" = false),
    extend("dependentRequired" = { "after_cap": ["monthly_cap"], "cap_resets_on": ["monthly_cap"] })
)]
pub struct Uplink {
    /// What status and messages call the uplink. Absent: the interface's own name. Not together with a pattern.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "UplinkName")]
    pub name: Option<UplinkName>,
    /// Which interfaces the rule is for. The host's interface is never among them.
    #[serde(flatten)]
    pub interface: InterfaceMatch,
    /// Where the uplink's IPv4 address comes from.
    #[serde(default)]
    pub addresses: Addresses,
    /// Whether router advertisements are accepted and global IPv6 addresses used.
    #[serde(default = "yes")]
    pub ipv6: bool,
    /// What MPTCP does with the uplink's addresses.
    #[serde(default)]
    pub endpoint: EndpointFlags,
    /// When it carries data.
    #[serde(default)]
    pub role: Role,
    /// Whether its data costs, so that as a backup it is not even probed while it is idle.
    #[serde(default)]
    pub metered: bool,
    /// How much it may carry in a month.
    #[serde(flatten)]
    pub cap: Option<Cap>,
}

fn yes() -> bool {
    true
}

/// When an uplink carries data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Whenever it works.
    #[default]
    Active,
    /// Only while no active uplink works. Several backups take over in the order of the file.
    Backup,
    /// Never.
    Off,
}

impl Role {
    /// Every role with its word in the settings file.
    pub const WORDS: [(&'static str, Self); 3] = [
        ("active", Self::Active),
        ("backup", Self::Backup),
        ("off", Self::Off),
    ];
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Self::WORDS.iter();
        let word = words.find_map(|(word, role)| (role == self).then_some(*word));
        f.write_str(word.unwrap_or_default())
    }
}

/// The name of an uplink: 1 to 64 characters, as Windows' names of network adapters are ("Ethernet 2").
/// No control characters, no quotation marks, and no blanks around it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct UplinkName(
    #[schemars(regex(pattern = r#"^(?! )[^\u0000-\u001f"\u007f-\u009f]{1,64}(?<! )$"#))] String,
);

/// The text is no name for an uplink.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no name for an uplink; write 1 to 64 characters without quotation marks and without blanks around them, such as \"wifi\""
)]
pub struct UplinkNameError(String);

impl UplinkName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UplinkName {
    type Err = UplinkNameError;

    fn from_str(text: &str) -> Result<Self, UplinkNameError> {
        let is_plain = |character: char| !character.is_control() && character != '"';
        let is_short = (1..=64).contains(&text.chars().count());
        if is_short && text.chars().all(is_plain) && text.trim() == text {
            Ok(Self(text.to_owned()))
        } else {
            Err(UplinkNameError(text.to_owned()))
        }
    }
}

impl fmt::Display for UplinkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where an uplink's IPv4 address comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Addresses {
    /// The edge asks by DHCP.
    #[default]
    Dhcp,
    /// NetworkManager, systemd-networkd or ifupdown sets it; the edge uses what is there.
    External,
}

/// The proxy: SOCKS4, 4a, 5 and HTTP on one port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Proxy {
    /// The TCP port, 1 to 65535.
    #[schemars(range(min = 1, max = 65535))]
    pub port: u16,
    /// Who may use the proxy, by SOCKS5 or HTTP authentication. Empty: everyone who can reach it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<Credentials>,
}

impl Default for Proxy {
    fn default() -> Self {
        Self {
            port: 1080,
            users: Vec::new(),
        }
    }
}

/// How connections leave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Out {
    /// The hub: its link, or SOCKS5 servers that are passed one after the other, of which the first is reached by MPTCP and the last connects to the origin. Absent: straight to the origin (single mode).
    #[serde(skip_serializing_if = "Hub::is_none")]
    pub hub: Hub,
    /// How long a request waits that is made while no uplink is up; "0s" fails it at once.
    #[serde(serialize_with = "timeout::serialize")]
    #[schemars(schema_with = "timeout::schema")]
    pub wait_for_uplink: Duration,
    /// How long an attempt to connect may take, more than zero.
    #[serde(serialize_with = "timeout::serialize")]
    #[schemars(schema_with = "timeout::schema")]
    pub connect_timeout: Duration,
    /// How long a connection may carry nothing before it is ended.
    pub idle_timeout: Timeout,
    /// How the host's UDP leaves.
    pub udp: Udp,
    /// Whether small, steady flows of UDP, such as calls, go to the hub over two uplinks at once, so that not one datagram is lost with a link.
    pub udp_duplicate: bool,
    /// What becomes of the host's QUIC (UDP to ports 443 and 80).
    pub quic: Quic,
}

/// How the host's UDP leaves, and that of programs that use SOCKS5's UDP ASSOCIATE.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Udp {
    /// Straight to its destination, by the best uplink.
    #[default]
    Direct,
    /// Through the hub, over whichever uplink is best at the moment: calls and games go on when an uplink fails. Needs a hub of our own (manypath://…).
    Hub,
    /// Not at all: it is refused (ICMP port unreachable). DNS to the edge itself works.
    Off,
}

/// What becomes of the host's QUIC, which is UDP and so goes by one uplink alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Quic {
    /// It passes as other UDP does.
    #[default]
    Allow,
    /// It is refused at once (ICMP port unreachable), so that browsers take TCP.
    Refuse,
}

impl Default for Out {
    fn default() -> Self {
        Self {
            hub: Hub::None,
            wait_for_uplink: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Timeout::Off,
            udp: Udp::default(),
            udp_duplicate: false,
            quic: Quic::default(),
        }
    }
}

/// What goes straight to its destination.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Bypass {
    /// Networks of destinations, such as "192.168.0.0/16". None overlaps another.
    #[serde(serialize_with = "crate::network::serialize")]
    #[schemars(schema_with = "crate::network::schema")]
    pub networks: Vec<IpNet>,
    /// Ports of destinations, such as 25 or "6000-6010". None overlaps another.
    pub ports: Vec<PortRange>,
}

/// How `manypath status` reaches the edge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Control {
    /// Absolute path of the Unix socket.
    #[schemars(with = "String", regex(pattern = r"^/.{0,106}$"))]
    pub socket: PathBuf,
}

impl Default for Control {
    fn default() -> Self {
        Self {
            socket: PathBuf::from("/run/manypath/edge.sock"),
        }
    }
}
