//! The lease that a DHCPACK grants, checked as far as a client can check it.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use ipnet::Ipv4Net;

use super::bootp::Message;
use super::option::OptionCode;

/// Seconds that stand for "for ever" (RFC 2131 3.3).
const FOREVER: u32 = u32::MAX;
/// A smaller MTU is not believed: it would cripple the link, and every IPv4 host takes 576 bytes
/// (RFC 791 3.2).
const SMALLEST_MTU: u16 = 576;

/// What a server has granted. Equal leases have the same times too, so compare the fields you need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The address and the prefix of its network; host bits are kept.
    pub address: Ipv4Net,
    /// Default gateways, best first: from classless routes (option 121) if the server sent any,
    /// else from option 3 (RFC 3442). Other routes of option 121 are dropped on purpose: a rogue
    /// server must not be able to draw single networks out of the tunnel (CVE-2024-3661).
    pub gateways: Vec<Ipv4Addr>,
    /// Name servers, best first.
    pub dns_servers: Vec<Ipv4Addr>,
    /// The domain of the access network.
    pub domain: Option<String>,
    /// MTU in bytes, at least 576. Linux takes IPv6 off an interface below 1280.
    pub mtu: Option<u16>,
    /// Who granted the lease.
    pub server: Ipv4Addr,
    /// How long the address may be used, from `obtained`. `None`: for ever.
    pub duration: Option<Duration>,
    /// T1, when to ask the same server again, from `obtained`. `None`: never.
    pub renew_after: Option<Duration>,
    /// T2, when to ask any server, from `obtained`. `None`: never.
    pub rebind_after: Option<Duration>,
    /// When the request that was granted left, as RFC 2131 4.4.1 counts the times.
    pub obtained: Instant,
}

impl Lease {
    /// When the address must no longer be used; `None` for a lease without end.
    #[must_use]
    pub fn expires(&self) -> Option<Instant> {
        Some(self.obtained + self.duration?)
    }

    pub(super) fn renews(&self) -> Option<Instant> {
        Some(self.obtained + self.renew_after?)
    }

    pub(super) fn rebinds(&self) -> Option<Instant> {
        Some(self.obtained + self.rebind_after?)
    }

    /// Reads the lease out of a DHCPACK for a request sent at `obtained`. `None` if it lacks what
    /// RFC 2131 4.3.1 demands (address, lease time, server identifier) or grants a useless address.
    pub(super) fn from_ack(ack: &Message, obtained: Instant) -> Option<Self> {
        let address = usable_host(ack.your_address)?;
        let seconds = ack
            .options
            .seconds(OptionCode::LEASE_TIME)
            .filter(|&seconds| seconds > 0)?;
        let times = Times::new(seconds, ack);
        Some(Self {
            address: Ipv4Net::new(address, prefix_length(ack, address)).ok()?,
            gateways: gateways(ack),
            dns_servers: usable_hosts(ack.options.addresses(OptionCode::DNS)),
            domain: ack.options.text(OptionCode::DOMAIN).map(str::to_owned),
            mtu: ack
                .options
                .short(OptionCode::MTU)
                .filter(|&mtu| mtu >= SMALLEST_MTU),
            server: ack.options.address(OptionCode::SERVER_ID)?,
            duration: times.duration,
            renew_after: times.renew,
            rebind_after: times.rebind,
            obtained,
        })
    }
}

struct Times {
    duration: Option<Duration>,
    renew: Option<Duration>,
    rebind: Option<Duration>,
}

impl Times {
    /// T1 and T2 as sent if they are in order, else the defaults of RFC 2131 4.4.5.
    fn new(seconds: u32, ack: &Message) -> Self {
        if seconds == FOREVER {
            return Self {
                duration: None,
                renew: None,
                rebind: None,
            };
        }
        let duration = Duration::from_secs(seconds.into());
        let sent = |code| {
            ack.options
                .seconds(code)
                .map(|seconds| Duration::from_secs(seconds.into()))
        };
        let rebind = sent(OptionCode::REBINDING_TIME)
            .filter(|&rebind| !rebind.is_zero() && rebind < duration)
            .unwrap_or(duration * 7 / 8);
        let renew = sent(OptionCode::RENEWAL_TIME)
            .filter(|&renew| !renew.is_zero() && renew < rebind)
            .unwrap_or_else(|| (duration / 2).min(rebind * 4 / 7));
        Self {
            duration: Some(duration),
            renew: Some(renew),
            rebind: Some(rebind),
        }
    }
}

fn gateways(ack: &Message) -> Vec<Ipv4Addr> {
    match ack.options.classless_routes() {
        Some(routes) => usable_hosts(
            routes
                .into_iter()
                .filter(|(net, _)| net.prefix_len() == 0)
                .map(|(_, gateway)| gateway),
        ),
        None => usable_hosts(ack.options.addresses(OptionCode::ROUTER)),
    }
}

/// The prefix length of the mask, or of the address's class when the mask is absent or nonsense.
/// A mask of length 0 is nonsense too: it would put the whole Internet on the link.
fn prefix_length(ack: &Message, address: Ipv4Addr) -> u8 {
    ack.options
        .address(OptionCode::SUBNET_MASK)
        .and_then(|mask| ipnet::ipv4_mask_to_prefix(mask).ok())
        .filter(|&length| length > 0)
        .unwrap_or(match address.octets() {
            [0..=127, ..] => 8,
            [128..=191, ..] => 16,
            _ => 24,
        })
}

fn usable_hosts(addresses: impl IntoIterator<Item = Ipv4Addr>) -> Vec<Ipv4Addr> {
    let mut seen = Vec::new();
    for address in addresses.into_iter().filter_map(usable_host) {
        if !seen.contains(&address) {
            seen.push(address);
        }
    }
    seen
}

/// The address, if it can belong to a machine on a network. Class E (240/4) and the rest of 0/8
/// can't (RFC 1122 3.2.1.3).
pub(super) fn usable_host(address: Ipv4Addr) -> Option<Ipv4Addr> {
    let first = address.octets()[0];
    let usable = first != 0 && first < 224 && !address.is_loopback();
    usable.then_some(address)
}

#[cfg(test)]
mod tests {
    use super::super::bootp::MessageType;
    use super::*;

    fn ack() -> Message {
        let mut ack = Message::request(MessageType::Ack, 1, crate::MacAddress([2, 0, 0, 0, 0, 1]));
        ack.your_address = Ipv4Addr::new(10, 1, 2, 3);
        ack.options
            .set_address(OptionCode::SERVER_ID, Ipv4Addr::new(10, 1, 2, 1))
            .set_address(OptionCode::ROUTER, Ipv4Addr::new(10, 1, 2, 1))
            .set_address(OptionCode::SUBNET_MASK, Ipv4Addr::new(255, 255, 255, 0))
            .set_seconds(OptionCode::LEASE_TIME, Duration::from_secs(800));
        ack
    }

    fn lease(change: impl FnOnce(&mut Message)) -> Option<Lease> {
        let mut ack = ack();
        change(&mut ack);
        Lease::from_ack(&ack, Instant::now())
    }

    #[test]
    fn times_default_to_half_and_seven_eighths() {
        let lease = lease(|_| ()).unwrap();
        assert_eq!(lease.duration, Some(Duration::from_secs(800)));
        assert_eq!(lease.renew_after, Some(Duration::from_secs(400)));
        assert_eq!(lease.rebind_after, Some(Duration::from_secs(700)));
        assert_eq!(lease.address.to_string(), "10.1.2.3/24");
    }

    #[test]
    fn times_out_of_order_are_replaced() {
        let lease = lease(|ack| {
            ack.options
                .set_seconds(OptionCode::RENEWAL_TIME, Duration::from_secs(600))
                .set_seconds(OptionCode::REBINDING_TIME, Duration::from_secs(500));
        })
        .unwrap();
        assert!(
            lease.renew_after < lease.rebind_after && lease.rebind_after < lease.duration,
            "{lease:?}"
        );
    }

    #[test]
    fn a_lease_without_end_has_no_times() {
        let lease = lease(|ack| {
            ack.options
                .set(OptionCode::LEASE_TIME, [255; 4])
                .set_seconds(OptionCode::RENEWAL_TIME, Duration::from_secs(9));
        })
        .unwrap();
        assert_eq!(
            (
                lease.duration,
                lease.renew_after,
                lease.rebind_after,
                lease.expires()
            ),
            (None, None, None, None)
        );
    }

    #[test]
    fn classless_routes_displace_the_router_option() {
        let lease = lease(|ack| {
            ack.options.set(
                OptionCode::CLASSLESS_ROUTES,
                [24, 9, 9, 9, 10, 1, 2, 8, 0, 10, 1, 2, 9],
            );
        })
        .unwrap();
        assert_eq!(lease.gateways, [Ipv4Addr::new(10, 1, 2, 9)]);
    }

    #[test]
    fn what_no_host_can_use_is_refused() {
        for address in [
            "0.0.0.0",
            "127.0.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
        ] {
            assert_eq!(
                lease(|ack| ack.your_address = address.parse().unwrap()),
                None,
                "{address}"
            );
        }
        assert_eq!(
            lease(|ack| {
                ack.options.set(OptionCode::LEASE_TIME, [0; 4]);
            }),
            None
        );
        assert_eq!(
            lease(|ack| {
                ack.options.set(OptionCode::SERVER_ID, []);
            }),
            None
        );
    }

    #[test]
    fn a_hostile_mask_or_mtu_is_not_believed() {
        let lease = lease(|ack| {
            ack.options
                .set_address(OptionCode::SUBNET_MASK, Ipv4Addr::UNSPECIFIED)
                .set(OptionCode::MTU, [0, 68]);
        })
        .unwrap();
        assert_eq!((lease.address.prefix_len(), lease.mtu), (8, None));
    }
}
