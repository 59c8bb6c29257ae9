//! The user's rules, as the relay asks for them: what they say of a connection, and how often they counted.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use dns::Seen;
use ipnet::IpNet;
use paths::{State, Verdict};
use relay::{Policy, Way};
use serde::Serialize;
use settings::rule::{self, Action, Protocol, Rule, Subject};
use wire::{Destination, DomainName, Host};

use crate::health::verdict_of;
use crate::uplink::{Uplink, UplinkState};

/// The rules that are in force. Clones are the same ones.
#[derive(Clone, Debug, Default)]
pub struct Rules(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    list: RwLock<List>,
    uplinks: RwLock<BTreeMap<String, Reach>>,
    seen: Seen,
}

/// How an uplink can be used alone.
#[derive(Clone, Debug)]
struct Reach {
    /// From its addresses, or why it can't.
    from: Result<Vec<IpAddr>, String>,
    /// The networks that it is in: what is there is reached by it and by nothing else.
    networks: Vec<IpNet>,
}

#[derive(Debug, Default)]
struct List {
    rules: Vec<Rule>,
    /// Of each rule, how many connections it has decided.
    counts: Vec<AtomicU64>,
}

/// A rule and what it has done.
#[derive(Clone, Debug, Serialize)]
pub struct RuleStatus {
    /// The rule.
    #[serde(flatten)]
    pub rule: Rule,
    /// How many TCP connections it has decided, of captured ones and those by the proxy.
    pub connections: u64,
}

impl Rules {
    /// Goes by these rules from now on. What is the same as before keeps its count.
    pub fn set(&self, rules: &[Rule]) {
        let mut list = self.0.list.write().unwrap_or_else(PoisonError::into_inner);
        if list.rules == rules {
            return;
        }
        let count = |rule| {
            let before = list.rules.iter().position(|it| it == rule);
            before.map_or(0, |at| list.counts[at].load(Ordering::Relaxed))
        };
        let counts = rules.iter().map(count).map(AtomicU64::new).collect();
        *list = List {
            counts,
            rules: rules.to_vec(),
        };
    }

    /// Goes by the uplinks as they are.
    pub fn follow(&self, uplinks: &[Uplink<'_>], verdicts: &[Verdict]) {
        let known = uplinks.iter().map(|uplink| {
            let reach = Reach {
                from: addresses(uplink, verdict_of(verdicts, uplink)),
                networks: uplink.ways.iter().map(|way| way.address).collect(),
            };
            (uplink.name.clone(), reach)
        });
        *self
            .0
            .uplinks
            .write()
            .unwrap_or_else(PoisonError::into_inner) = known.collect();
    }

    /// For the connector.
    pub fn policy(&self) -> Arc<dyn Policy> {
        self.0.clone()
    }

    /// The way of a datagram that a program has the proxy send: as that of a connection, but it is not counted.
    pub fn way_of_datagram(&self, to: &Destination) -> Way {
        let list = self.0.list();
        match (self.0.matched(&list, Protocol::Udp, to, None), &to.host) {
            (Some(index), _) => self.0.way(&list, index),
            (None, Host::Ip(ip)) => self.0.on_link(*ip).unwrap_or(Way::Usual),
            (None, Host::Name(_)) => Way::Usual,
        }
    }

    /// Which names stand behind addresses, for the DNS server to note.
    pub fn seen(&self) -> &Seen {
        &self.0.seen
    }

    /// What each rule has done.
    pub fn status(&self) -> Vec<RuleStatus> {
        let list = self.0.list();
        let each = list.rules.iter().zip(&list.counts);
        each.map(|(rule, count)| RuleStatus {
            rule: rule.clone(),
            connections: count.load(Ordering::Relaxed),
        })
        .collect()
    }
}

/// The addresses by which an uplink can be used alone. One that has fallen silent for a moment may be tried, and
/// so may one with a portal, or nobody could ever log in there.
fn addresses(uplink: &Uplink<'_>, verdict: Option<&Verdict>) -> Result<Vec<IpAddr>, String> {
    let down = verdict.filter(|it| matches!(it.state, State::Down) || it.role == paths::Role::Off);
    match (down, uplink.state()) {
        (Some(down), _) => Err(down.reason.to_string()),
        (None, UplinkState::Up) => Ok(uplink.ways.iter().map(|way| way.address.addr()).collect()),
        (None, _) => Err("it has no carrier or address".to_owned()),
    }
}

impl Shared {
    fn list(&self) -> RwLockReadGuard<'_, List> {
        self.list.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn by_uplink(&self, name: &str) -> Way {
        let uplinks = self.uplinks.read().unwrap_or_else(PoisonError::into_inner);
        let unknown = || Err("there is no uplink of this name".to_owned());
        Way::Uplink {
            name: name.to_owned(),
            from: uplinks.get(name).map_or_else(unknown, |it| it.from.clone()),
        }
    }

    /// The uplink in whose own network `address` is, such as a printer's or the router's page. A hub would look
    /// for it in its own.
    fn on_link(&self, address: IpAddr) -> Option<Way> {
        let uplinks = self.uplinks.read().unwrap_or_else(PoisonError::into_inner);
        let address = address.to_canonical();
        let is_there = |reach: &Reach| reach.networks.iter().any(|net| net.contains(&address));
        let (name, reach) = uplinks.iter().find(|(_, reach)| is_there(reach))?;
        Some(Way::Uplink {
            name: name.clone(),
            from: reach.from.clone(),
        })
    }

    /// The name that a program has asked us for and now calls an IPv6 address by. The program believes to be
    /// connected, and tries no other address: so whoever connects in its place has to, if IPv6 is broken there.
    fn better_name(&self, address: IpAddr, given: Option<&DomainName>) -> Option<DomainName> {
        let name = given.filter(|_| may_be_broken(address))?;
        let seen = self.seen.names(address);
        let mut seen = seen.iter();
        let is_it = seen.any(|seen| seen.eq_ignore_ascii_case(name.as_str()));
        is_it.then(|| name.clone())
    }

    /// The place of the rule that counts. `name` is what the client calls the destination, otherwise than by it.
    fn matched(
        &self,
        list: &List,
        protocol: Protocol,
        destination: &Destination,
        name: Option<&DomainName>,
    ) -> Option<usize> {
        if list.rules.is_empty() {
            return None;
        }
        let (address, given) = match &destination.host {
            Host::Ip(ip) => (Some(*ip), name),
            Host::Name(name) => (None, Some(name)),
        };
        // What the client says of itself is more exact than what it has asked for before.
        let seen = match (address, given) {
            (Some(ip), None) => self.seen.names(ip),
            _ => Vec::new(),
        };
        let names = given.map(DomainName::as_str).into_iter();
        let names: Vec<&str> = names.chain(seen.iter().map(|it| &**it)).collect();
        let subject = Subject {
            protocol,
            address,
            names: &names,
            port: destination.port,
        };
        Some(rule::first_match(&list.rules, &subject)?.index)
    }

    /// Where the rule at this place leads.
    fn way(&self, list: &List, index: usize) -> Way {
        match &list.rules[index].action {
            Action::Hub => Way::Usual,
            Action::Direct => Way::Straight,
            Action::Uplink(name) => self.by_uplink(name.as_str()),
            Action::Block => Way::Refused { rule: index + 1 },
        }
    }
}

impl Policy for Shared {
    fn wants_name(&self, address: SocketAddr) -> bool {
        let subject = Subject {
            protocol: Protocol::Tcp,
            address: Some(address.ip()),
            names: &[],
            port: address.port(),
        };
        let may_help = || {
            WEB.contains(&address.port())
                && may_be_broken(address.ip())
                && !self.seen.names(address.ip()).is_empty()
        };
        rule::needs_name(&self.list().rules, &subject) || may_help()
    }

    fn decide(&self, destination: &Destination, name: Option<&DomainName>) -> Way {
        let list = self.list();
        let address = match &destination.host {
            Host::Ip(ip) => Some(*ip),
            Host::Name(_) => None,
        };
        let way = match self.matched(&list, Protocol::Tcp, destination, name) {
            Some(index) => {
                list.counts[index].fetch_add(1, Ordering::Relaxed);
                self.way(&list, index)
            }
            None => match address.and_then(|address| self.on_link(address)) {
                Some(way) => return way,
                None => Way::Usual,
            },
        };
        match way {
            Way::Usual => address
                .and_then(|address| self.better_name(address, name))
                .map_or(Way::Usual, Way::ByName),
            way => way,
        }
    }
}

/// Where programs say the name first.
const WEB: [u16; 2] = [80, 443];

/// An address of the Internet's that networks and servers are known to lack, or to have for show.
fn may_be_broken(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(_) => false,
        IpAddr::V6(ip) => !ip.is_unique_local() && !ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> Vec<Rule> {
        let text = format!("[[uplink]]\ninterface = \"eth1\"\n{text}");
        let settings = settings::edge::Settings::parse(&text, "edge.toml").unwrap();
        settings.traffic
    }

    const BLOCK: &str = "[[rule]]\nto = [\"a.test\"]\naction = \"block\"\n";
    const WIFI: &str = "[[rule]]\nto = [\"192.0.2.0/24\"]\naction = \"uplink wifi\"\n";

    fn decide(rules: &Rules, destination: &str, name: Option<&str>) -> Way {
        let name = name.map(|name| DomainName::try_from(name).unwrap());
        let policy = rules.policy();
        policy.decide(&destination.parse().unwrap(), name.as_ref())
    }

    #[test]
    fn names_come_from_the_client_or_from_what_it_has_asked() {
        let rules = {
            let it = Rules::default();
            it.set(&self::rules(&format!("{BLOCK}{WIFI}")));
            it
        };
        let refused = Way::Refused { rule: 1 };
        assert_eq!(decide(&rules, "a.test:443", None), refused);
        assert_eq!(
            decide(&rules, "198.51.100.1:443", Some("www.a.test")),
            refused
        );
        assert_eq!(
            decide(&rules, "198.51.100.1:443", Some("b.test")),
            Way::Usual
        );
        assert_eq!(decide(&rules, "198.51.100.1:443", None), Way::Usual);
        let Way::Uplink { name, from } = decide(&rules, "192.0.2.9:443", None) else {
            panic!("it has a rule");
        };
        assert_eq!((name.as_str(), from.is_err()), ("wifi", true));
        let counts: Vec<u64> = rules.status().iter().map(|it| it.connections).collect();
        assert_eq!(counts, [2, 1]);
        let policy = rules.policy();
        assert!(policy.wants_name("192.0.2.9:443".parse().unwrap()));
    }

    #[test]
    fn datagrams_go_by_rules_for_udp_and_are_not_counted() {
        let rules = Rules::default();
        let text = format!(
            "[[rule]]\nprotocol = \"tcp\"\naction = \"direct\"\n{BLOCK}\
             [[rule]]\nprotocol = \"udp\"\nports = [5000]\naction = \"direct\"\n{WIFI}"
        );
        rules.set(&self::rules(&text));
        let way = |to: &str| rules.way_of_datagram(&to.parse().unwrap());
        assert_eq!(way("www.a.test:5000"), Way::Refused { rule: 2 });
        assert_eq!(way("198.51.100.1:5000"), Way::Straight);
        assert_eq!(way("198.51.100.1:5001"), Way::Usual);
        assert!(matches!(way("192.0.2.9:1"), Way::Uplink { .. }));
        assert_eq!(decide(&rules, "198.51.100.1:5001", None), Way::Straight);
        let counts: Vec<u64> = rules.status().iter().map(|it| it.connections).collect();
        assert_eq!(counts, [1, 0, 0, 0]);
    }

    #[test]
    fn other_rules_count_at_once_and_the_same_ones_go_on_counting() {
        let rules = Rules::default();
        rules.set(&self::rules(BLOCK));
        decide(&rules, "a.test:443", None);
        rules.set(&self::rules(&format!("{WIFI}{BLOCK}")));
        assert_eq!(decide(&rules, "a.test:443", None), Way::Refused { rule: 2 });
        let counts: Vec<u64> = rules.status().iter().map(|it| it.connections).collect();
        assert_eq!(counts, [0, 2]);
        rules.set(&[]);
        assert_eq!(decide(&rules, "a.test:443", None), Way::Usual);
    }
}
