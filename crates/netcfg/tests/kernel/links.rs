use std::net::UdpSocket;

use netcfg::{Change, Changed, InterfaceIndex, Link, MacAddress, NetNs, VethEnd};
use serde_json::json;

use crate::{Namespace, chain, name, wait_for};

#[tokio::test]
async fn links_are_read_as_ip_made_them() {
    let namespace = Namespace::new();
    namespace.ip("link add d0 mtu 1400 address 02:00:00:00:00:07 type ifb");
    namespace.ip("link set d0 up");
    namespace.ip("tuntap add t0 mode tun");
    let links = namespace.netlink.links().await.unwrap();
    let names: Vec<_> = links.iter().map(|link| link.name.as_str()).collect();
    assert_eq!(names, ["lo", "d0", "t0"]);
    assert!(links[0].loopback);
    let d0 = Link {
        index: index_by_ip(&namespace, "d0"),
        name: name("d0"),
        mac: Some(MacAddress([2, 0, 0, 0, 0, 7])),
        up: true,
        carrier: true,
        kind: Some("ifb".to_owned()),
        mtu: 1400,
        loopback: false,
        vmbus: None,
        bytes: links[1].bytes,
    };
    assert_eq!(links[1], d0);
    let alone = namespace.netlink.link(&name("d0")).await.unwrap();
    assert_eq!(alone.map(|it| (it.index, it.mac)), Some((d0.index, d0.mac)));
    assert_eq!(namespace.netlink.link(&name("d1")).await.unwrap(), None);
    assert_eq!((links[2].mac, links[2].carrier), (None, false));
}

#[tokio::test]
async fn bytes_are_counted_both_ways() {
    let namespace = Namespace::new();
    let netlink = &namespace.netlink;
    netlink.set_link_up(InterfaceIndex::LOOPBACK).await.unwrap();
    let bytes = async || netlink.links().await.unwrap()[0].bytes.unwrap();
    let before = bytes().await;
    namespace.netns.run(|| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let to = socket.local_addr().unwrap();
        socket.send_to(&[0; 1000], to).unwrap();
    });
    // Sent and received, each time with the heads of UDP and IP.
    assert_eq!(bytes().await - before, 2 * (1000 + 8 + 20));
    let shown = &namespace.ip("-s link show lo")[0]["stats64"];
    let of = |way: &str| shown[way]["bytes"].as_u64().unwrap();
    assert_eq!(bytes().await, of("rx") + of("tx"));
}

#[tokio::test]
async fn links_are_changed() {
    let (namespace, index) = Namespace::with_link("d0").await;
    let netlink = &namespace.netlink;
    netlink.set_link_mtu(index, 1280).await.unwrap();
    netlink
        .set_link_mac(index, MacAddress([2, 0, 0, 0xab, 0, 1]))
        .await
        .unwrap();
    let shown = namespace.ip("-d link show d0");
    assert_eq!(shown[0]["mtu"], 1280);
    assert_eq!(shown[0]["address"], "02:00:00:ab:00:01");
    assert_eq!(shown[0]["linkinfo"]["info_kind"], "veth");
    assert!(shown[0]["flags"].as_array().unwrap().contains(&json!("UP")));

    netlink.set_link_down(index).await.unwrap();
    netlink.rename_link(index, &name("wan.5")).await.unwrap();
    let shown = namespace.ip("link show wan.5");
    assert_eq!(shown[0]["ifindex"], index.0);
    assert!(!shown[0]["flags"].as_array().unwrap().contains(&json!("UP")));

    assert_eq!(netlink.delete_link(index).await.unwrap(), Changed(true));
    assert_eq!(netlink.delete_link(index).await.unwrap(), Changed(false));
    assert_eq!(namespace.ip_list("link").len(), 1);
}

#[tokio::test]
async fn a_veth_pair_joins_two_namespaces_from_a_third() {
    let (maker, left, right) = (Namespace::new(), Namespace::new(), Namespace::new());
    let (west, east) = (name("west"), name("east"));
    let ends = (
        VethEnd::inside(&left.netns, &west),
        VethEnd::inside(&right.netns, &east),
    );
    maker.netlink.create_veth(ends.0, ends.1).await.unwrap();
    assert_eq!(maker.ip_list("link").len(), 1);
    for (namespace, end) in [(&left, "west"), (&right, "east")] {
        assert_eq!(namespace.ip_list("link").len(), 2);
        let shown = namespace.ip(&format!("-d link show {end}"));
        assert_eq!(shown[0]["linkinfo"]["info_kind"], "veth");
    }

    let mut watch = left.netlink.watch().unwrap();
    let west = left.index("west").await;
    left.netlink.set_link_up(west).await.unwrap();
    assert!(
        !left
            .netlink
            .link(&name("west"))
            .await
            .unwrap()
            .unwrap()
            .carrier
    );
    right
        .netlink
        .set_link_up(right.index("east").await)
        .await
        .unwrap();
    while !left
        .netlink
        .link(&name("west"))
        .await
        .unwrap()
        .unwrap()
        .carrier
    {
        wait_for(&mut watch, Change::Link(west)).await;
    }
    assert_eq!(left.ip("link show west")[0]["operstate"], "UP");
}

#[tokio::test]
async fn each_end_of_a_veth_pair_may_stay_here() {
    let (here, there) = (Namespace::new(), Namespace::new());
    let (a, b) = (name("a"), name("b"));
    let netlink = &here.netlink;
    netlink
        .create_veth(VethEnd::here(&a), VethEnd::inside(&there.netns, &b))
        .await
        .unwrap();
    let (c, d) = (name("c"), name("d"));
    netlink
        .create_veth(VethEnd::inside(&there.netns, &d), VethEnd::here(&c))
        .await
        .unwrap();
    let (e, f) = (name("e"), name("f"));
    netlink
        .create_veth(VethEnd::here(&e), VethEnd::here(&f))
        .await
        .unwrap();
    let names = |namespace: &Namespace| -> Vec<String> {
        let links = namespace.ip_list("link");
        let mut names: Vec<_> = links.iter().map(|l| l["ifname"].to_string()).collect();
        names.sort();
        names
    };
    assert_eq!(
        names(&here),
        [r#""a""#, r#""c""#, r#""e""#, r#""f""#, r#""lo""#]
    );
    assert_eq!(names(&there), [r#""b""#, r#""d""#, r#""lo""#]);

    // One end takes the other with it.
    assert_eq!(
        netlink.delete_link(here.index("a").await).await.unwrap(),
        Changed(true)
    );
    assert_eq!(names(&there), [r#""d""#, r#""lo""#]);
}

#[tokio::test]
async fn a_link_moves_to_another_namespace() {
    let (from, index) = Namespace::with_link("d0").await;
    let to = Namespace::new();
    from.netlink.move_link(index, &to.netns).await.unwrap();
    assert!(from.netlink.link(&name("d0")).await.unwrap().is_none());
    assert_eq!(to.ip("link show d0")[0]["operstate"], "DOWN");
}

#[tokio::test]
async fn errors_name_the_link_and_the_reason() {
    let (namespace, index) = Namespace::with_link("d0").await;
    let netlink = &namespace.netlink;
    let error = netlink.set_link_mtu(index, 10).await.unwrap_err();
    let text = chain(&error);
    assert!(
        text.starts_with("cannot set link d0 mtu 10: Invalid argument"),
        "{text}"
    );
    // The kernel's own sentence, in whatever words.
    assert!(text.contains("mtu less than"), "{text}");

    let error = netlink.set_link_up(InterfaceIndex(9999)).await.unwrap_err();
    assert!(
        chain(&error).starts_with("cannot set link #9999 up: No such device"),
        "{error}"
    );
    let (d0, d1) = (name("d0"), name("d1"));
    let error = netlink
        .create_veth(VethEnd::here(&d1), VethEnd::here(&d0))
        .await
        .unwrap_err();
    assert!(
        chain(&error).starts_with("cannot add veth pair d1 d0: File exists"),
        "{error}"
    );
    assert_eq!(error.errno(), Some(17));
    let not_a_network_namespace = NetNs::open("/proc/self/ns/uts").unwrap();
    let error = netlink
        .move_link(index, &not_a_network_namespace)
        .await
        .unwrap_err();
    assert!(
        error.to_string().starts_with("cannot move link d0"),
        "{error}"
    );
}

fn index_by_ip(namespace: &Namespace, link: &str) -> InterfaceIndex {
    let shown = namespace.ip(&format!("link show {link}"));
    InterfaceIndex(shown[0]["ifindex"].as_u64().unwrap().try_into().unwrap())
}
