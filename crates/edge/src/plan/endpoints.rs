//! MPTCP endpoints: the addresses from which connections open subflows.

use mptcp::{EndpointFlags, EndpointSpec};
use netcfg::Family;

use crate::uplink::{Uplink, Way};

/// The kernel keeps no more per namespace (`MPTCP_PM_ADDR_MAX`).
const MOST: usize = 8;

/// One endpoint for each living uplink's best address of each family: an uplink with many addresses
/// must not crowd another one out.
pub(super) fn endpoints(uplinks: &[Uplink<'_>]) -> Vec<EndpointSpec> {
    let best = uplinks.iter().flat_map(|uplink| {
        [Family::V4, Family::V6]
            .into_iter()
            .filter_map(move |family| of_family(uplink, family).next())
            .map(move |way| (uplink, way))
    });
    let mut specs: Vec<EndpointSpec> = best
        .filter(|(uplink, _)| uplink.is_up())
        .map(|(uplink, way)| spec(uplink, way))
        .collect();
    // IPv4 first: with more than four uplinks not every address fits.
    specs.sort_by_key(|spec| spec.address.is_ipv6());
    specs.truncate(MOST);
    specs
}

fn of_family<'a>(uplink: &'a Uplink<'_>, family: Family) -> impl Iterator<Item = &'a Way> {
    uplink
        .ways
        .iter()
        .filter(move |way| Family::of(way.address.addr()) == family)
}

fn spec(uplink: &Uplink<'_>, way: &Way) -> EndpointSpec {
    EndpointSpec {
        address: way.address.addr(),
        port: None,
        interface: Some(uplink.link.index.0),
        flags: flags(uplink.rule.endpoint),
        id: None,
    }
}

fn flags(wanted: settings::EndpointFlags) -> EndpointFlags {
    [
        (wanted.subflow(), EndpointFlags::SUBFLOW),
        (wanted.signal(), EndpointFlags::SIGNAL),
        (wanted.backup(), EndpointFlags::BACKUP),
        (wanted.fullmesh(), EndpointFlags::FULLMESH),
    ]
    .into_iter()
    .filter_map(|(set, flag)| set.then_some(flag))
    .collect()
}
