//! `sockaddr_ll` (packet(7)), which neither std nor rustix knows.

use rustix::net::SocketAddrAny;

use crate::{InterfaceIndex, MacAddress};

const MAC_LENGTH: u8 = 6;

/// The address for IPv4 on `interface`: to bind to, or to send to `mac`.
#[expect(unsafe_code, reason = "rustix has no safe way to make a sockaddr_ll")]
pub(super) fn encode(interface: InterfaceIndex, mac: Option<MacAddress>) -> SocketAddrAny {
    let mut octets = [0; 8];
    if let Some(mac) = mac {
        octets[..6].copy_from_slice(&mac.0);
    }
    let address = libc::sockaddr_ll {
        sll_family: libc::AF_PACKET as libc::sa_family_t,
        sll_protocol: (libc::ETH_P_IP as u16).to_be(),
        sll_ifindex: interface.0.cast_signed(),
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: MAC_LENGTH,
        sll_addr: octets,
    };
    // SAFETY: the pointer is valid for the length given, both are those of `address`, and the
    // value is copied before `address` goes away.
    unsafe {
        SocketAddrAny::read(
            std::ptr::from_ref(&address).cast(),
            size_of_val(&address) as _,
        )
    }
}

/// The MAC in the address of a received frame; `None` if it is not Ethernet's.
#[expect(unsafe_code, reason = "rustix has no safe way to read a sockaddr_ll")]
pub(super) fn mac(address: &SocketAddrAny) -> Option<MacAddress> {
    let whole = address.addr_len() as usize >= size_of::<libc::sockaddr_ll>();
    if !whole || address.address_family() != rustix::net::AddressFamily::PACKET {
        return None;
    }
    // SAFETY: the family says that this is a sockaddr_ll and its length was checked; all of its
    // bit patterns are valid. `read_unaligned` asks nothing of the storage's alignment.
    let address = unsafe {
        address
            .as_ptr()
            .cast::<libc::sockaddr_ll>()
            .read_unaligned()
    };
    let [a, b, c, d, e, f, _, _] = address.sll_addr;
    (address.sll_halen == MAC_LENGTH).then_some(MacAddress([a, b, c, d, e, f]))
}
