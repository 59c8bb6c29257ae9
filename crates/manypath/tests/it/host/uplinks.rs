//! Uplinks that come and go while the edge runs.

use std::collections::BTreeSet;

use channel::{Applied, Mac, ToEdge, ToHost};
use lab::topology::{Node, Uplink};

use super::{Host, rig, wait_for_status};
use crate::support::{LIMIT, assert_downloads, eventually, shell};

/// Without the second uplink.
fn with_first_only(settings: &str) -> String {
    let mut settings: toml::Table = settings.parse().unwrap();
    settings["uplink"].as_array_mut().unwrap().truncate(1);
    settings.to_string()
}

#[test]
fn an_uplink_that_comes_is_used_by_running_connections() {
    let (rig, settings) = rig();
    let mut host = Host::start(&rig);
    host.set(&with_first_only(&settings));
    host.hear_ready();
    let second = rig.lab().link(Uplink::SECOND);
    let mut client = rig.connect(LIMIT).unwrap();
    let (mut received, mut before) = (0, None);
    let transfer = client.download(30_000_000, |more| {
        received += more;
        if received > 3_000_000 && before.is_none() {
            before = Some(second.counters().down.bytes);
            host.set(&settings);
        }
    });
    assert!(transfer.unwrap().intact);
    let before = before.unwrap();
    assert!(before < 100_000, "it was not used before: {before}");
    let carried = second.counters().down.bytes - before;
    assert!(carried > 3_000_000, "{carried}");
    let restart = host.hear("take the settings", |message| match message {
        ToHost::Applied(Applied::Taken { need_restart }) => Some(need_restart),
        _ => None,
    });
    assert_eq!(restart, [""; 0]);
    // And it goes again, from this connection, too.
    host.set(&with_first_only(&settings));
    host.hear("take the settings", |message| {
        matches!(message, ToHost::Applied(_)).then_some(())
    });
    let mut late = None;
    let transfer = client.download(20_000_000, |_| {
        late.get_or_insert_with(|| second.counters().down.bytes);
    });
    assert!(transfer.unwrap().intact);
    // What was under way to it may still come.
    let late = second.counters().down.bytes - late.unwrap();
    assert!(late < 4_000_000, "{late}");
}

#[test]
fn a_card_without_a_cable_carries_nothing_though_its_link_is_up() {
    let (rig, settings) = rig();
    let mut host = Host::start(&rig);
    host.set(&settings);
    host.hear_ready();
    let state_of_second = |state: &str| {
        wait_for_status(&rig, "the second uplink is as the host says", |status| {
            status["uplinks"][1]["link"] == state
        });
    };
    state_of_second("up");
    let script = "cat /sys/class/net/eth2/address";
    let mac = shell(rig.lab(), Node::Guest, script).ok();
    let mac = Mac::try_from(mac.trim().to_owned()).unwrap();
    let endpoints = || {
        let listed = shell(
            rig.lab(),
            Node::Guest,
            "ip mptcp endpoint | grep 'dev eth2'",
        )
        .text();
        listed.lines().count()
    };
    host.say(&ToEdge::Unplugged(vec![mac]));
    state_of_second("no-carrier");
    assert_eq!(endpoints(), 0);
    let second = rig.lab().link(Uplink::SECOND);
    let before = second.counters().down.bytes;
    assert_downloads(&rig);
    let carried = second.counters().down.bytes - before;
    assert!(carried < 20_000, "{carried}");
    host.say(&ToEdge::Unplugged(Vec::new()));
    state_of_second("up");
    eventually("it is used again", || (endpoints() > 0).then_some(()));
}

#[test]
fn an_uplink_that_goes_leaves_nothing_on_its_interface() {
    let (rig, settings) = rig();
    let there = || -> BTreeSet<String> {
        let script = "ip mptcp endpoint | grep 'dev eth2'; ip -4 -o addr show eth2; \
                      ip -4 rule | grep 192.168.12; ip -4 route show table all | grep eth2";
        let text = shell(rig.lab(), Node::Guest, script).text();
        text.lines().map(str::to_owned).collect()
    };
    let uplinks = |count: usize| {
        wait_for_status(&rig, "the uplinks are those of the settings", |status| {
            let uplinks = status["uplinks"].as_array().unwrap();
            let are_up = uplinks.iter().all(|uplink| uplink["state"] == "up");
            uplinks.len() == count && are_up && status["problems"].as_array().unwrap().is_empty()
        });
    };
    let before = there();
    let mut host = Host::start(&rig);
    host.set(&settings);
    host.hear_ready();
    for _ in 0..2 {
        host.set(&settings);
        uplinks(2);
        // One may be up by IPv6 before it has its lease.
        eventually("it has something", || (there() != before).then_some(()));
        host.set(&with_first_only(&settings));
        uplinks(1);
        eventually("nothing of it is left", || {
            (there() == before).then_some(())
        });
        assert_downloads(&rig);
    }
    // What comes there now is somebody else's.
    let theirs =
        "ip addr add 172.16.0.1/24 dev eth2; ip mptcp endpoint add 172.16.0.1 dev eth2 subflow";
    shell(rig.lab(), Node::Guest, theirs).ok();
    let with_theirs = there();
    assert!(with_theirs.len() > before.len(), "{with_theirs:?}");
    assert!(host.go().success());
    assert_eq!(there(), with_theirs);
}
