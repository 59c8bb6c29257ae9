//! Links, addresses, routes and rules as plain data: what was observed, and what is wanted.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::Serialize;

use crate::types::{Family, InterfaceIndex, InterfaceName, MacAddress, RulePriority, TableId};

/// `RTPROT_STATIC`: set by an administrator. What [`Route::new`] and [`Rule::new`] begin with.
const PROTOCOL_STATIC: u8 = 4;
/// `IP6_RT_PRIO_USER`: the metric that the kernel gives an IPv6 route that has none.
const IPV6_DEFAULT_METRIC: u32 = 1024;

/// An interface, as the kernel shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Link {
    /// Its number.
    pub index: InterfaceIndex,
    /// Its name.
    pub name: InterfaceName,
    /// Its Ethernet address; `None` for links of another kind (tun, PPP).
    pub mac: Option<MacAddress>,
    /// Somebody wants it up (`IFF_UP`).
    pub up: bool,
    /// It has a carrier (`IFF_LOWER_UP`). A link that is not up has none.
    pub carrier: bool,
    /// `IFLA_INFO_KIND`: `veth`, `dummy`, `bridge`, `tun`… `None` for hardware and loopback.
    pub kind: Option<String>,
    /// The largest packet, in bytes, without the link's own header.
    pub mtu: u32,
    /// It is the loopback (`IFF_LOOPBACK`).
    pub loopback: bool,
    /// The GUID of the Hyper-V device behind it, in lower case with hyphens; `None` for any other.
    /// It names the adapter as the Windows host does, and stays the same over renames.
    pub vmbus: Option<String>,
    /// Bytes received and sent since the link was made (`IFLA_STATS64`). Observed only.
    pub bytes: Option<u64>,
}

/// An address on an interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Address {
    /// The interface.
    pub index: InterfaceIndex,
    /// The address, with the length of its prefix.
    pub net: IpNet,
    /// How far the address is valid.
    pub scope: Scope,
    /// It has a lifetime (`IFA_F_PERMANENT` is not set). Observed only.
    pub dynamic: bool,
    /// An IPv6 privacy address (`IFA_F_TEMPORARY`). Observed only.
    pub temporary: bool,
    /// IPv6 duplicate address detection goes on: it can't be bound yet. Observed only.
    pub tentative: bool,
    /// New connections should not use it any more. Observed only.
    pub deprecated: bool,
    /// No route to its prefix was added to the main table with it (`IFA_F_NOPREFIXROUTE`).
    pub no_prefix_route: bool,
    /// IPv6: usable at once, without duplicate address detection (`IFA_F_NODAD`).
    pub no_dad: bool,
    /// Who set it (`IFA_PROTO`, Linux 5.18); `None` where nobody said so.
    pub protocol: Option<u8>,
}

/// How far an address is valid (`RT_SCOPE_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Everywhere.
    Global,
    /// Within a site (IPv6, RFC 3879 deprecates it).
    Site,
    /// On the link.
    Link,
    /// On this machine.
    Host,
    /// One that the machine's administrator numbered.
    Other(u8),
}

/// A route. One of several next hops is shown as several routes, one for each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Route {
    /// Its table.
    pub table: TableId,
    /// Where it leads; a prefix of length 0 is the default route. Its family is the route's.
    pub destination: IpNet,
    /// The next router; `None` if the destination is on the link. IPv4 may go by an IPv6 router.
    pub gateway: Option<IpAddr>,
    /// The interface; `None` for kinds that use none, such as unreachable.
    pub interface: Option<InterfaceIndex>,
    /// The lower, the better. The kernel turns 0 into 1024 for IPv6: ask for 1024 there.
    pub metric: u32,
    /// Who set it (`RTPROT_*`): 2 the kernel, 3 boot, 4 static, 9 router advertisement, 16 DHCP.
    pub protocol: u8,
    /// The source address of packets that have none yet.
    pub prefsrc: Option<IpAddr>,
    /// What happens to a packet.
    pub kind: RouteKind,
    /// The gateway is taken to be on the link, whatever the prefixes say (`RTNH_F_ONLINK`).
    pub onlink: bool,
    /// The largest packet in bytes, where that is not the interface's own (`RTAX_MTU`).
    pub mtu: Option<u32>,
}

/// What a route does with a packet (`RTN_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RouteKind {
    /// Sends it on.
    Unicast,
    /// It is for this machine.
    Local,
    /// Sends it to everyone on the link.
    Broadcast,
    /// It is for this machine as one of several (IPv6).
    Anycast,
    /// Sends it to a group.
    Multicast,
    /// Drops it in silence.
    Blackhole,
    /// Drops it and says so: no route to host.
    Unreachable,
    /// Drops it and says so: administratively prohibited.
    Prohibit,
    /// Goes on to the next rule.
    Throw,
    /// A kind that is not named here.
    Other(u8),
}

/// A policy routing rule that looks a table up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// The packets it is for.
    pub family: Family,
    /// Its place.
    pub priority: RulePriority,
    /// Only packets with such a source address.
    pub from: Option<IpNet>,
    /// Only packets whose mark, under the mask, is the value: `(value, mask)`.
    pub fwmark: Option<(u32, u32)>,
    /// Only packets that came in here; `lo` is for packets of this machine.
    pub iif: Option<InterfaceName>,
    /// The table to look up.
    pub table: TableId,
    /// Routes of this prefix length or a shorter one don't count: 0 looks past default routes.
    pub suppress_prefix_length: Option<u32>,
    /// Who set it (`RTPROT_*`, see [`Route::protocol`]); 0 where nobody said so.
    pub protocol: u8,
    /// It has a selector or an action that has no field here, so it does something else than the
    /// other fields say. Observed only: such a rule can be neither added nor deleted.
    pub opaque: bool,
}

impl Address {
    /// An address that is permanent, valid everywhere, and brings a route to its prefix.
    pub fn new(index: InterfaceIndex, net: IpNet) -> Self {
        Self {
            index,
            net,
            scope: Scope::Global,
            dynamic: false,
            temporary: false,
            tentative: false,
            deprecated: false,
            no_prefix_route: false,
            no_dad: false,
            protocol: None,
        }
    }
}

impl Route {
    /// A unicast route of protocol static (4) with the kernel's default metric: 0, or 1024 for
    /// IPv6. Give it an interface, a gateway, or both.
    pub fn new(table: TableId, destination: IpNet) -> Self {
        let metric = match destination {
            IpNet::V4(_) => 0,
            IpNet::V6(_) => IPV6_DEFAULT_METRIC,
        };
        Self {
            table,
            destination,
            gateway: None,
            interface: None,
            metric,
            protocol: PROTOCOL_STATIC,
            prefsrc: None,
            kind: RouteKind::Unicast,
            onlink: false,
            mtu: None,
        }
    }

    /// The default route of a family in a table; see [`Route::new`].
    pub fn default_of(family: Family, table: TableId) -> Self {
        Self::new(table, family.everything())
    }

    /// The packets it is for.
    pub fn family(&self) -> Family {
        Family::of(self.destination.addr())
    }

    /// Whether it leads everywhere.
    pub fn is_default(&self) -> bool {
        self.destination.prefix_len() == 0
    }

    pub(crate) fn describe(&self, interface: &dyn fmt::Display) -> String {
        let mut text = match self.kind {
            RouteKind::Unicast => String::new(),
            kind => format!("{kind} "),
        };
        match self.is_default() {
            true => text += "default",
            false => text += &self.destination.to_string(),
        }
        if let Some(gateway) = self.gateway {
            text += &format!(" via {gateway}");
        }
        if self.interface.is_some() {
            text += &format!(" dev {interface}");
        }
        text += &format!(" table {}", self.table);
        if self.metric != Self::new(self.table, self.destination).metric {
            text += &format!(" metric {}", self.metric);
        }
        if let Some(mtu) = self.mtu {
            text += &format!(" mtu {mtu}");
        }
        text
    }
}

impl Rule {
    /// A rule of protocol static (4) for every packet.
    pub fn new(family: Family, priority: RulePriority, table: TableId) -> Self {
        Self {
            family,
            priority,
            from: None,
            fwmark: None,
            iif: None,
            table,
            suppress_prefix_length: None,
            protocol: PROTOCOL_STATIC,
            opaque: false,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} dev #{}", self.net, self.index)
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.interface {
            Some(index) => f.write_str(&self.describe(&format_args!("#{index}"))),
            None => f.write_str(&self.describe(&"")),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: ", self.family, self.priority)?;
        match self.from {
            Some(from) => write!(f, "from {from}")?,
            None => f.write_str("from all")?,
        }
        if let Some((mark, mask)) = self.fwmark {
            write!(f, " fwmark {mark:#x}/{mask:#x}")?;
        }
        if let Some(iif) = &self.iif {
            write!(f, " iif {iif}")?;
        }
        write!(f, " lookup {}", self.table)?;
        match self.suppress_prefix_length {
            Some(length) => write!(f, " suppress_prefixlength {length}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for RouteKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unicast => "unicast",
            Self::Local => "local",
            Self::Broadcast => "broadcast",
            Self::Anycast => "anycast",
            Self::Multicast => "multicast",
            Self::Blackhole => "blackhole",
            Self::Unreachable => "unreachable",
            Self::Prohibit => "prohibit",
            Self::Throw => "throw",
            Self::Other(number) => return write!(f, "kind {number}"),
        })
    }
}
