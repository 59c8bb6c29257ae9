//! Links: list, make, change, delete.

use std::os::fd::{AsFd, AsRawFd};

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{
    InfoData, InfoKind, InfoVeth, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
};

use super::{Changed, Failure, Netlink};
use crate::error::Error;
use crate::model::Link;
use crate::netns::NetNs;
use crate::types::{InterfaceIndex, InterfaceName, MacAddress};

/// One end of a veth pair.
#[derive(Clone, Copy, Debug)]
pub struct VethEnd<'a> {
    name: &'a InterfaceName,
    netns: Option<&'a NetNs>,
}

impl<'a> VethEnd<'a> {
    /// An end in the namespace of the [`Netlink`].
    pub fn here(name: &'a InterfaceName) -> Self {
        Self { name, netns: None }
    }

    /// An end in a namespace.
    pub fn inside(netns: &'a NetNs, name: &'a InterfaceName) -> Self {
        Self {
            name,
            netns: Some(netns),
        }
    }

    fn attributes(self, own: &'a NetNs) -> Vec<LinkAttribute> {
        // Named even for an end "here": without it the kernel puts the peer into the namespace of
        // the first end, or into the caller's, depending on its version.
        let netns = self.netns.unwrap_or(own).as_fd().as_raw_fd();
        vec![
            LinkAttribute::IfName(self.name.to_string()),
            LinkAttribute::NetNsFd(netns),
        ]
    }
}

impl Netlink {
    /// Every link of the namespace.
    pub async fn links(&self) -> Result<Vec<Link>, Error> {
        self.read_links()
            .await
            .map_err(|failure| failure.during("list links"))
    }

    /// The link of that name, if there is one.
    pub async fn link(&self, name: &InterfaceName) -> Result<Option<Link>, Error> {
        let mut request = LinkMessage::default();
        request
            .attributes
            .push(LinkAttribute::IfName(name.to_string()));
        self.find_link(request)
            .await
            .map_err(|failure| failure.during(format!("read link {name}")))
    }

    /// Takes a link into use (`IFF_UP`). [`InterfaceIndex::LOOPBACK`] is down in a new namespace.
    pub async fn set_link_up(&self, index: InterfaceIndex) -> Result<(), Error> {
        self.set_link(index, Setting::Up(true)).await
    }

    /// Takes a link out of use. The kernel then deletes its routes and its IPv6 addresses.
    pub async fn set_link_down(&self, index: InterfaceIndex) -> Result<(), Error> {
        self.set_link(index, Setting::Up(false)).await
    }

    /// Sets the largest packet, in bytes.
    pub async fn set_link_mtu(&self, index: InterfaceIndex, mtu: u32) -> Result<(), Error> {
        self.set_link(index, Setting::Mtu(mtu)).await
    }

    /// Sets the Ethernet address. Some drivers want the link down for it.
    pub async fn set_link_mac(&self, index: InterfaceIndex, mac: MacAddress) -> Result<(), Error> {
        self.set_link(index, Setting::Mac(mac)).await
    }

    /// Renames a link. Before Linux 6.2 it must be down.
    pub async fn rename_link(
        &self,
        index: InterfaceIndex,
        name: &InterfaceName,
    ) -> Result<(), Error> {
        self.set_link(index, Setting::Name(name)).await
    }

    /// Moves a link to another namespace. It arrives down and without addresses, and with another
    /// number if its own is taken there.
    pub async fn move_link(&self, index: InterfaceIndex, netns: &NetNs) -> Result<(), Error> {
        self.set_link(index, Setting::Namespace(netns)).await
    }

    /// Makes a pair of links, down, each the other end of the other. A name that is taken is an
    /// error (`EEXIST`).
    pub async fn create_veth(&self, one: VethEnd<'_>, other: VethEnd<'_>) -> Result<(), Error> {
        let mut peer = LinkMessage::default();
        peer.attributes = other.attributes(&self.netns);
        let mut message = LinkMessage::default();
        message.attributes = one.attributes(&self.netns);
        message.attributes.push(LinkAttribute::LinkInfo(vec![
            LinkInfo::Kind(InfoKind::Veth),
            LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(peer))),
        ]));
        self.create(message)
            .await
            .map_err(|failure| failure.during(format!("add veth pair {} {}", one.name, other.name)))
    }

    /// Deletes a link, and with it the other end of a veth pair.
    pub async fn delete_link(&self, index: InterfaceIndex) -> Result<Changed, Error> {
        match self
            .change(RouteNetlinkMessage::DelLink(addressed_to(index)), 0)
            .await
        {
            Ok(()) => Ok(Changed(true)),
            Err(failure) if failure.errno() == Some(libc::ENODEV) => Ok(Changed(false)),
            Err(failure) => {
                Err(failure.during(format!("delete link {}", self.name_of(index).await)))
            }
        }
    }

    pub(super) async fn link_with(&self, index: InterfaceIndex) -> Result<Option<Link>, Failure> {
        self.find_link(addressed_to(index)).await
    }

    async fn read_links(&self) -> Result<Vec<Link>, Failure> {
        let request = RouteNetlinkMessage::GetLink(LinkMessage::default());
        self.dump(request).await?.into_iter().map(link).collect()
    }

    async fn find_link(&self, request: LinkMessage) -> Result<Option<Link>, Failure> {
        match self.get(RouteNetlinkMessage::GetLink(request)).await {
            Ok(found) => found.map(link).transpose(),
            Err(failure) if failure.errno() == Some(libc::ENODEV) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    async fn create(&self, message: LinkMessage) -> Result<(), Failure> {
        self.change(
            RouteNetlinkMessage::NewLink(message),
            NLM_F_CREATE | NLM_F_EXCL,
        )
        .await
    }

    async fn set_link(&self, index: InterfaceIndex, setting: Setting<'_>) -> Result<(), Error> {
        let mut message = addressed_to(index);
        setting.put_into(&mut message);
        match self.change(RouteNetlinkMessage::SetLink(message), 0).await {
            Ok(()) => Ok(()),
            Err(failure) => Err(failure.during(setting.describe(&self.name_of(index).await))),
        }
    }
}

enum Setting<'a> {
    Up(bool),
    Mtu(u32),
    Mac(MacAddress),
    Name(&'a InterfaceName),
    Namespace(&'a NetNs),
}

impl Setting<'_> {
    fn put_into(&self, message: &mut LinkMessage) {
        message.attributes.push(match self {
            Self::Up(up) => {
                message.header.change_mask = LinkFlags::Up;
                message.header.flags.set(LinkFlags::Up, *up);
                return;
            }
            Self::Mtu(mtu) => LinkAttribute::Mtu(*mtu),
            Self::Mac(mac) => LinkAttribute::Address(mac.octets().to_vec()),
            Self::Name(name) => LinkAttribute::IfName(name.to_string()),
            Self::Namespace(netns) => LinkAttribute::NetNsFd(netns.as_fd().as_raw_fd()),
        });
    }

    fn describe(&self, link: &str) -> String {
        match self {
            Self::Up(true) => format!("set link {link} up"),
            Self::Up(false) => format!("set link {link} down"),
            Self::Mtu(mtu) => format!("set link {link} mtu {mtu}"),
            Self::Mac(mac) => format!("set link {link} address {mac}"),
            Self::Name(name) => format!("rename link {link} to {name}"),
            Self::Namespace(_) => format!("move link {link} to another namespace"),
        }
    }
}

fn addressed_to(index: InterfaceIndex) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index.0;
    message
}

fn link(message: RouteNetlinkMessage) -> Result<Link, Failure> {
    let RouteNetlinkMessage::NewLink(LinkMessage {
        header, attributes, ..
    }) = message
    else {
        return Err(Failure::Answer("no link where one was expected".to_owned()));
    };
    let (mut name, mut mac, mut kind, mut mtu) = (None, None, None, 0);
    let (mut parent, mut bus, mut bytes) = (None, None, None);
    for attribute in attributes {
        match attribute {
            LinkAttribute::IfName(text) => name = Some(text),
            LinkAttribute::Address(bytes) => mac = <[u8; 6]>::try_from(bytes).ok().map(MacAddress),
            LinkAttribute::Mtu(bytes) => mtu = bytes,
            LinkAttribute::LinkInfo(infos) => kind = infos.iter().find_map(kind_name),
            LinkAttribute::Stats64(counters) => {
                bytes = Some(counters.rx_bytes.saturating_add(counters.tx_bytes));
            }
            LinkAttribute::ParentDevName(text) => parent = Some(text),
            LinkAttribute::ParentDevBusName(text) => bus = Some(text),
            _ => {}
        }
    }
    let name = name.ok_or_else(|| Failure::Answer(format!("link {} has no name", header.index)))?;
    Ok(Link {
        index: InterfaceIndex(header.index),
        name: InterfaceName::new(&name).map_err(|error| Failure::Answer(error.to_string()))?,
        mac,
        up: header.flags.contains(LinkFlags::Up),
        carrier: header.flags.contains(LinkFlags::LowerUp),
        kind,
        mtu,
        loopback: header.flags.contains(LinkFlags::Loopback),
        // The kernel names the device in the answer itself (Linux 5.14), so no /sys is needed,
        // which would have to be the namespace's own mount.
        vmbus: parent.filter(|_| bus.as_deref() == Some("vmbus")),
        bytes,
    })
}

fn kind_name(info: &LinkInfo) -> Option<String> {
    match info {
        LinkInfo::Kind(kind) => Some(kind.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hyper_v_adapter_is_known_by_its_device() {
        let guid = "7fe0f3a3-02d8-4a5a-9f0c-3a8e6f3c1b52";
        assert_eq!(vmbus_of(guid, "vmbus"), Some(guid.to_owned()));
        assert_eq!(vmbus_of("0000:00:1f.6", "pci"), None);
    }

    fn vmbus_of(device: &str, bus: &str) -> Option<String> {
        let mut message = LinkMessage::default();
        message.attributes = vec![
            LinkAttribute::IfName("eth1".to_owned()),
            LinkAttribute::ParentDevName(device.to_owned()),
            LinkAttribute::ParentDevBusName(bus.to_owned()),
        ];
        link(RouteNetlinkMessage::NewLink(message)).unwrap().vmbus
    }
}
