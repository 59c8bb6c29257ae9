//! From the PC's network adapters to the settings of the edge in the guest.

use std::collections::HashSet;

use super::{AdapterMatch, Capture, Choice, Rule, Settings};
use crate::edge::{
    self, Addresses, Control, EndpointFlags, Host, Intercept, LinkNetwork, Role, UplinkName,
};
use crate::edit::RulePlace;
use crate::interface::{Guid, InterfaceMatch};

/// A physical network adapter of the PC that the guest has, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adapter {
    /// Its interface GUID. It is the same as long as Windows knows the adapter.
    pub id: Guid,
    /// Its name in Windows, which the user can change.
    pub alias: String,
    /// What the guest knows it by: the VMBus instance that the host chose for it (its interface GUID), or its MAC
    /// address in the guest, where Windows lets nobody choose.
    pub guest: InterfaceMatch,
}

/// An adapter that is an uplink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uplink<'a> {
    /// The adapter.
    pub adapter: &'a Adapter,
    /// The number of its rule, from 0 on; `None` where no rule is for it.
    pub rule: Option<usize>,
    /// What the edge calls it: the name of its rule, or its name in Windows. `None` where the edge can't, because
    /// that is another uplink's name, or no [`UplinkName`]. It then uses the name that Linux gives the interface.
    pub name: Option<UplinkName>,
}

impl Settings {
    /// The adapters that are uplinks: those with rules, in the order of the rules, then the others; always in the
    /// same order, whatever order `adapters` has, and however they are called. No two adapters have the same GUID.
    pub fn uplinks<'a>(&self, adapters: &'a [Adapter]) -> Vec<Uplink<'a>> {
        let fits = |rule: &Rule, it: &Adapter| rule.adapter.matches(it.id, &it.alias);
        let uplinks = adapters.iter().map(|adapter| Uplink {
            adapter,
            rule: self.rules.iter().position(|rule| fits(rule, adapter)),
            name: None,
        });
        let is_one = |it: &Uplink<'_>| it.rule.is_some() || self.choice == Choice::All;
        let mut uplinks: Vec<_> = uplinks.filter(is_one).collect();
        uplinks.sort_by_key(|it| (it.rule.unwrap_or(usize::MAX), it.adapter.id));
        self.give_names(&mut uplinks);
        uplinks
    }

    /// Names that the user chose first, so that no adapter's own name can take one.
    fn give_names(&self, uplinks: &mut [Uplink<'_>]) {
        let mut taken = HashSet::new();
        for uplink in &mut *uplinks {
            let rule = uplink.rule.map(|rule| &self.rules[rule]);
            let name = rule.and_then(|rule| rule.name.clone());
            uplink.name = name.filter(|name| taken.insert(name.clone()));
        }
        for uplink in uplinks.iter_mut().filter(|it| it.name.is_none()) {
            let name: Option<UplinkName> = uplink.adapter.alias.parse().ok();
            uplink.name = name.filter(|name| taken.insert(name.clone()));
        }
    }

    /// What the edge in the guest is to do; `None` where no adapter is an uplink. `host` is the guest's interface
    /// towards Windows. No two adapters have the same GUID or are the same to the guest, and none is `host`.
    pub fn edge(&self, adapters: &[Adapter], host: InterfaceMatch) -> Option<edge::Settings> {
        let uplinks = self.uplinks(adapters);
        if uplinks.is_empty() {
            return None;
        }
        Some(edge::Settings {
            host: Some(Host {
                interface: host,
                capture: self.capture.into(),
                intercept: Intercept::default(),
                network: (self.capture == Capture::All).then_some(LinkNetwork::WINDOWS),
            }),
            uplinks: uplinks.into_iter().map(|it| self.edge_uplink(it)).collect(),
            proxy: self.proxy.clone(),
            out: self.out.clone(),
            bypass: self.bypass.clone(),
            traffic: self.traffic.clone(),
            dns: self.dns.clone(),
            portal: self.portal.clone(),
            mptcp: self.mptcp.clone(),
            control: Control::default(),
            usage: edge::default_usage(),
        })
    }

    fn edge_uplink(&self, uplink: Uplink<'_>) -> edge::Uplink {
        let rule = uplink.rule.map(|rule| &self.rules[rule]);
        edge::Uplink {
            name: uplink.name,
            interface: uplink.adapter.guest.clone(),
            addresses: Addresses::Dhcp,
            ipv6: rule.is_none_or(|rule| rule.ipv6),
            endpoint: EndpointFlags::default(),
            role: rule.map_or_else(Role::default, |rule| rule.role),
            metered: rule.is_some_and(|rule| rule.metered),
            cap: rule.and_then(|rule| rule.cap),
        }
    }

    /// Where in the file the uplink's role is written, or is to be.
    pub fn place_of(&self, uplink: &Uplink<'_>) -> RulePlace {
        let only = self.only(uplink.adapter).to_string();
        match uplink.rule {
            Some(rule) if self.rules[rule].adapter.is_pattern() => RulePlace::Before { rule, only },
            Some(rule) => RulePlace::Rule(rule),
            None => RulePlace::New { only },
        }
    }

    /// What a new rule for this adapter alone is for.
    fn only(&self, adapter: &Adapter) -> AdapterMatch {
        let mut names = self.rules.iter().filter_map(|rule| rule.name.as_ref());
        match names.any(|name| name.as_str() == adapter.alias) {
            true => AdapterMatch::Guid(adapter.id),
            false => AdapterMatch::one(adapter.id, &adapter.alias),
        }
    }
}
