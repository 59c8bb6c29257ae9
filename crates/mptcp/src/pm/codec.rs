//! Between our values and the attributes of family `mptcp_pm`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netlink_bindings::mptcp_pm::{IterableAddress, IterableAttr, PushAddress};
use netlink_bindings::traits::Pusher;

use super::endpoint::{Endpoint, EndpointFlags, EndpointId, EndpointSpec, Limits};

/// Name of the attribute that is missing in a kernel's message.
pub(super) type Missing = &'static str;

pub(super) fn push_spec<P: Pusher>(attributes: PushAddress<P>, spec: &EndpointSpec) {
    let mut attributes = push_address(attributes, spec.address).push_flags(spec.flags.bits());
    if let Some(id) = spec.id {
        attributes = attributes.push_id(id.0);
    }
    if let Some(port) = spec.port {
        attributes = attributes.push_port(port);
    }
    if let Some(index) = spec.interface {
        let _ = attributes.push_if_idx(index.cast_signed());
    }
}

pub(super) fn push_address<P: Pusher>(
    attributes: PushAddress<P>,
    address: IpAddr,
) -> PushAddress<P> {
    match address {
        // The library takes host order and turns it.
        IpAddr::V4(v4) => attributes
            .push_family(libc::AF_INET as u16)
            .push_addr4(v4.to_bits()),
        IpAddr::V6(v6) => attributes
            .push_family(libc::AF_INET6 as u16)
            .push_addr6(&v6.octets()),
    }
}

pub(super) fn endpoint(attributes: &IterableAttr<'_>) -> Result<Endpoint, Missing> {
    let attributes = attributes.get_addr().map_err(|_| "the endpoint")?;
    Ok(Endpoint {
        id: EndpointId(attributes.get_id().map_err(|_| "the endpoint's id")?),
        address: address(&attributes).ok_or("the endpoint's address")?,
        port: attributes.get_port().ok().filter(|port| *port != 0),
        interface: interface(attributes.get_if_idx().ok()),
        flags: EndpointFlags::from_bits_retain(attributes.get_flags().unwrap_or_default()),
    })
}

pub(super) fn limits(attributes: &IterableAttr<'_>) -> Result<Limits, Missing> {
    Ok(Limits {
        subflows: attributes
            .get_subflows()
            .map_err(|_| "the limit of subflows")?,
        add_addr_accepted: attributes
            .get_rcv_add_addrs()
            .map_err(|_| "the limit of accepted addresses")?,
    })
}

fn address(attributes: &IterableAddress<'_>) -> Option<IpAddr> {
    ip(attributes.get_addr4().ok(), attributes.get_addr6().ok())
}

/// An address from whichever attribute is there. An IPv4-mapped one, which a dual-stack socket
/// has, comes as IPv4.
pub(super) fn ip(v4: Option<u32>, v6: Option<&[u8]>) -> Option<IpAddr> {
    if let Some(v4) = v4 {
        return Some(Ipv4Addr::from_bits(v4).into());
    }
    let v6: [u8; 16] = v6?.try_into().ok()?;
    Some(IpAddr::V6(Ipv6Addr::from(v6)).to_canonical())
}

/// Interface index; 0 is the kernel's word for none.
pub(super) fn interface(index: Option<i32>) -> Option<u32> {
    index
        .and_then(|index| u32::try_from(index).ok())
        .filter(|index| *index != 0)
}
