//! Windows' rows, to and from what the machine takes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fakes::ip::{AddressRow, RouteRow};
use windows_sys::Win32::NetworkManagement::IpHelper::{
    IP_ADDRESS_PREFIX, MIB_IPFORWARD_ROW2, MIB_UNICASTIPADDRESS_ROW,
};
use windows_sys::Win32::NetworkManagement::Ndis::NET_LUID_LH;
use windows_sys::Win32::Networking::WinSock::{AF_INET, AF_INET6, SOCKADDR_INET};

/// Initialising leaves addresses unspecified.
pub fn write_route(row: &RouteRow) -> MIB_IPFORWARD_ROW2 {
    MIB_IPFORWARD_ROW2 {
        InterfaceLuid: NET_LUID_LH { Value: row.luid },
        InterfaceIndex: row.index,
        DestinationPrefix: IP_ADDRESS_PREFIX {
            Prefix: write(row.destination),
            PrefixLength: row.prefix_length,
        },
        NextHop: write(row.next_hop),
        SitePrefixLength: row.site_prefix_length,
        ValidLifetime: row.valid_lifetime,
        PreferredLifetime: row.preferred_lifetime,
        Metric: row.metric,
        Protocol: row.protocol,
        Loopback: row.loopback,
        AutoconfigureAddress: row.autoconfigure_address,
        Publish: row.publish,
        Immortal: row.immortal,
        ..MIB_IPFORWARD_ROW2::default()
    }
}

pub fn read_route(row: &MIB_IPFORWARD_ROW2) -> RouteRow {
    RouteRow {
        // SAFETY: any bytes make a number.
        luid: unsafe { row.InterfaceLuid.Value },
        index: row.InterfaceIndex,
        destination: read(&row.DestinationPrefix.Prefix),
        prefix_length: row.DestinationPrefix.PrefixLength,
        next_hop: read(&row.NextHop),
        site_prefix_length: row.SitePrefixLength,
        valid_lifetime: row.ValidLifetime,
        preferred_lifetime: row.PreferredLifetime,
        metric: row.Metric,
        protocol: row.Protocol,
        loopback: row.Loopback,
        autoconfigure_address: row.AutoconfigureAddress,
        publish: row.Publish,
        immortal: row.Immortal,
    }
}

/// What initialising leaves: the address stays unspecified.
pub fn write_address(row: &AddressRow) -> MIB_UNICASTIPADDRESS_ROW {
    MIB_UNICASTIPADDRESS_ROW {
        PrefixOrigin: row.prefix_origin,
        SuffixOrigin: row.suffix_origin,
        ValidLifetime: row.valid_lifetime,
        PreferredLifetime: row.preferred_lifetime,
        OnLinkPrefixLength: row.prefix_length,
        SkipAsSource: row.skip_as_source,
        DadState: row.dad_state,
        ..MIB_UNICASTIPADDRESS_ROW::default()
    }
}

pub fn read_address(row: &MIB_UNICASTIPADDRESS_ROW) -> AddressRow {
    AddressRow {
        address: read(&row.Address),
        // SAFETY: any bytes make a number.
        luid: unsafe { row.InterfaceLuid.Value },
        index: row.InterfaceIndex,
        prefix_origin: row.PrefixOrigin,
        suffix_origin: row.SuffixOrigin,
        valid_lifetime: row.ValidLifetime,
        preferred_lifetime: row.PreferredLifetime,
        prefix_length: row.OnLinkPrefixLength,
        skip_as_source: row.SkipAsSource,
        dad_state: row.DadState,
    }
}

fn write(address: Option<IpAddr>) -> SOCKADDR_INET {
    let mut written = SOCKADDR_INET::default();
    match address {
        None => {}
        Some(IpAddr::V4(address)) => {
            written.Ipv4.sin_family = AF_INET;
            written.Ipv4.sin_addr.S_un.S_addr = u32::from_ne_bytes(address.octets());
        }
        Some(IpAddr::V6(address)) => {
            written.Ipv6.sin6_family = AF_INET6;
            written.Ipv6.sin6_addr.u.Byte = address.octets();
        }
    }
    written
}

fn read(address: &SOCKADDR_INET) -> Option<IpAddr> {
    // SAFETY: both kinds begin with the family, and any bytes make an address.
    unsafe {
        match address.si_family {
            AF_INET => {
                let octets = address.Ipv4.sin_addr.S_un.S_addr.to_ne_bytes();
                Some(Ipv4Addr::from(octets).into())
            }
            AF_INET6 => Some(Ipv6Addr::from(address.Ipv6.sin6_addr.u.Byte).into()),
            _ => None,
        }
    }
}
