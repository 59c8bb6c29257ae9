//! The bytes of a router advertisement (RFC 4861 4.2, RDNSS: RFC 8106 5.1).

use std::net::Ipv6Addr;
use std::time::Duration;

use ipnet::Ipv6Net;

pub(super) const ROUTER_SOLICITATION: u8 = 133;
const ROUTER_ADVERTISEMENT: u8 = 134;
const HOP_LIMIT_FOR_HOSTS: u8 = 64;
const PREFIX_INFORMATION: u8 = 3;
const MTU: u8 = 5;
const RDNSS: u8 = 25;
/// The prefix is on the link, and hosts make addresses in it by themselves.
const ON_LINK_AND_AUTONOMOUS: u8 = 0xc0;

/// One advertisement; lifetimes are rounded down to seconds.
#[derive(Debug, Clone)]
pub(super) struct Advertisement<'a> {
    /// Zero: not a default router (any more).
    pub(super) router_lifetime: Duration,
    pub(super) prefix: Ipv6Net,
    /// How long addresses in the prefix are valid, and preferred for new connections.
    pub(super) prefix_lifetime: Duration,
    pub(super) mtu: Option<u32>,
    pub(super) dns_servers: &'a [Ipv6Addr],
}

impl Advertisement<'_> {
    /// The ICMPv6 message. The kernel fills in the checksum.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = vec![ROUTER_ADVERTISEMENT, 0, 0, 0, HOP_LIMIT_FOR_HOSTS, 0];
        let lifetime = u16::try_from(self.router_lifetime.as_secs()).unwrap_or(u16::MAX);
        out.extend(lifetime.to_be_bytes());
        // Reachable time and retransmission timer: not specified by this router.
        out.extend([0; 8]);
        self.write_prefix(&mut out);
        if let Some(mtu) = self.mtu {
            out.extend([MTU, 1, 0, 0]);
            out.extend(mtu.to_be_bytes());
        }
        if let Ok(length @ 3..) = u8::try_from(1 + 2 * self.dns_servers.len()) {
            out.extend([RDNSS, length, 0, 0]);
            out.extend(seconds(self.router_lifetime));
            out.extend(self.dns_servers.iter().flat_map(Ipv6Addr::octets));
        }
        out
    }

    fn write_prefix(&self, out: &mut Vec<u8>) {
        out.extend([
            PREFIX_INFORMATION,
            4,
            self.prefix.prefix_len(),
            ON_LINK_AND_AUTONOMOUS,
        ]);
        out.extend(seconds(self.prefix_lifetime));
        out.extend(seconds(self.prefix_lifetime));
        out.extend([0; 4]);
        out.extend(self.prefix.network().octets());
    }
}

fn seconds(time: Duration) -> [u8; 4] {
    u32::try_from(time.as_secs())
        .unwrap_or(u32::MAX)
        .to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_form_is_that_of_the_rfc() {
        let dns_servers = ["2001:db8::53".parse().unwrap()];
        let advertisement = Advertisement {
            router_lifetime: Duration::from_secs(1800),
            prefix: "2001:db8:1::/64".parse().unwrap(),
            prefix_lifetime: Duration::from_secs(3600),
            mtu: Some(1400),
            dns_servers: &dns_servers,
        };
        let bytes = advertisement.encode();
        assert_eq!(bytes[..8], [134, 0, 0, 0, 64, 0, 7, 8]);
        assert_eq!(bytes[16..28], [3, 4, 64, 0xc0, 0, 0, 14, 16, 0, 0, 14, 16]);
        assert_eq!(bytes[32..40], [0x20, 1, 0xd, 0xb8, 0, 1, 0, 0]);
        assert_eq!(bytes[48..56], [5, 1, 0, 0, 0, 0, 5, 120]);
        assert_eq!(bytes[56..64], [25, 3, 0, 0, 0, 0, 7, 8]);
        assert_eq!(bytes.len(), 80);
    }
}
