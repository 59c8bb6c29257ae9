//! Addresses to and from Windows.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use windows_sys::Win32::Networking::WinSock::{
    AF_INET, AF_INET6, IN_ADDR, IN_ADDR_0, IN6_ADDR, IN6_ADDR_0, SOCKADDR_IN, SOCKADDR_IN6,
    SOCKADDR_INET,
};

pub fn write(address: IpAddr) -> SOCKADDR_INET {
    match address {
        IpAddr::V4(address) => SOCKADDR_INET {
            Ipv4: SOCKADDR_IN {
                sin_family: AF_INET,
                sin_addr: IN_ADDR {
                    S_un: IN_ADDR_0 {
                        S_addr: u32::from_ne_bytes(address.octets()),
                    },
                },
                ..SOCKADDR_IN::default()
            },
        },
        IpAddr::V6(address) => SOCKADDR_INET {
            Ipv6: SOCKADDR_IN6 {
                sin6_family: AF_INET6,
                sin6_addr: IN6_ADDR {
                    u: IN6_ADDR_0 {
                        Byte: address.octets(),
                    },
                },
                ..SOCKADDR_IN6::default()
            },
        },
    }
}

/// None where it is of another family, or of none.
pub fn read(address: &SOCKADDR_INET) -> Option<IpAddr> {
    // SAFETY: both kinds begin with the family.
    match unsafe { address.si_family } {
        AF_INET => {
            // SAFETY: the family says that it is this kind, which any bytes make.
            let octets = unsafe { address.Ipv4.sin_addr.S_un.S_addr }.to_ne_bytes();
            Some(Ipv4Addr::from(octets).into())
        }
        AF_INET6 => {
            // SAFETY: the same.
            let octets = unsafe { address.Ipv6.sin6_addr.u.Byte };
            Some(Ipv6Addr::from(octets).into())
        }
        _ => None,
    }
}
