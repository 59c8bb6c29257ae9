use netcfg::{
    Change, Changed, Family, InterfaceIndex, Route, RouteKind, Rule, RulePriority, TableId, VethEnd,
};

use crate::{DEADLINE, Namespace, address, name, wait_for};

/// A veth pair `near` and `far`, each in its namespace, both up and with a carrier.
async fn pair() -> (Namespace, Namespace, InterfaceIndex, InterfaceIndex) {
    let (near, far) = (Namespace::new(), Namespace::new());
    let (a, b) = (name("near"), name("far"));
    let mut watch = near.netlink.watch().unwrap();
    let ends = (VethEnd::here(&a), VethEnd::inside(&far.netns, &b));
    near.netlink.create_veth(ends.0, ends.1).await.unwrap();
    let (a, b) = (near.index("near").await, far.index("far").await);
    near.netlink.set_link_up(a).await.unwrap();
    far.netlink.set_link_up(b).await.unwrap();
    while !near
        .netlink
        .link(&name("near"))
        .await
        .unwrap()
        .unwrap()
        .carrier
    {
        wait_for(&mut watch, Change::Link(a)).await;
    }
    (near, far, a, b)
}

#[tokio::test]
async fn the_carrier_goes_and_comes() {
    let (near, far, a, b) = pair().await;
    let carrier = async || {
        near.netlink
            .link(&name("near"))
            .await
            .unwrap()
            .unwrap()
            .carrier
    };
    let mut watch = near.netlink.watch().unwrap();
    for (far_up, wanted) in [(false, false), (true, true)] {
        match far_up {
            true => far.netlink.set_link_up(b).await.unwrap(),
            false => far.netlink.set_link_down(b).await.unwrap(),
        }
        while carrier().await != wanted {
            wait_for(&mut watch, Change::Link(a)).await;
        }
    }
}

#[tokio::test]
async fn a_link_that_goes_is_seen() {
    let (near, far, a, b) = pair().await;
    let mut watch = near.netlink.watch().unwrap();
    far.netlink.delete_link(b).await.unwrap();
    while near.netlink.link(&name("near")).await.unwrap().is_some() {
        wait_for(&mut watch, Change::Link(a)).await;
    }
}

#[tokio::test]
async fn addresses_are_seen() {
    let (namespace, index) = Namespace::with_link("d0").await;
    for net in ["192.0.2.5/24", "2001:db8::5/64"] {
        let address = address(index, net);
        let present = async || {
            let there = namespace.netlink.addresses().await.unwrap();
            there.iter().any(|other| other.net == address.net)
        };
        // What is done before the first read is not lost.
        let mut watch = namespace.netlink.watch().unwrap();
        let _ = namespace.netlink.add_address(&address).await.unwrap();
        wait_for(&mut watch, Change::Address(index)).await;
        assert!(present().await);
        let _ = namespace.netlink.delete_address(&address).await.unwrap();
        while present().await {
            wait_for(&mut watch, Change::Address(index)).await;
        }
    }
}

/// Without a link, so that the kernel has nothing of its own to notify.
#[tokio::test]
async fn routes_and_rules_are_seen() {
    let namespace = Namespace::new();
    let netlink = &namespace.netlink;
    let mut watch = netlink.watch().unwrap();
    for family in [Family::V4, Family::V6] {
        let kind = RouteKind::Unreachable;
        let route = Route {
            kind,
            ..Route::default_of(family, TableId(7_800_003))
        };
        assert_eq!(netlink.add_route(&route).await.unwrap(), Changed(true));
        assert_eq!(next(&mut watch).await, Change::Route);
        assert_eq!(netlink.delete_route(&route).await.unwrap(), Changed(true));
        assert_eq!(next(&mut watch).await, Change::Route);

        let rule = Rule::new(family, RulePriority(1234), TableId(7_800_003));
        assert_eq!(netlink.add_rule(&rule).await.unwrap(), Changed(true));
        assert_eq!(next(&mut watch).await, Change::Rule);
        assert_eq!(netlink.delete_rule(&rule).await.unwrap(), Changed(true));
        assert_eq!(next(&mut watch).await, Change::Rule);
    }
}

#[tokio::test]
async fn what_changes_nothing_notifies_nobody() {
    let namespace = Namespace::new();
    let netlink = &namespace.netlink;
    let address = address(InterfaceIndex::LOOPBACK, "192.0.2.5/24");
    let route = Route {
        kind: RouteKind::Blackhole,
        ..Route::default_of(Family::V6, TableId(9))
    };
    let rule = Rule::new(Family::V6, RulePriority(1234), TableId(9));
    for first in [true, false, false] {
        let mut watch = netlink.watch().unwrap();
        assert_eq!(netlink.add_address(&address).await.unwrap(), Changed(first));
        assert_eq!(
            netlink.replace_address(&address).await.unwrap(),
            Changed(false)
        );
        assert_eq!(netlink.add_route(&route).await.unwrap(), Changed(first));
        assert_eq!(netlink.replace_route(&route).await.unwrap(), Changed(false));
        assert_eq!(netlink.add_rule(&rule).await.unwrap(), Changed(first));
        if first {
            wait_for(&mut watch, Change::Rule).await;
            continue;
        }
        // The first thing to be seen is one that does change something.
        let another = Rule {
            priority: RulePriority(1235),
            ..rule.clone()
        };
        assert_eq!(netlink.add_rule(&another).await.unwrap(), Changed(true));
        assert_eq!(next(&mut watch).await, Change::Rule);
        assert_eq!(netlink.delete_rule(&another).await.unwrap(), Changed(true));
    }
}

#[tokio::test]
async fn a_slow_reader_is_told_what_it_missed() {
    let namespace = Namespace::new();
    let mut watch = namespace.netlink.watch().unwrap();
    // Far more than the kernel keeps for a reader (net.core.rmem_default).
    let rules =
        |verb: &'static str| (1..4000).map(move |n| format!("rule {verb} priority {n} table 9"));
    namespace.ip_batch(rules("add"));
    wait_for(&mut watch, Change::Overrun).await;

    // Nothing from before is left, so that nothing more can be lost in silence.
    namespace.add_link("d0").await;
    assert!(matches!(next(&mut watch).await, Change::Link(_)));
}

#[tokio::test]
async fn a_watch_sees_its_own_namespace_alone() {
    let (here, elsewhere) = (Namespace::new(), Namespace::new());
    let mut watch = here.netlink.watch().unwrap();
    elsewhere.add_link("d0").await;
    let rule = Rule::new(Family::V4, RulePriority(1234), TableId(9));
    let _ = here.netlink.add_rule(&rule).await.unwrap();
    assert_eq!(next(&mut watch).await, Change::Rule);
}

async fn next(watch: &mut netcfg::Watch) -> Change {
    tokio::time::timeout(DEADLINE, watch.next())
        .await
        .expect("a change")
        .unwrap()
}
