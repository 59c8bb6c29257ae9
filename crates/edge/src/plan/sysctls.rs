//! Kernel settings of this namespace, with the reason for each.

use std::collections::BTreeMap;

use mptcp::tuning::Tuning;
use netcfg::{Family, Link, Sysctl};
use settings::edge::{Quic, Settings, Udp};

use crate::observed::Observed;
use crate::uplink::Uplink;

/// Which kernel settings an observer has to read, so that [`super::plan`] can decide.
pub fn wanted_keys(settings: &Settings, observed: &Observed) -> Vec<Sysctl> {
    let host = crate::uplink::host_link(settings, observed);
    let uplinks = crate::uplink::uplinks(settings, observed);
    let mut keys: Vec<Sysctl> = Tuning::KEYS.into_iter().map(key).collect();
    keys.extend(forwarding(host).into_keys());
    keys.extend(refusals(settings).into_keys());
    keys.extend(
        uplinks
            .iter()
            .flat_map(|uplink| per_uplink(uplink).into_keys()),
    );
    keys
}

/// Only what this kernel has: `observed` lacks the others.
pub(super) fn sysctls(
    settings: &Settings,
    host: Option<&Link>,
    uplinks: &[Uplink<'_>],
    observed: &Observed,
) -> BTreeMap<Sysctl, String> {
    let mut wanted: BTreeMap<Sysctl, String> = tuning(settings)
        .sysctls(|name| value(observed, name))
        .into_iter()
        .map(|(name, value)| (key(name), value))
        .collect();
    wanted.extend(forwarding(host));
    wanted.extend(refusals(settings));
    wanted.extend(uplinks.iter().flat_map(per_uplink));
    for uplink in uplinks.iter().filter(|uplink| !uplink.wants_dhcp()) {
        leave_to_others(uplink, observed, &mut wanted);
    }
    wanted.retain(|key, _| observed.sysctls.contains_key(key));
    wanted
}

/// Who puts the addresses there decides on router advertisements, too: NetworkManager and networkd
/// read them themselves and switch the kernel's part off. Where the kernel has that part, it must go
/// on when this machine forwards.
fn leave_to_others(
    uplink: &Uplink<'_>,
    observed: &Observed,
    wanted: &mut BTreeMap<Sysctl, String>,
) {
    let of_uplink =
        |knob| Sysctl::of_interface(Family::V6, &uplink.link.name, knob).expect("one component");
    wanted.remove(&of_uplink("autoconf"));
    wanted.remove(&of_uplink("use_tempaddr"));
    let accept_ra = of_uplink("accept_ra");
    // 2 may be ours, of an earlier round.
    let kernels = matches!(observed.sysctls.get(&accept_ra), Some(is) if is == "1" || is == "2");
    if !(uplink.rule.ipv6 && kernels) {
        wanted.remove(&accept_ra);
    }
}

/// Whether the kernel forgets something when this goes on: the default routers of interfaces whose
/// `accept_ra` is not 2 yet.
pub(super) fn is_forwarding(key: &Sysctl) -> bool {
    key.to_string() == IPV6_FORWARDING
}

const IPV6_FORWARDING: &str = "net.ipv6.conf.all.forwarding";

pub(super) fn tuning(settings: &Settings) -> Tuning {
    Tuning {
        stale_loss_count: settings.mptcp.stale_loss_count,
        blackhole_timeout: settings.mptcp.blackhole_timeout,
        congestion_control: settings.mptcp.congestion_control.as_str().to_owned(),
        buffer_max: settings.mptcp.buffer_max.bytes(),
    }
}

/// The host's packets pass through, those that are not taken in (UDP, ICMP, bypassed TCP).
fn forwarding(host: Option<&Link>) -> BTreeMap<Sysctl, String> {
    let keys = ["net.ipv4.ip_forward", IPV6_FORWARDING];
    host.map(|_| keys.map(|name| (key(name), "1".to_owned())).into())
        .unwrap_or_default()
}

/// Who is refused QUIC, or all UDP, must hear of it each time: the kernel says "unreachable" to one host six times at
/// once and then once a second (`icmp_ratelimit`), and a page has more sites than that. The limit of all
/// ICMP together stays. The defaults without type 3 (`icmp_ratemask`) and, of ICMPv6, type 1.
fn refusals(settings: &Settings) -> BTreeMap<Sysctl, String> {
    let masks = [
        ("net.ipv4.icmp_ratemask", "6160"),
        ("net.ipv6.icmp.ratemask", "0,3-127"),
    ];
    match (settings.out.quic, settings.out.udp) {
        (Quic::Allow, Udp::Direct | Udp::Hub) => BTreeMap::new(),
        (Quic::Refuse, _) | (_, Udp::Off) => masks
            .map(|(name, value)| (key(name), value.to_owned()))
            .into(),
    }
}

fn per_uplink(uplink: &Uplink<'_>) -> BTreeMap<Sysctl, String> {
    let ipv6 = if uplink.rule.ipv6 { "1" } else { "0" };
    // 2: also when this machine forwards, where 1 would mean no.
    let accept_ra = if uplink.rule.ipv6 { "2" } else { "0" };
    [
        // Loose: with several uplinks an answer may come in where the route back doesn't lead.
        (Family::V4, "rp_filter", "2"),
        // Two uplinks in one network: each answers for its own address only, and asks with it.
        (Family::V4, "arp_ignore", "1"),
        (Family::V4, "arp_announce", "2"),
        // Without carrier its routes must not be used, at once.
        (Family::V4, "ignore_routes_with_linkdown", "1"),
        (Family::V6, "ignore_routes_with_linkdown", "1"),
        (Family::V6, "accept_ra", accept_ra),
        (Family::V6, "autoconf", ipv6),
        // Temporary addresses would cost each connection a subflow whenever they change.
        (Family::V6, "use_tempaddr", "0"),
    ]
    .into_iter()
    .map(|(family, knob, value)| {
        let key = Sysctl::of_interface(family, &uplink.link.name, knob);
        (key.expect("one component"), value.to_owned())
    })
    .collect()
}

/// What a kernel setting is; `None` where this kernel has none of that name.
pub(super) fn value<'a>(observed: &'a Observed, name: &str) -> Option<&'a str> {
    observed.sysctls.get(&key(name)).map(String::as_str)
}

fn key(name: &str) -> Sysctl {
    Sysctl::new(name).expect("names in the source are well formed")
}
