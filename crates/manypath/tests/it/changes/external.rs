//! Addresses that somebody else sets.

use lab::rig::{Addresses, Rig};
use lab::topology::{Lab, LabSpec, Node};

use super::{endpoints, has, settle};
use crate::support::{LIMIT, assert_same, eventually, output, shell, spec, state};

#[test]
fn static_addresses_are_used_and_left_alone() {
    let spec = spec().with_static_uplinks();
    let lab = Lab::up(spec.lab.clone()).unwrap();
    let before = state(&lab);
    let mut rig = Rig::up_in(lab, spec).unwrap();
    settle(&rig);
    assert!(
        rig.connect(LIMIT)
            .unwrap()
            .download(200_000, |_| {})
            .unwrap()
            .intact
    );
    rig.stop().unwrap();
    assert_same(&before, &state(rig.lab()));
}

#[test]
fn addresses_set_and_changed_by_hand() {
    let mut spec = spec();
    spec.addresses = Addresses::External;
    spec.lab = LabSpec {
        dhcp: false,
        ra: false,
        ..LabSpec::default()
    };
    let lab = Lab::up(spec.lab.clone()).unwrap();
    let set = |lab: &Lab, last: u8| {
        let script = format!(
            "
            for n in 1 2; do
              ip link set eth$n up
              ip addr flush dev eth$n scope global
              ip addr add 192.168.1$n.{last}/24 dev eth$n
              ip route replace default via 192.168.1$n.1 dev eth$n metric $n
            done"
        );
        shell(lab, Node::Guest, &script).ok();
    };
    set(&lab, 40);
    let rig = Rig::up_in(lab, spec).unwrap();
    assert_eq!(endpoints(&rig), ["192.168.11.40", "192.168.12.40"]);
    assert!(
        rig.connect(LIMIT)
            .unwrap()
            .download(200_000, |_| {})
            .unwrap()
            .intact
    );
    set(rig.lab(), 41);
    eventually("the endpoints follow", || {
        (endpoints(&rig) == ["192.168.11.41", "192.168.12.41"]).then_some(())
    });
    assert!(
        rig.connect(LIMIT)
            .unwrap()
            .download(200_000, |_| {})
            .unwrap()
            .intact
    );
    // Without a gateway an address is no way out.
    output(
        &rig,
        Node::Guest,
        "ip",
        &["route", "del", "default", "dev", "eth1"],
    );
    eventually("its endpoint goes", || {
        (endpoints(&rig) == ["192.168.12.41"]).then_some(())
    });
    rig.wait_for_edge("say so", |status| {
        has(&status["uplinks"][0]["link"], "no-gateway")
    })
    .unwrap();
}
