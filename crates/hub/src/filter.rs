//! Which destinations the hub connects to: a proxy must not become a way into its own network.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

use ipnet::IpNet;
use relay::AddressFilter;

/// Networks that no user of a public proxy has business with (IANA's special-purpose registries,
/// RFC 6890), unless the settings allow them. Of IPv6 only 2000::/3 has been given out for the Internet
/// (RFC 4291 section 2.4), so that is all that is left of it.
const REFUSED: [&str; 17] = [
    "0.0.0.0/8",      // this network
    "10.0.0.0/8",     // private
    "100.64.0.0/10",  // carrier-grade NAT
    "127.0.0.0/8",    // loopback
    "169.254.0.0/16", // link-local; clouds keep secrets at 169.254.169.254
    "172.16.0.0/12",  // private
    "192.0.0.0/24",   // protocol assignments
    "192.88.99.0/24", // relays of 6to4
    "192.168.0.0/16", // private
    "198.18.0.0/15",  // benchmarks
    "224.0.0.0/4",    // multicast
    "240.0.0.0/4",    // reserved, and broadcast
    // Unspecified, loopback, and what leads to IPv4 past this list: mapped, compatible and translated
    // addresses, NAT64's 64:ff9b::/96 and 64:ff9b:1::/48. (The filter sees mapped ones as IPv4.)
    "::/3",
    "4000::/2",  // segment routing, reserved
    "8000::/1",  // private, link-local, site-local, multicast
    "2001::/23", // protocol assignments, of which Teredo leads to IPv4
    "2002::/16", // 6to4: the same
];

/// Refuses special networks and the server's own addresses, but for what is allowed. Clones share
/// what can be changed.
#[derive(Clone, Debug)]
pub struct Destinations {
    refused: Arc<[IpNet]>,
    lists: Arc<RwLock<Lists>>,
}

#[derive(Debug, Default)]
struct Lists {
    allowed: Vec<IpNet>,
    own: BTreeSet<IpAddr>,
}

impl Destinations {
    /// With networks that are allowed although they are special.
    pub fn new(allowed: Vec<IpNet>) -> Self {
        let refused = REFUSED
            .iter()
            .map(|net| net.parse().expect("a network in the source"));
        Self {
            refused: refused.collect(),
            lists: Arc::new(RwLock::new(Lists {
                allowed,
                own: BTreeSet::new(),
            })),
        }
    }

    /// Replaces the networks that are allowed although they are special.
    pub fn set_allowed(&self, allowed: Vec<IpNet>) {
        self.write().allowed = allowed;
    }

    /// The server's own addresses as they are now.
    pub fn set_own(&self, addresses: impl IntoIterator<Item = IpAddr>) {
        self.write().own = addresses.into_iter().collect();
    }

    /// A panic elsewhere can't leave a list half written: each is replaced as a whole.
    fn write(&self) -> RwLockWriteGuard<'_, Lists> {
        self.lists.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AddressFilter for Destinations {
    fn allows(&self, ip: IpAddr, _port: u16) -> bool {
        let ip = ip.to_canonical();
        let within = |nets: &[IpNet]| nets.iter().any(|net| net.contains(&ip));
        let lists = self.lists.read().unwrap_or_else(PoisonError::into_inner);
        within(&lists.allowed) || !(within(&self.refused) || lists.own.contains(&ip))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(filter: &Destinations, ip: &str) -> bool {
        filter.allows(ip.parse().unwrap(), 80)
    }

    #[test]
    fn the_internet_is_allowed_and_what_is_near_is_not() {
        let filter = Destinations::new(vec![]);
        for good in [
            "1.1.1.1",
            "203.0.113.18",
            "2606:4700::1111",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2a00:1450::1",
            "3fff::1",
            "192.0.2.1",
            "172.32.0.1",
        ] {
            assert!(allows(&filter, good), "{good}");
        }
        for bad in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.31.255.255",
            "192.168.1.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "::ffff:0:127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::7f00:1",
            "100::1",
            "2001::1",
            "2001:1ff::1",
            "2002:7f00:1::",
            "5f00::1",
            "192.88.99.1",
            "fcff::1",
            "fd00::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!allows(&filter, bad), "{bad}");
        }
    }

    #[test]
    fn own_addresses_are_refused_and_allow_overrides() {
        let filter = Destinations::new(vec!["10.1.0.0/16".parse().unwrap()]);
        assert!(allows(&filter, "203.0.113.2"));
        filter.set_own(["203.0.113.2".parse().unwrap()]);
        assert!(!allows(&filter, "203.0.113.2"));
        assert!(!allows(&filter, "::ffff:203.0.113.2"));
        assert!(allows(&filter, "10.1.2.3"));
        assert!(!allows(&filter, "10.2.0.1"));
    }
}
