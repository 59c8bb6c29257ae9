//! The networks that the rows are measured in.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use anyhow::Context;
use ipnet::{IpNet, Ipv4Net};
use netcfg::{
    Address, Family, InterfaceIndex, InterfaceName, NetNs, Netlink, Route, Sysctl, TableId, VethEnd,
};

use crate::link::{Direction, Fraction, LinkHandle, Profile, Rate};
use crate::topology::{Lab, LabSpec, Node, Uplink, addresses};

/// What kind of network a row needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scene {
    /// Both standard links.
    Standard,
    /// A good link and a bad one.
    Unlike,
    /// No emulated link: veth pairs.
    Unshaped,
    /// The same, and those who can encrypt do.
    UnshapedEncrypted,
}

/// Who gives the guest its addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Addressing {
    /// The edge, by DHCP.
    Dhcp,
    /// They are there already.
    Static,
}

/// Which uplinks carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Roles {
    /// All.
    AllActive,
    /// The first one; the others wait until it fails.
    FirstActive,
}

/// One network, of one contender.
#[derive(Debug)]
pub(crate) struct Place {
    pub(super) windows: NetNs,
    pub(super) guest: NetNs,
    pub(super) hub: NetNs,
    pub(crate) origin: NetNs,
    pub(super) uplinks: Vec<GuestUplink>,
    pub(crate) links: Vec<LinkHandle>,
    /// Without emulated links, none.
    _lab: Option<Lab>,
}

/// The guest's end of an uplink.
#[derive(Clone, Debug)]
pub(super) struct GuestUplink {
    pub(super) interface: InterfaceName,
    /// What it has with [`Addressing::Static`].
    pub(super) address: Ipv4Addr,
    pub(super) is_backup: bool,
}

impl Scene {
    pub(super) const ALL: [Self; 4] = [
        Self::Standard,
        Self::Unlike,
        Self::Unshaped,
        Self::UnshapedEncrypted,
    ];

    /// Whether it has emulated links.
    pub(super) const fn is_emulated(self) -> bool {
        matches!(self, Self::Standard | Self::Unlike)
    }

    /// The emulated links; none means veth pairs.
    pub(super) fn links(self) -> Vec<Profile> {
        match self {
            Self::Standard => vec![Profile::vdsl(), Profile::lte()],
            Self::Unlike => vec![
                Profile::symmetric(Rate::mbit(35), Duration::from_millis(15)),
                lossy(Profile::symmetric(
                    Rate::mbit(20),
                    Duration::from_millis(300),
                )),
            ],
            Self::Unshaped | Self::UnshapedEncrypted => Vec::new(),
        }
    }
}

/// Thousands of connections in a second soon use all ports up, and the kernel's search for a free one
/// would be what is measured. Ports in TIME_WAIT are used again after a second.
fn give_ports() -> Result<(), netcfg::SysctlError> {
    Sysctl::new("net.ipv4.ip_local_port_range")?.write("10000 65000")?;
    Sysctl::new("net.ipv4.tcp_tw_reuse")?.write(1)
}

fn lossy(profile: Profile) -> Profile {
    let loss = Fraction::new(0.005).expect("0.005 lies between 0 and 1");
    let lossy = |direction| Direction { loss, ..direction };
    Profile {
        down: lossy(profile.down),
        up: lossy(profile.up),
        ..profile
    }
}

impl Place {
    /// `links` as of [`Scene::links`], or some of them.
    pub(super) fn new(
        links: &[Profile],
        addressing: Addressing,
        roles: Roles,
    ) -> anyhow::Result<Self> {
        let place = if links.is_empty() {
            Self::unshaped()?
        } else {
            Self::emulated(links, addressing, roles)?
        };
        // A new namespace has the congestion control of this machine, which may be any. Cubic is
        // what Windows and Linux begin with.
        for namespace in [&place.windows, &place.guest, &place.hub, &place.origin] {
            namespace.run(|| Sysctl::new("net.ipv4.tcp_congestion_control")?.write("cubic"))?;
        }
        Ok(place)
    }

    /// The controls of the first link and of the second.
    pub(super) fn two_links(&self) -> anyhow::Result<(&LinkHandle, &LinkHandle)> {
        match self.links.as_slice() {
            [first, second] => Ok((first, second)),
            _ => anyhow::bail!("needs two links"),
        }
    }

    fn emulated(links: &[Profile], addressing: Addressing, roles: Roles) -> anyhow::Result<Self> {
        let spec = LabSpec::with_links(links.iter().copied());
        let lab = Lab::up(match addressing {
            Addressing::Dhcp => spec,
            Addressing::Static => spec.with_static_uplinks(),
        })?;
        // What the access networks tell of: the one name server that there is, in the Internet.
        for server in lab.uplinks().filter_map(|uplink| lab.dhcp_server(uplink)) {
            server.set_names(vec![addresses::ORIGIN.ipv4()], None);
        }
        let namespace = |node| lab.namespace(node).clone();
        Ok(Self {
            windows: namespace(Node::Windows),
            guest: namespace(Node::Guest),
            hub: namespace(Node::Hub),
            origin: namespace(Node::Origin),
            uplinks: lab
                .uplinks()
                .map(|uplink| GuestUplink::new(uplink, roles))
                .collect(),
            links: lab
                .uplinks()
                .map(|uplink| lab.link(uplink).clone())
                .collect(),
            _lab: Some(lab),
        })
    }

    /// windows ─ guest ─ hub ─ origin. The hub's address is on its loopback, so that it is the same
    /// as in the lab; guest and hub forward, so that plain TCP works end to end.
    fn unshaped() -> anyhow::Result<Self> {
        let place = Self {
            windows: NetNs::new()?,
            guest: NetNs::new()?,
            hub: NetNs::new()?,
            origin: NetNs::new()?,
            uplinks: vec![GuestUplink::new(Uplink::FIRST, Roles::AllActive)],
            links: Vec::new(),
            _lab: None,
        };
        for namespace in [&place.guest, &place.hub] {
            namespace.run(|| Sysctl::new("net.ipv4.ip_forward")?.write(1))?;
        }
        for namespace in [&place.windows, &place.guest, &place.hub] {
            namespace.run(give_ports)?;
        }
        std::thread::scope(|scope| scope.spawn(|| place.lay_cables()).join())
            .unwrap_or_else(|cause| std::panic::resume_unwind(cause))
            .context("cannot set up veth pairs")?;
        Ok(place)
    }

    fn lay_cables(&self) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (eth0, eth1) = (
            addresses::eth0(),
            addresses::uplink_interface(Uplink::FIRST),
        );
        let wan = addresses::access_wan();
        runtime.block_on(async {
            let windows = Machine::new(&self.windows)?;
            let guest = Machine::new(&self.guest)?;
            let hub = Machine::new(&self.hub)?;
            let origin = Machine::new(&self.origin)?;
            windows.cable(&eth0, &guest, &eth0).await?;
            guest.cable(&eth1, &hub, &wan).await?;
            hub.cable(&eth0, &origin, &eth0).await?;
            let uplink = addresses::guest_uplink(Uplink::FIRST, false).v4;
            let gateway = addresses::access(Uplink::FIRST, false).v4;
            let loopback = InterfaceIndex::LOOPBACK;
            hub.address(loopback, Ipv4Net::from(addresses::HUB.ipv4()))
                .await?;
            windows.set_up(&eth0, addresses::WINDOWS.v4).await?;
            guest.set_up(&eth0, addresses::GUEST.v4).await?;
            guest.set_up(&eth1, uplink).await?;
            hub.set_up(&wan, gateway).await?;
            hub.set_up(&eth0, addresses::CORE_TO_ORIGIN.v4).await?;
            origin.set_up(&eth0, addresses::ORIGIN.v4).await?;
            windows.route(None, addresses::GUEST.ipv4()).await?;
            guest.route(None, gateway.addr()).await?;
            hub.route(Some(addresses::WINDOWS.v4.trunc()), uplink.addr())
                .await?;
            origin.route(None, addresses::CORE_TO_ORIGIN.ipv4()).await
        })
    }
}

impl GuestUplink {
    fn new(uplink: Uplink, roles: Roles) -> Self {
        Self {
            interface: addresses::uplink_interface(uplink),
            address: addresses::guest_uplink(uplink, false).ipv4(),
            is_backup: roles == Roles::FirstActive && uplink != Uplink::FIRST,
        }
    }
}

/// The network of one namespace.
struct Machine {
    netlink: Netlink,
}

impl Machine {
    fn new(namespace: &NetNs) -> Result<Self, netcfg::Error> {
        Ok(Self {
            netlink: Netlink::in_netns(namespace)?,
        })
    }

    async fn cable(
        &self,
        name: &InterfaceName,
        other: &Self,
        others_name: &InterfaceName,
    ) -> Result<(), netcfg::Error> {
        let far = VethEnd::inside(other.netlink.netns(), others_name);
        self.netlink.create_veth(VethEnd::here(name), far).await
    }

    async fn set_up(&self, name: &InterfaceName, net: Ipv4Net) -> anyhow::Result<()> {
        let link = self
            .netlink
            .link(name)
            .await?
            .context("an interface has vanished")?;
        self.netlink.set_link_up(InterfaceIndex::LOOPBACK).await?;
        self.netlink.set_link_up(link.index).await?;
        self.address(link.index, net).await
    }

    async fn address(&self, index: InterfaceIndex, net: Ipv4Net) -> anyhow::Result<()> {
        let _ = self
            .netlink
            .add_address(&Address::new(index, net.into()))
            .await?;
        Ok(())
    }

    async fn route(&self, to: Option<Ipv4Net>, gateway: Ipv4Addr) -> anyhow::Result<()> {
        let destination = to.map_or(Family::V4.everything(), IpNet::from);
        let route = Route::new(TableId::MAIN, destination);
        let route = Route {
            gateway: Some(IpAddr::V4(gateway)),
            ..route
        };
        let _ = self.netlink.add_route(&route).await?;
        Ok(())
    }
}
