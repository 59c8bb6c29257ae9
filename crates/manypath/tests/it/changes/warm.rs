//! The idle connections to the hub.

use std::collections::BTreeSet;

use lab::rig::Rig;
use lab::topology::Uplink;

use super::wait_for_uplinks;
use crate::support::{assert_downloads, eventually, spec, subflow_ends, uplink_address};

fn on(ends: &BTreeSet<String>, address: &str) -> usize {
    // A joined subflow is bound to its interface: `address%interface:port`.
    let is_of = |end: &&String| end.split(['%', ':']).next() == Some(address);
    ends.iter().filter(is_of).count()
}

fn idle(rig: &Rig) -> Option<u64> {
    let hub = &rig.edge_status().ok()?["hub_connections"];
    (hub["state"] == "connected").then(|| hub["idle"].as_u64())?
}

#[test]
fn idle_connections_have_all_subflows_and_are_replaced_when_uplinks_change() {
    let rig = Rig::up(spec()).unwrap();
    wait_for_uplinks(&rig, 2);
    let address = |uplink| uplink_address(&rig, uplink).unwrap();
    let (one, two) = (address(Uplink::FIRST), address(Uplink::SECOND));
    let before = eventually("all subflows have joined", || {
        let (ends, idle) = (subflow_ends(&rig), usize::try_from(idle(&rig)?).ok()?);
        let all = idle >= 4 && on(&ends, &one) == idle && on(&ends, &two) == idle;
        all.then_some(ends)
    });
    assert_downloads(&rig);
    for (pulled, left) in [(Uplink::FIRST, &two), (Uplink::SECOND, &one)] {
        let link = rig.lab().link(pulled);
        link.carrier(false).unwrap();
        assert_downloads(&rig);
        eventually("all are new", || {
            let ends = subflow_ends(&rig);
            let new =
                ends.is_disjoint(&before) && on(&ends, left) >= 4 && on(&ends, left) == ends.len();
            new.then_some(())
        });
        link.carrier(true).unwrap();
        assert_downloads(&rig);
        wait_for_uplinks(&rig, 2);
    }
}
