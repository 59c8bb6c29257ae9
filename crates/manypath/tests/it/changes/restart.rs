//! Killed, dirty, started again.

use lab::rig::Rig;
use lab::topology::{LabSpec, Node};

use super::{settle, warm_lab};
use crate::support::{assert_downloads, assert_same, eventually, output, shell, spec, state};

#[test]
fn killed_and_started_again_it_is_as_before() {
    let lab = warm_lab(LabSpec::default());
    let clean = state(&lab);
    let mut rig = Rig::up_in(lab, spec()).unwrap();
    settle(&rig);
    let running = without_ports(state(rig.lab()));
    for _ in 0..2 {
        rig.kill_edge();
        rig.start_edge().unwrap();
        settle(&rig);
        assert_same(&running, &without_ports(state(rig.lab())));
    }
    assert_downloads(&rig);
    rig.stop().unwrap();
    assert_same(&clean, &state(rig.lab()));
}

/// The intercept listener has another port at each start.
fn without_ports(state: std::collections::BTreeSet<String>) -> std::collections::BTreeSet<String> {
    state
        .into_iter()
        .map(|line| {
            let varies = [
                "redirect to",
                "tcp dport {",
                "comment \"digest",
                "endpoint ",
            ];
            match varies.iter().find(|it| line.contains(**it)) {
                Some(&"endpoint ") => without_id(&line),
                Some(what) => format!("nft {what}"),
                None => line,
            }
        })
        .collect()
}

fn without_id(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let id = words.iter().position(|word| *word == "id").unwrap();
    [&words[..id], &words[id + 2..]].concat().join(" ")
}

#[test]
fn killed_while_links_change_it_recovers() {
    let mut rig = Rig::up(spec()).unwrap();
    rig.kill_edge();
    let link = rig.lab().link(lab::topology::Uplink::FIRST);
    link.carrier(false).unwrap();
    rig.start_edge().unwrap();
    assert_downloads(&rig);
    rig.lab()
        .link(lab::topology::Uplink::FIRST)
        .carrier(true)
        .unwrap();
    super::wait_for_uplinks(&rig, 2);
}

#[test]
fn a_dirty_start_is_cleaned() {
    let lab = warm_lab(LabSpec::default());
    let clean = state(&lab);
    // Left by runs long ago, or by others on our interfaces: addresses, endpoints, routes and rules with
    // our protocol number, a table of our name.
    let script = "
        ip addr add 192.168.99.5/24 dev eth1
        ip addr add 10.77.0.9/24 dev eth2
        ip mptcp endpoint add 192.168.99.5 dev eth1 subflow backup
        ip mptcp endpoint add 10.77.0.9 dev eth2 signal
        ip mptcp endpoint add 10.1.2.3 id 200 subflow
        ip route add default via 192.168.99.1 dev eth1 table 7800002 proto 77
        ip route add blackhole 10.66.0.0/16 table 7800099 proto 77
        ip -6 route add unreachable default table 7800099 proto 77
        ip rule add from 192.168.99.5 lookup 7800099 priority 7801 protocol 77
        ip -6 rule add fwmark 5 lookup 7800099 priority 7800 protocol 77
        nft add table inet manypath
        nft add chain inet manypath old '{ type filter hook input priority 0; policy drop; }'
    ";
    shell(&lab, Node::Guest, script).ok();
    let mut rig = Rig::up_in(lab, spec()).unwrap();
    settle(&rig);
    let now = state(rig.lab());
    for old in [
        "192.168.99",
        "10.77.0.9",
        "7800099",
        "policy drop",
        "10.66.",
    ] {
        let found: Vec<_> = now.iter().filter(|line| line.contains(old)).collect();
        assert!(found.is_empty(), "{old}: {found:?}");
    }
    // Not ours: on no interface of ours.
    assert!(
        now.iter()
            .any(|line| line.contains("endpoint 10.1.2.3 id 200"))
    );
    assert_downloads(&rig);
    rig.stop().unwrap();
    shell(rig.lab(), Node::Guest, "ip mptcp endpoint delete id 200").ok();
    assert_same(&clean, &state(rig.lab()));
}

#[test]
fn a_ruleset_that_someone_flushed_is_back_at_once() {
    let mut rig = Rig::up(spec()).unwrap();
    settle(&rig);
    let rules = |rig: &Rig| {
        output(
            rig,
            Node::Guest,
            "nft",
            &["list", "table", "inet", "manypath"],
        )
    };
    let before = rules(&rig);
    shell(rig.lab(), Node::Guest, "nft flush ruleset").ok();
    // The slow round would take up to 30 s.
    eventually("have its table again", || {
        let listed = shell(rig.lab(), Node::Guest, "nft list ruleset").ok();
        listed.contains("table inet manypath").then_some(())
    });
    assert_eq!(rules(&rig), before);
    rig.stop().unwrap();
}
