//! A clean stop leaves nothing, whatever was there.

use lab::rig::{Rig, RigSpec};
use lab::topology::{Lab, LabSpec, Node};

use super::{settle, warm_lab};
use crate::support::{LIMIT, assert_same, shell, spec, state};

/// How the names of files end that are there before or stay on purpose.
const KEPT: [&str; 5] = ["log", "toml", "users", "key", "usage"];

/// Starts, carries something, stops.
fn run_once(lab: Lab, spec: RigSpec) -> Rig {
    let routers = "ip -6 route | grep -c '^default.*proto ra' || true";
    let before = shell(&lab, Node::Guest, routers).ok();
    let mut rig = Rig::up_in(lab, spec).unwrap();
    // The kernel forgets its routers when it is made to forward, unless it is told not to before; the
    // next advertisement may be half an hour away.
    let now = shell(rig.lab(), Node::Guest, routers).ok();
    assert!(now >= before, "IPv6 routers: {before} before, {now} now");
    settle(&rig);
    let mut client = rig.connect(LIMIT).unwrap();
    assert!(client.download(100_000, |_| {}).unwrap().intact);
    drop(client);
    rig.stop().unwrap();
    let left: Vec<_> = std::fs::read_dir(rig.folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !KEPT.iter().any(|it| name.ends_with(it)))
        .collect();
    assert!(left.is_empty(), "{left:?}");
    rig
}

fn leaves_nothing(more: &str) {
    let lab = warm_lab(LabSpec::default());
    let before = state(&lab);
    assert!(before.len() > 500, "the dump works: {}", before.len());
    let mut spec = spec();
    spec.edge_settings = more.into();
    let rig = run_once(lab, spec);
    assert_same(&before, &state(rig.lab()));
}

#[test]
fn a_clean_stop_leaves_nothing() {
    leaves_nothing("");
}

#[test]
fn a_clean_stop_with_tproxy_leaves_nothing() {
    leaves_nothing("[host]\nintercept = \"tproxy\"");
}

#[test]
fn a_clean_stop_without_ipv6_leaves_nothing() {
    let lab = warm_lab(LabSpec::default());
    let before = state(&lab);
    let mut spec = spec();
    spec.edge_settings = "[[uplink]]\ninterface = \"eth*\"\nipv6 = false".into();
    let mut rig = Rig::up_in(lab, spec).unwrap();
    rig.stop().unwrap();
    // What the kernel has forgotten of IPv6 meanwhile comes back with an advertisement.
    let routers = "while [ $(ip -6 route | grep -c '^default.*proto ra') != 2 ] || \
                   ip -6 addr show tentative | grep -q .; do sleep 0.05; done";
    shell(rig.lab(), Node::Guest, routers).ok();
    assert_same(&before, &state(rig.lab()));
}

#[test]
fn links_that_were_down_are_down_again() {
    let lab = Lab::up(LabSpec::default()).unwrap();
    // The addresses of eth0 are the kernel's business for a second.
    shell(
        &lab,
        Node::Guest,
        "while ip -6 addr show tentative | grep -q .; do sleep 0.05; done",
    )
    .ok();
    let before = state(&lab);
    let rig = run_once(lab, spec());
    assert_same(&before, &state(rig.lab()));
}

/// What others have set is put back, not the kernel's defaults.
#[test]
fn unusual_values_come_back() {
    let lab = warm_lab(LabSpec::default());
    let script = "
        sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.eth1.rp_filter=1 net.ipv4.conf.all.accept_redirects=0 \
          net.ipv4.tcp_rmem='4096 100000 5000000' net.mptcp.stale_loss_cnt=7 net.mptcp.enabled=0 \
          net.ipv6.conf.eth2.accept_ra=2 net.ipv6.conf.eth1.use_tempaddr=0 net.ipv4.conf.eth2.arp_ignore=2
        ip mptcp limits set subflows 3 add_addr_accepted 1
        ip route add 10.9.0.0/16 via 172.22.0.2 table 77
        ip rule add from 10.9.0.0/16 lookup 77 priority 100
        nft add table inet mine
        nft add chain inet mine c '{ type filter hook input priority 5; }'
    ";
    shell(&lab, Node::Guest, script).ok();
    let before = state(&lab);
    let rig = run_once(lab, spec());
    assert_same(&before, &state(rig.lab()));
}
