//! Monthly caps that are used up under way.

use std::thread;

use lab::link::LinkHandle;
use lab::rig::{Rig, RigSpec};
use lab::topology::Uplink;

use crate::support::{LIMIT, spec};

/// The second uplink may carry 4 MB, which the first download uses up.
fn rig(after: &str) -> Rig {
    let first = "[[uplink]]\ninterface = \"eth1\"\naddresses = \"dhcp\"\n";
    let second = "[[uplink]]\ninterface = \"eth2\"\naddresses = \"dhcp\"\nmonthly_cap = \"4MB\"\n";
    let spec = RigSpec {
        edge_settings: format!("{first}{second}after_cap = \"{after}\"\n"),
        ..spec()
    };
    let rig = Rig::up(spec).unwrap();
    super::wait_for_uplinks(&rig, 2);
    rig
}

fn carried(link: &LinkHandle) -> u64 {
    link.counters().down.bytes
}

/// Downloads until the cap is used up, and what comes then must come by the first uplink alone.
fn is_used_up(rig: &Rig, role: &str) {
    let link = rig.lab().link(Uplink::SECOND);
    let mut client = rig.connect(LIMIT).unwrap();
    let transfer = thread::scope(|scope| {
        let download = scope.spawn(|| client.download(60_000_000, |_| {}));
        rig.wait_for_edge("count the cap as used up", |status| {
            let uplink = &status["uplinks"][1];
            uplink["role"] == role && uplink["reason"].to_string().contains("cap")
        })
        .unwrap();
        download.join().unwrap()
    });
    assert!(transfer.unwrap().intact);
    assert!(carried(link) > 4_000_000, "the cap was not used up");
    let before = carried(link);
    let mut client = rig.connect(LIMIT).unwrap();
    assert!(client.download(5_000_000, |_| {}).unwrap().intact);
    let more = carried(link) - before;
    assert!(more < 100_000, "{more} bytes after the cap");
}

#[test]
fn an_uplink_whose_cap_is_used_up_is_off() {
    is_used_up(&rig("off"), "off");
}

#[test]
fn an_uplink_whose_cap_is_used_up_is_a_backup() {
    let rig = rig("backup");
    is_used_up(&rig, "backup");
    let link = rig.lab().link(Uplink::FIRST);
    link.carrier(false).unwrap();
    crate::support::assert_downloads(&rig);
}
