//! What no step can mend, in words for the user.

use mptcp::Limits;
use settings::edge::{Hub, Settings, Udp};
use settings::rule::Action;

use super::sysctls;
use crate::observed::Observed;
use crate::uplink::{Uplink, host_link, owned_ways, uplinks};

/// What keeps the edge from doing its best, each with what the user can do. Empty when all is well.
pub fn notes(settings: &Settings, observed: &Observed) -> Vec<String> {
    let mut notes = Vec::new();
    if let (Some(host), None) = (&settings.host, host_link(settings, observed)) {
        notes.push(format!(
            "no interface is the host's ({}); nothing is taken in but by the proxy on this machine",
            host.interface
        ));
    }
    let uplinks = uplinks(settings, observed);
    for rule in &settings.uplinks {
        if !uplinks.iter().any(|uplink| std::ptr::eq(uplink.rule, rule)) {
            notes.push(format!(
                "no interface fits the uplink with {}",
                rule.interface
            ));
        }
    }
    notes.extend(unknown_uplinks(settings, &uplinks));
    if settings.out.udp == Udp::Hub && !matches!(settings.out.hub, Hub::Manypath(_)) {
        notes.push(
            "UDP goes straight to its destination: for out.udp = \"hub\" set out.hub to a hub of your own \
             (manypath://…)"
                .to_owned(),
        );
    }
    let addresses: usize = uplinks.iter().map(|uplink| uplink.families()).sum();
    if addresses > Limits::MAX as usize {
        notes.push(format!(
            "{addresses} addresses could carry subflows and the kernel takes {}; the last are left out",
            Limits::MAX
        ));
    }
    notes.extend(shared_addresses(&uplinks));
    let tuning = sysctls::tuning(settings);
    let present = |name: &str| sysctls::value(observed, name);
    if !observed.sysctls.is_empty() && !tuning.has_congestion_control(present) {
        let name = tuning.congestion_control;
        notes.push(format!(
            "this kernel has no {name}; load it (modprobe tcp_{name}) or set mptcp.congestion_control"
        ));
    }
    notes
}

/// An uplink may come later, so no rule is wrong for it.
fn unknown_uplinks<'a>(
    settings: &'a Settings,
    uplinks: &'a [Uplink<'_>],
) -> impl Iterator<Item = String> + 'a {
    let rules = settings.traffic.iter().enumerate();
    rules.filter_map(|(index, rule)| match &rule.action {
        Action::Uplink(name) if !uplinks.iter().any(|it| it.name == name.as_str()) => {
            Some(format!(
                "rule {} sends traffic by the uplink {name}, and there is none of this name; it fails until there is",
                index + 1
            ))
        }
        _ => None,
    })
}

fn shared_addresses<'a>(uplinks: &'a [Uplink<'_>]) -> impl Iterator<Item = String> + 'a {
    let owned = owned_ways(uplinks);
    let ways = uplinks
        .iter()
        .flat_map(|uplink| uplink.ways.iter().map(move |way| (uplink, way)));
    ways.filter_map(move |(uplink, way)| {
        let address = way.address.addr();
        let (owner, _) = owned
            .iter()
            .find(|(_, owned)| owned.address.addr() == address)?;
        (owner.link.index != uplink.link.index).then(|| {
            format!(
                "{} and {} have the same address {address}, and the kernel can use it for one of them only; \
                 give the router of one another network",
                owner.name, uplink.name
            )
        })
    })
}
