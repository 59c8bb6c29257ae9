//! The way to the hub changes or fails.

use std::net::Ipv4Addr;
use std::time::Duration;

use lab::topology::{Lab, Node, Uplink};

use super::{assert_works_at_once, count, hub, ready, ready_in, steady, wait_for_hub};
use crate::changes::has;
use crate::support::{LIMIT, shell, spec, subflow_ends};

/// The shortest that a server may give; renewed after half of it.
const LEASE: Duration = Duration::from_secs(2);

#[test]
fn a_request_works_at_once_after_both_uplinks_have_changed_address() {
    let spec = steady(spec());
    let lab = Lab::up(spec.lab.clone()).unwrap();
    let uplinks = [Uplink::FIRST, Uplink::SECOND];
    for uplink in uplinks {
        lab.dhcp_server(uplink).unwrap().set_lease(LEASE);
    }
    let rig = ready_in(lab, spec);
    for last in [50, 60] {
        for uplink in uplinks {
            let ip = |last| Ipv4Addr::new(192, 168, 10 + uplink.number(), last);
            let server = rig.lab().dhcp_server(uplink).unwrap();
            server.set_pool(ip(last)..=ip(last + 9));
        }
        rig.wait_for_edge("have both new addresses", |status| {
            has(status, &format!("192.168.11.{last}/24"))
                && has(status, &format!("192.168.12.{last}/24"))
        })
        .unwrap();
        for _ in 0..10 {
            assert_works_at_once(&rig, "new addresses");
        }
    }
}

/// The access networks forget every connection that they translate, and let nothing pass that they
/// don't know.
fn forgetful(lab: &Lab, uplink: Uplink) {
    let script = "sysctl -qw net.netfilter.nf_conntrack_tcp_loose=0
                  sysctl -qw net.netfilter.nf_conntrack_tcp_timeout_established=5
                  nft add table inet strict
                  nft add chain inet strict forward '{ type filter hook forward priority 0; }'
                  nft add rule inet strict forward ct state invalid drop";
    shell(lab, Node::Access(uplink), script).ok();
}

#[test]
fn a_request_works_at_once_after_idleness_behind_nats_that_forgot() {
    let spec = steady(spec());
    let lab = Lab::up(spec.lab.clone()).unwrap();
    let uplinks = [Uplink::FIRST, Uplink::SECOND];
    for uplink in uplinks {
        forgetful(&lab, uplink);
    }
    let rig = ready_in(lab, spec);
    let before = subflow_ends(&rig);
    // All is forgotten after 5 s, but only once: what a connection's next packet finds is kept.
    std::thread::sleep(Duration::from_secs(7));
    for uplink in uplinks {
        let remember = "sysctl -qw net.netfilter.nf_conntrack_tcp_timeout_established=400000";
        shell(rig.lab(), Node::Access(uplink), remember).ok();
    }
    std::thread::sleep(Duration::from_secs(33));
    assert_works_at_once(&rig, "40 s later");
    // The edge had found out by itself.
    let now = subflow_ends(&rig);
    assert!(now.is_disjoint(&before), "{before:#?}\n{now:#?}");
}

#[test]
fn requests_work_at_once_while_a_link_is_silent() {
    for uplink in [Uplink::FIRST, Uplink::SECOND] {
        let rig = ready(spec());
        rig.lab().link(uplink).silence(true);
        for _ in 0..10 {
            assert_works_at_once(&rig, "silent");
        }
        std::thread::scope(|scope| {
            for _ in 0..12 {
                scope.spawn(|| assert_works_at_once(&rig, "silent, many at once"));
            }
        });
    }
}

/// Nothing is kept waiting for what was dialled over a link that is known to be gone.
#[test]
fn a_request_that_waits_for_a_dead_link_takes_the_other_as_soon_as_the_edge_knows() {
    let rig = ready(spec());
    let link = rig.lab().link(Uplink::FIRST);
    link.silence(true);
    // All that is kept ready is in use, so the next request needs a new connection.
    let idle = count(&hub(&rig), "idle");
    let held: Vec<_> = (0..idle).map(|_| rig.connect(LIMIT).unwrap()).collect();
    wait_for_hub(&rig, "use what it has", |hub| hub["in_use"] == idle);
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| assert_works_at_once(&rig, "a new connection"));
        // Long enough that it is known to wait and not just to be slow.
        std::thread::sleep(Duration::from_millis(500));
        assert!(!asking.is_finished());
        link.carrier(false).unwrap();
        asking.join().unwrap();
    });
    drop(held);
}
