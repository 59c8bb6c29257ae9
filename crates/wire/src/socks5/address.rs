//! The address field that requests and replies share (RFC 1928 section 5).

use std::net::IpAddr;

use super::Error;
use crate::Host;
use crate::parsed::Reader;

const IPV4: u8 = 1;
const DOMAIN: u8 = 3;
const IPV6: u8 = 4;

/// The most bytes of type, address and port: those of a domain name of 255 bytes.
pub(super) const MAX_LEN: usize = 1 + 1 + 255 + 2;

/// The host of an address field, a name not looked into yet.
pub(super) enum Field<'a> {
    Ip(IpAddr),
    Domain(&'a [u8]),
}

/// Takes type, address and port of a `message`. `None`: bytes are missing.
pub(super) fn read<'a>(
    reader: &mut Reader<'a>,
    message: &'static str,
) -> Result<Option<(Field<'a>, u16)>, Error> {
    let Some(kind) = reader.u8() else {
        return Ok(None);
    };
    let field = match kind {
        IPV4 => reader.array::<4>().map(|octets| Field::Ip(octets.into())),
        DOMAIN => reader.counted().map(Field::Domain),
        IPV6 => reader.array::<16>().map(|octets| Field::Ip(octets.into())),
        found => return Err(Error::UnknownAddressType { message, found }),
    };
    Ok(field.and_then(|field| Some((field, reader.u16()?))))
}

/// Appends type, address and port.
pub(super) fn write(bytes: &mut Vec<u8>, host: &Host, port: u16) {
    match host {
        Host::Ip(ip) => write_ip(bytes, *ip),
        Host::Name(name) => {
            let name = name.as_str().as_bytes();
            let len = u8::try_from(name.len()).expect("the type allows 255 bytes at most");
            bytes.extend([DOMAIN, len]);
            bytes.extend_from_slice(name);
        }
    }
    bytes.extend(port.to_be_bytes());
}

fn write_ip(bytes: &mut Vec<u8>, ip: IpAddr) {
    match ip {
        IpAddr::V4(ip) => {
            bytes.push(IPV4);
            bytes.extend(ip.octets());
        }
        IpAddr::V6(ip) => {
            bytes.push(IPV6);
            bytes.extend(ip.octets());
        }
    }
}
