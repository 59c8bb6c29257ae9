//! Destinations that Manypath leaves alone.

use std::ops::RangeInclusive;

use ipnet::IpNet;
use wire::{Destination, Host};

/// Destinations that go out directly over plain TCP: those that match any rule.
#[derive(Clone, Debug, Default)]
pub struct Bypass(Vec<BypassRule>);

/// One kind of destination.
#[derive(Clone, Debug)]
pub struct BypassRule {
    /// In this network; anywhere, without. A destination given by name is in no network: in a chain
    /// its address is not known here.
    pub net: Option<IpNet>,
    /// At one of these ports.
    pub ports: RangeInclusive<u16>,
}

impl Bypass {
    /// Whether `destination` is to be left alone.
    pub fn matches(&self, destination: &Destination) -> bool {
        self.0.iter().any(|rule| rule.matches(destination))
    }
}

impl FromIterator<BypassRule> for Bypass {
    fn from_iter<T: IntoIterator<Item = BypassRule>>(rules: T) -> Self {
        Self(rules.into_iter().collect())
    }
}

impl BypassRule {
    fn matches(&self, destination: &Destination) -> bool {
        let in_net = match (&self.net, &destination.host) {
            (None, _) => true,
            (Some(net), Host::Ip(ip)) => net.contains(&ip.to_canonical()),
            (Some(_), Host::Name(_)) => false,
        };
        in_net && self.ports.contains(&destination.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_and_ports() {
        let rule = |net: Option<&str>, ports| BypassRule {
            net: net.map(|it| it.parse().unwrap()),
            ports,
        };
        let bypass = Bypass::from_iter([
            rule(Some("192.168.0.0/16"), 0..=65535),
            rule(Some("2001:db8::/32"), 80..=90),
            rule(None, 22..=22),
        ]);
        let matches = |text: &str| bypass.matches(&text.parse().unwrap());
        assert!(matches("192.168.3.4:443"));
        assert!(matches("[::ffff:192.168.3.4]:443"));
        assert!(matches("[2001:db8::1]:80"));
        assert!(matches("[2001:db8::1]:90"));
        assert!(matches("example.org:22"));
        assert!(!matches("192.169.0.1:443"));
        assert!(!matches("[2001:db8::1]:91"));
        assert!(!matches("example.org:443"));
        assert!(!Bypass::default().matches(&"192.168.3.4:443".parse().unwrap()));
    }
}
