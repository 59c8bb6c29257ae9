//! MPTCP endpoints: the addresses from which connections open subflows.

use std::collections::BTreeSet;

use mptcp::{EndpointFlags, EndpointSpec};
use paths::Use;

use crate::uplink::{Uplink, Way, owned_ways};

/// The kernel keeps no more per namespace (`MPTCP_PM_ADDR_MAX`).
const MOST: usize = 8;

/// One endpoint for each used uplink's best address of each family: an uplink with many addresses
/// must not crowd another one out.
pub(super) fn endpoints(uplinks: &[Uplink<'_>]) -> Vec<EndpointSpec> {
    let mut served = BTreeSet::new();
    let mut specs: Vec<EndpointSpec> = owned_ways(uplinks)
        .into_iter()
        .filter(|(uplink, _)| uplink.is_used())
        .filter(|(uplink, way)| served.insert((uplink.link.index, way.address.addr().is_ipv6())))
        .map(|(uplink, way)| spec(uplink, way))
        .collect();
    // IPv4 first: with more than four uplinks not every address fits.
    specs.sort_by_key(|spec| spec.address.is_ipv6());
    specs.truncate(MOST);
    specs
}

fn spec(uplink: &Uplink<'_>, way: &Way) -> EndpointSpec {
    EndpointSpec {
        address: way.address.addr(),
        port: None,
        interface: Some(uplink.link.index.0),
        flags: flags(uplink.rule.endpoint, uplink.used),
        id: None,
    }
}

fn flags(wanted: settings::EndpointFlags, used: Use) -> EndpointFlags {
    [
        (wanted.subflow(), EndpointFlags::SUBFLOW),
        (wanted.signal(), EndpointFlags::SIGNAL),
        (used == Use::Standby, EndpointFlags::BACKUP),
        (wanted.fullmesh(), EndpointFlags::FULLMESH),
    ]
    .into_iter()
    .filter_map(|(set, flag)| set.then_some(flag))
    .collect()
}
