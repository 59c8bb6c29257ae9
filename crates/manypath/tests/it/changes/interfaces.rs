//! Interfaces come and go.

use lab::link::Profile;
use std::collections::BTreeSet;

use lab::rig::{Rig, RigSpec};
use lab::topology::{Lab, LabSpec, Node, Uplink};

use super::{endpoints, has, settle, wait_for_uplinks};
use crate::support::{
    LIMIT, assert_downloads, assert_same, eventually, output, shell, spec, state, subflows_to,
};

fn by_pattern() -> RigSpec {
    let mut spec = spec();
    spec.edge_settings = "[[uplink]]\ninterface = \"eth*\"".into();
    spec
}

/// A veth pair into an access network of its own, with a DHCP server, as a new modem would be.
const MODEM: &str = "ip link add eth9 type veth peer name modem9; ip link set modem9 up; ip addr add 10.9.9.1/24 dev modem9";

#[test]
fn an_interface_that_comes_is_taken_and_one_that_goes_is_forgotten() {
    let rig = Rig::up(by_pattern()).unwrap();
    settle(&rig);
    let before = state(rig.lab());
    shell(rig.lab(), Node::Guest, MODEM).ok();
    rig.wait_for_edge("take the new interface", |status| {
        has(status, "\"eth9\"") && status["uplinks"].as_array().unwrap().len() == 3
    })
    .unwrap();
    let routes = output(
        &rig,
        Node::Guest,
        "ip",
        &["-4", "route", "show", "table", "all"],
    );
    assert_eq!(
        routes.matches("unreachable default table 78").count(),
        3,
        "{routes}"
    );
    output(&rig, Node::Guest, "ip", &["link", "del", "eth9"]);
    rig.wait_for_edge("forget the interface", |status| !has(status, "\"eth9\""))
        .unwrap();
    assert_downloads(&rig);
    assert_same(&before, &state(rig.lab()));
}

#[test]
fn an_interface_that_comes_back_has_another_index() {
    let rig = Rig::up(spec()).unwrap();
    // Away into a namespace, as a USB modem goes, and back: the kernel gives it its old index if that
    // is free, so something takes it.
    let script = "
        ip netns add away-$$ 2>/dev/null || true
        ip link set eth2 netns away-$$
        ip link add blocker type veth peer name blocked
        ip netns exec away-$$ ip link set eth2 down
        ip netns exec away-$$ ip link set eth2 netns $$
        ip netns del away-$$
    ";
    shell(rig.lab(), Node::Guest, script).ok();
    // The status may be from before.
    eventually("it has its endpoint again", || {
        (endpoints(&rig).len() == 2).then_some(())
    });
    rig.wait_for_edge("use it", |status| has(status, "192.168.12."))
        .unwrap();
    wait_for_uplinks(&rig, 2);
    assert_downloads(&rig);
}

#[test]
fn a_renamed_interface_is_another_one() {
    let rig = Rig::up(by_pattern()).unwrap();
    let rename = |from: &str, to: &str| {
        shell(
            rig.lab(),
            Node::Guest,
            &format!("ip link set {from} down; ip link set {from} name {to}; ip link set {to} up"),
        )
        .ok();
    };
    rename("eth2", "modem");
    rig.wait_for_edge("let the renamed interface go", |status| {
        !has(status, "\"eth2\"")
    })
    .unwrap();
    eventually("its endpoint goes", || {
        (endpoints(&rig) == ["192.168.11.100"]).then_some(())
    });
    rename("modem", "eth7");
    rig.wait_for_edge("take it by its new name", |status| has(status, "\"eth7\""))
        .unwrap();
    wait_for_uplinks(&rig, 2);
}

#[test]
fn the_hosts_interface_comes_late() {
    let mut spec = spec();
    spec.edge_settings = "[host]\ninterface = \"late0\"".into();
    let rig = Rig::up(spec).unwrap();
    shell(rig.lab(), Node::Guest, "ip link set eth0 down; ip link set eth0 name late0; ip link set late0 up; ip addr add fd22::1/64 dev late0 nodad").ok();
    eventually("what comes from there is captured", || {
        let rules = output(&rig, Node::Guest, "nft", &["list", "ruleset"]);
        rules.contains("late0").then_some(())
    });
    assert_downloads(&rig);
}

#[test]
fn twelve_uplinks() {
    let mut spec = by_pattern();
    spec.lab = LabSpec::with_links([Profile::vdsl(); 12]);
    spec.lab.ra = false;
    let lab = Lab::up(spec.lab.clone()).unwrap();
    // The kernel keeps eight endpoints: only so many can be in use.
    let surplus: Vec<Uplink> = lab.uplinks().skip(8).collect();
    for uplink in &surplus {
        lab.link(*uplink).carrier(false).unwrap();
    }
    let rig = Rig::up_in(lab, spec).unwrap();
    for uplink in &surplus {
        rig.lab().link(*uplink).carrier(true).unwrap();
    }
    rig.wait_for_edge("have all uplinks up", |status| {
        let uplinks = status["uplinks"].as_array().unwrap();
        uplinks.len() == 12 && uplinks.iter().all(|uplink| uplink["state"] == "up")
    })
    .unwrap();
    let rules = output(&rig, Node::Guest, "ip", &["rule"]);
    let tables: BTreeSet<&str> = rules
        .lines()
        .filter(|line| line.contains("from 192.168."))
        .filter_map(|line| line.split("lookup ").nth(1))
        .collect();
    assert_eq!(tables.len(), 12, "{rules}");
    assert_eq!(endpoints(&rig).len(), 8);
    let mut client = rig.connect(LIMIT).unwrap();
    assert!(client.download(100_000, |_| {}).unwrap().intact);
    eventually("a connection has a subflow on each of the eight", || {
        let subflows = subflows_to(&rig, "203.0.113.18:80")?;
        (subflows == (8, false)).then_some(())
    });
    // One of the eight goes: another one takes its place.
    rig.lab().link(Uplink::FIRST).carrier(false).unwrap();
    eventually("another uplink takes the place", || {
        let now = endpoints(&rig);
        (now.len() == 8 && !now.contains(&"192.168.11.100".to_owned())).then_some(())
    });
}
