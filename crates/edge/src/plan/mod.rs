//! What has to change so that the machine is as the settings want it. Pure: no I/O, no clock.

mod diff;
mod endpoints;
mod firewall;
mod notes;
mod routing;
mod sysctls;
mod traffic;

use std::collections::BTreeMap;

use mptcp::{EndpointSpec, Limits};
use netcfg::{Address, InterfaceIndex, Route, Rule, Sysctl, nft};
use settings::edge::Settings;

pub use notes::notes;
pub use sysctls::wanted_keys;

use crate::numbers;
use crate::observed::Observed;
use crate::step::Step;
use crate::uplink::{Uplink, host_link, own_address, uplinks};

/// What the machine should have of ours.
#[derive(Clone, Debug, Default)]
pub(crate) struct Desired {
    up: Vec<InterfaceIndex>,
    addresses: Vec<Address>,
    routes: Vec<Route>,
    rules: Vec<Rule>,
    endpoints: Vec<EndpointSpec>,
    limits: Option<Limits>,
    sysctls: BTreeMap<Sysctl, String>,
    firewall: Option<nft::Table>,
    network_manager: Option<String>,
}

/// The steps from what is to what should be.
pub fn plan(settings: &Settings, observed: &Observed) -> Vec<Step> {
    diff::steps(settings, observed, &desired(settings, observed))
}

/// The steps that take away all that is ours. Kernel settings are not in it: their former values
/// are in a file, see [`originals::Originals`].
pub fn teardown(settings: &Settings, observed: &Observed) -> Vec<Step> {
    diff::steps(settings, observed, &Desired::default())
}

fn desired(settings: &Settings, observed: &Observed) -> Desired {
    let host = host_link(settings, observed);
    let uplinks = uplinks(settings, observed);
    Desired {
        up: managed(&uplinks),
        addresses: leased_addresses(&uplinks)
            .chain(own_address(settings, observed))
            .collect(),
        routes: routing::routes(settings, host, &uplinks),
        rules: routing::rules(settings, host, &uplinks),
        endpoints: endpoints::endpoints(&uplinks),
        limits: Some(Limits {
            subflows: settings.mptcp.subflows.into(),
            add_addr_accepted: settings.mptcp.add_addr_accepted.into(),
        }),
        sysctls: sysctls::sysctls(settings, host, &uplinks, observed),
        firewall: Some(firewall::table(settings, host, &uplinks, observed)),
        network_manager: Some(network_manager(&uplinks)),
    }
}

/// Interfaces that we bring up. One whose addresses others manage may be down because they want so.
fn managed(uplinks: &[Uplink<'_>]) -> Vec<InterfaceIndex> {
    uplinks
        .iter()
        .filter(|uplink| uplink.wants_dhcp())
        .map(|uplink| uplink.link.index)
        .collect()
}

/// Addresses from leases. Those of router advertisements the kernel adds by itself.
fn leased_addresses(uplinks: &[Uplink<'_>]) -> impl Iterator<Item = Address> {
    uplinks
        .iter()
        .filter(|uplink| uplink.wants_dhcp())
        .flat_map(|uplink| {
            uplink
                .ways
                .iter()
                .filter(|way| way.address.addr().is_ipv4())
                .map(|way| Address {
                    protocol: Some(numbers::PROTOCOL),
                    ..Address::new(uplink.link.index, way.address)
                })
        })
}

/// A drop-in for NetworkManager: its endpoints beside ours would be subflows that we don't control
/// (`connection.mptcp-flags`, NetworkManager 1.40; 1 is "disabled").
fn network_manager(uplinks: &[Uplink<'_>]) -> String {
    if uplinks.is_empty() {
        return String::new();
    }
    let names: Vec<String> = uplinks
        .iter()
        .map(|uplink| format!("interface-name:={}", uplink.link.name))
        .collect();
    format!(
        "# Written by manypath while it runs.\n[connection-manypath]\nmatch-device={}\nconnection.mptcp-flags=1\n",
        names.join(",")
    )
}

#[cfg(test)]
mod tests;
