//! What is added and deleted.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use windows_sys::Win32::NetworkManagement::IpHelper::{
    IP_ADDRESS_PREFIX, MIB_IPFORWARD_ROW2, MIB_UNICASTIPADDRESS_ROW,
};
use windows_sys::Win32::NetworkManagement::Ndis::NET_LUID_LH;
use windows_sys::Win32::Networking::WinSock::{IpDadStatePreferred, MIB_IPPROTO_NETMGMT};

use super::{Functions, check, socket};
use crate::{Address, Failure, Luid, NewAddress, NewRoute, Route};

pub fn create_route(functions: &Functions, route: &NewRoute) -> Result<(), Failure> {
    let mut row = route_row(functions, route.interface, route.destination, route.gateway);
    row.Metric = route.metric;
    row.Protocol = MIB_IPPROTO_NETMGMT;
    // Else it is longer than the prefix, which is refused by the documentation.
    row.SitePrefixLength = 0;
    // SAFETY: the row is complete.
    check("CreateIpForwardEntry2", unsafe {
        (functions.CreateIpForwardEntry2)(&raw const row)
    })
}

pub fn delete_route(functions: &Functions, route: &Route) -> Result<(), Failure> {
    let on_link = match route.destination {
        IpNet::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpNet::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let gateway = route.gateway.unwrap_or(on_link);
    let row = route_row(functions, route.interface, route.destination, gateway);
    // SAFETY: the row has interface, destination and next hop, which is what it is found by.
    check("DeleteIpForwardEntry2", unsafe {
        (functions.DeleteIpForwardEntry2)(&raw const row)
    })
}

fn route_row(
    functions: &Functions,
    interface: Luid,
    destination: IpNet,
    gateway: IpAddr,
) -> MIB_IPFORWARD_ROW2 {
    let mut row = MIB_IPFORWARD_ROW2::default();
    // SAFETY: the row is ours.
    unsafe { (functions.InitializeIpForwardEntry)(&raw mut row) };
    row.InterfaceLuid = luid(interface);
    row.DestinationPrefix = IP_ADDRESS_PREFIX {
        // Windows refuses bits past the prefix.
        Prefix: socket::write(destination.network()),
        PrefixLength: destination.prefix_len(),
    };
    row.NextHop = socket::write(gateway);
    row
}

pub fn create_address(functions: &Functions, address: &NewAddress) -> Result<(), Failure> {
    let mut row = address_row(functions, address.interface, address.net);
    row.SkipAsSource = address.skip_as_source;
    // Usable at once, not after a second or three; from Windows 10 on. Others are asked nevertheless.
    row.DadState = IpDadStatePreferred;
    // SAFETY: the row is complete.
    check("CreateUnicastIpAddressEntry", unsafe {
        (functions.CreateUnicastIpAddressEntry)(&raw const row)
    })
}

pub fn delete_address(functions: &Functions, address: &Address) -> Result<(), Failure> {
    let row = address_row(functions, address.interface, address.net);
    // SAFETY: the row has interface and address, which is what it is found by.
    check("DeleteUnicastIpAddressEntry", unsafe {
        (functions.DeleteUnicastIpAddressEntry)(&raw const row)
    })
}

fn address_row(functions: &Functions, interface: Luid, net: IpNet) -> MIB_UNICASTIPADDRESS_ROW {
    let mut row = MIB_UNICASTIPADDRESS_ROW::default();
    // SAFETY: the row is ours.
    unsafe { (functions.InitializeUnicastIpAddressEntry)(&raw mut row) };
    row.InterfaceLuid = luid(interface);
    row.Address = socket::write(net.addr());
    row.OnLinkPrefixLength = net.prefix_len();
    row
}

fn luid(luid: Luid) -> NET_LUID_LH {
    NET_LUID_LH { Value: luid.0 }
}
