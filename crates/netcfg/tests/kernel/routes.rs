use std::net::IpAddr;

use netcfg::{Changed, Error, Family, InterfaceIndex, Route, RouteKind, TableId};
use serde_json::{Value, json};

use crate::{DEADLINE, Namespace, address, chain};

/// Above 255, so that it does not fit the header's byte.
const TABLE: TableId = TableId(7_800_003);

/// A namespace with `d0`, which has 192.0.2.5/24 and 2001:db8::5/64.
async fn namespace() -> (Namespace, InterfaceIndex) {
    let (namespace, index) = Namespace::with_link("d0").await;
    for text in ["192.0.2.5/24", "2001:db8::5/64"] {
        namespace
            .netlink
            .add_address(&address(index, text))
            .await
            .unwrap();
    }
    (namespace, index)
}

fn default_via(gateway: &str, index: InterfaceIndex, table: TableId) -> Route {
    let gateway: IpAddr = gateway.parse().unwrap();
    Route {
        gateway: Some(gateway),
        interface: Some(index),
        ..Route::default_of(Family::of(gateway), table)
    }
}

fn shown(namespace: &Namespace, family: Family) -> Vec<Value> {
    let option = if family == Family::V4 { "-4" } else { "-6" };
    let list = namespace.ip_list(&format!("-N -d {option} route show table all"));
    let ours = |route: &Value| route["table"] == json!(TABLE.to_string());
    list.into_iter().filter(ours).collect()
}

#[tokio::test]
async fn routes_are_added_once_and_deleted_once() {
    let (namespace, index) = namespace().await;
    let netlink = &namespace.netlink;
    for gateway in ["192.0.2.1", "2001:db8::1"] {
        let route = default_via(gateway, index, TABLE);
        assert_eq!(netlink.add_route(&route).await.unwrap(), Changed(true));
        assert_eq!(netlink.add_route(&route).await.unwrap(), Changed(false));
        let list = shown(&namespace, route.family());
        assert_eq!(list.len(), 1, "{list:?}");
        assert_eq!(list[0]["dst"], "default");
        assert_eq!(list[0]["gateway"], gateway);
        assert_eq!(list[0]["dev"], "d0");
        assert_eq!(list[0]["protocol"], "4");
        assert!(netlink.routes().await.unwrap().contains(&route));

        assert_eq!(netlink.delete_route(&route).await.unwrap(), Changed(true));
        assert_eq!(netlink.delete_route(&route).await.unwrap(), Changed(false));
        assert!(shown(&namespace, route.family()).is_empty());
    }
}

#[tokio::test]
async fn a_route_carries_what_was_asked_for() {
    let (namespace, index) = namespace().await;
    let routes = [
        ("198.51.100.0/24", "203.0.113.1", "192.0.2.5"),
        ("2001:db8:1::/48", "2001:db8:ffff::1", "2001:db8::5"),
    ];
    for (destination, gateway, source) in routes {
        let route = Route {
            gateway: Some(gateway.parse().unwrap()),
            interface: Some(index),
            metric: 321,
            protocol: 77,
            prefsrc: Some(source.parse().unwrap()),
            onlink: true,
            mtu: Some(1400),
            ..Route::new(TABLE, destination.parse().unwrap())
        };
        namespace.netlink.add_route(&route).await.unwrap();
        let list = shown(&namespace, route.family());
        assert_eq!(list[0]["dst"], destination);
        assert_eq!(list[0]["gateway"], gateway);
        assert_eq!(list[0]["metric"], 321);
        assert_eq!(list[0]["protocol"], "77");
        assert_eq!(list[0]["prefsrc"], source);
        assert_eq!(list[0]["flags"], json!(["onlink"]));
        assert_eq!(list[0]["metrics"], json!([{ "mtu": 1400 }]));
        assert!(namespace.netlink.routes().await.unwrap().contains(&route));
    }
}

#[tokio::test]
async fn a_route_may_lead_nowhere() {
    let (namespace, _) = namespace().await;
    let netlink = &namespace.netlink;
    for family in [Family::V4, Family::V6] {
        for (kind, number) in [(RouteKind::Unreachable, 7), (RouteKind::Blackhole, 6)] {
            let route = Route {
                kind,
                metric: 4000,
                ..Route::default_of(family, TABLE)
            };
            assert_eq!(netlink.add_route(&route).await.unwrap(), Changed(true));
            let list = shown(&namespace, family);
            assert_eq!(list.len(), 1, "{list:?}");
            assert_eq!(
                (&list[0]["dst"], &list[0]["metric"]),
                (&json!("default"), &json!(4000))
            );
            assert_eq!(list[0]["type"], number.to_string());
            assert!(netlink.routes().await.unwrap().contains(&route));
            assert_eq!(netlink.delete_route(&route).await.unwrap(), Changed(true));
        }
        assert!(shown(&namespace, family).is_empty());
    }
}

#[tokio::test]
async fn a_route_on_the_link_needs_no_gateway() {
    let (namespace, index) = namespace().await;
    for destination in ["198.51.100.0/24", "2001:db8:1::/64"] {
        let on_link = Route {
            interface: Some(index),
            ..Route::new(TABLE, destination.parse().unwrap())
        };
        assert_eq!(
            namespace.netlink.add_route(&on_link).await.unwrap(),
            Changed(true)
        );
        assert!(namespace.netlink.routes().await.unwrap().contains(&on_link));
        let list = shown(&namespace, on_link.family());
        assert_eq!(
            (&list[0]["dst"], &list[0]["gateway"]),
            (&json!(destination), &Value::Null)
        );
        assert_eq!(
            namespace.netlink.delete_route(&on_link).await.unwrap(),
            Changed(true)
        );
    }
}

#[tokio::test]
async fn ipv4_goes_by_an_ipv6_router() {
    let (namespace, index) = namespace().await;
    let route = Route {
        gateway: Some("fe80::1".parse().unwrap()),
        interface: Some(index),
        ..Route::default_of(Family::V4, TABLE)
    };
    assert_eq!(
        namespace.netlink.add_route(&route).await.unwrap(),
        Changed(true)
    );
    let list = shown(&namespace, Family::V4);
    assert_eq!(
        list[0]["via"],
        json!({ "family": "inet6", "host": "fe80::1" })
    );
    assert!(namespace.netlink.routes().await.unwrap().contains(&route));
    assert_eq!(
        namespace.netlink.delete_route(&route).await.unwrap(),
        Changed(true)
    );
}

#[tokio::test]
async fn a_route_takes_the_place_of_another() {
    let (namespace, index) = namespace().await;
    let netlink = &namespace.netlink;
    for (first, second) in [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2")] {
        let (first, second) = (
            default_via(first, index, TABLE),
            default_via(second, index, TABLE),
        );
        netlink.add_route(&first).await.unwrap();
        let error = netlink.add_route(&second).await.unwrap_err();
        assert!(matches!(&error, Error::Conflict { present, .. } if present.contains("via")));
        let text = error.to_string();
        assert!(
            text.contains("table 7800003: another one is in its place: default via"),
            "{text}"
        );

        assert_eq!(netlink.replace_route(&second).await.unwrap(), Changed(true));
        assert_eq!(
            netlink.replace_route(&second).await.unwrap(),
            Changed(false)
        );
        let list = shown(&namespace, first.family());
        assert_eq!(list.len(), 1, "{list:?}");
        assert_eq!(list[0]["gateway"], second.gateway.unwrap().to_string());
    }
}

#[tokio::test]
async fn only_the_very_route_is_deleted() {
    let (namespace, index) = namespace().await;
    // The kernel by itself takes a metric of 0, and a missing gateway, for "any".
    namespace.ip("route add default via 192.0.2.1 dev d0 metric 50 table 7800003");
    let any_metric = Route {
        protocol: 3,
        ..default_via("192.0.2.1", index, TABLE)
    };
    let any_gateway = Route {
        gateway: None,
        metric: 50,
        ..any_metric.clone()
    };
    let another_protocol = Route {
        metric: 50,
        protocol: 4,
        ..any_metric.clone()
    };
    for route in [&any_metric, &any_gateway, &another_protocol] {
        assert_eq!(
            namespace.netlink.delete_route(route).await.unwrap(),
            Changed(false)
        );
    }
    assert_eq!(shown(&namespace, Family::V4).len(), 1);
    let it = Route {
        metric: 50,
        ..any_metric
    };
    assert_eq!(
        namespace.netlink.delete_route(&it).await.unwrap(),
        Changed(true)
    );
}

#[tokio::test]
async fn a_route_of_an_unusual_scope_is_deleted() {
    let (namespace, index) = namespace().await;
    namespace.ip("route add 198.51.100.0/24 dev d0 scope global protocol static table 7800003");
    let route = Route {
        interface: Some(index),
        ..Route::new(TABLE, "198.51.100.0/24".parse().unwrap())
    };
    assert_eq!(
        namespace.netlink.delete_route(&route).await.unwrap(),
        Changed(true)
    );
    assert!(shown(&namespace, Family::V4).is_empty());
}

#[tokio::test]
async fn each_next_hop_is_a_route() {
    let (namespace, index) = namespace().await;
    for (option, gateways) in [
        ("-4", ["192.0.2.1", "192.0.2.2"]),
        ("-6", ["2001:db8::1", "2001:db8::2"]),
    ] {
        let [first, second] = gateways;
        namespace.ip(&format!(
            "{option} route add default table 7800003 nexthop via {first} dev d0 nexthop via {second} dev d0"
        ));
        let routes = namespace.netlink.routes().await.unwrap();
        for gateway in gateways {
            let route = Route {
                protocol: 3,
                ..default_via(gateway, index, TABLE)
            };
            assert!(routes.contains(&route), "{route} is not in {routes:?}");
        }
    }
}

#[tokio::test]
async fn the_kernels_own_routes_are_listed() {
    let (namespace, index) = Namespace::with_link("d0").await;
    let mut watch = namespace.netlink.watch().unwrap();
    for text in ["192.0.2.5/24", "2001:db8::5/64"] {
        namespace
            .netlink
            .add_address(&address(index, text))
            .await
            .unwrap();
    }
    let local = |address: &str| Route {
        interface: Some(index),
        protocol: 2,
        kind: RouteKind::Local,
        ..Route::new(TableId::LOCAL, address.parse().unwrap())
    };
    let source = Some("192.0.2.5".parse().unwrap());
    let prefix = "192.0.2.0/24".parse().unwrap();
    let wanted = [
        Route {
            prefsrc: source,
            ..local("192.0.2.5/32")
        },
        Route {
            metric: 0,
            ..local("2001:db8::5/128")
        },
        Route {
            interface: Some(index),
            protocol: 2,
            prefsrc: source,
            ..Route::new(TableId::MAIN, prefix)
        },
    ];
    // The kernel adds some a moment after the address (IPv6: from a work queue).
    let all = async || {
        let routes = namespace.netlink.routes().await.unwrap();
        let shown = namespace.ip_list("-4 route show table all").len()
            + namespace.ip_list("-6 route show table all").len();
        shown == routes.len() && wanted.iter().all(|route| routes.contains(route))
    };
    let waiting = async {
        while !all().await {
            watch.next().await.unwrap();
        }
    };
    tokio::time::timeout(DEADLINE, waiting)
        .await
        .expect("the kernel's routes");
}

#[tokio::test]
async fn errors_name_the_route_and_the_reason() {
    let (namespace, index) = namespace().await;
    let route = default_via("203.0.113.1", index, TABLE);
    let text = chain(&namespace.netlink.add_route(&route).await.unwrap_err());
    let wanted =
        "cannot add route default via 203.0.113.1 dev d0 table 7800003: Network is unreachable";
    assert!(text.starts_with(wanted), "{text}");
    assert!(text.ends_with("Nexthop has invalid gateway"), "{text}");
    let text = chain(&namespace.netlink.replace_route(&route).await.unwrap_err());
    assert!(
        text.starts_with("cannot replace route default via 203.0.113.1 dev d0"),
        "{text}"
    );
}
