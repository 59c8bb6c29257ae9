use netcfg::{Address, Change, Changed, Error, InterfaceIndex, Scope, VethEnd};
use serde_json::{Value, json};

use crate::{Namespace, address, chain, name, wait_for};

#[tokio::test]
async fn addresses_are_added_once_and_deleted_once() {
    let (namespace, index) = Namespace::with_link("d0").await;
    let netlink = &namespace.netlink;
    for text in ["192.0.2.5/24", "2001:db8::5/64"] {
        let address = address(index, text);
        assert_eq!(netlink.add_address(&address).await.unwrap(), Changed(true));
        assert_eq!(netlink.add_address(&address).await.unwrap(), Changed(false));
        let shown = shown(&namespace, text);
        assert_eq!(shown["scope"], "global");
        assert_eq!(shown["valid_life_time"], u32::MAX);
        assert!(netlink.addresses().await.unwrap().contains(&address));

        assert_eq!(
            netlink.delete_address(&address).await.unwrap(),
            Changed(true)
        );
        assert_eq!(
            netlink.delete_address(&address).await.unwrap(),
            Changed(false)
        );
        assert!(!is_shown(&namespace, text));
    }
    let gone = Address::new(InterfaceIndex(9999), "192.0.2.5/24".parse().unwrap());
    assert_eq!(netlink.delete_address(&gone).await.unwrap(), Changed(false));
}

#[tokio::test]
async fn an_address_carries_what_was_asked_for() {
    let (namespace, index) = Namespace::with_link("d0").await;
    for text in ["192.0.2.5/24", "2001:db8::5/64"] {
        let address = Address {
            no_prefix_route: true,
            protocol: Some(77),
            ..address(index, text)
        };
        namespace.netlink.add_address(&address).await.unwrap();
        assert_eq!(shown(&namespace, text)["noprefixroute"], true);
        assert!(
            namespace
                .netlink
                .addresses()
                .await
                .unwrap()
                .contains(&address)
        );
    }
    let local = Address {
        scope: Scope::Link,
        ..Address::new(index, "192.0.2.9/32".parse().unwrap())
    };
    namespace.netlink.add_address(&local).await.unwrap();
    assert_eq!(shown(&namespace, "192.0.2.9/32")["scope"], "link");
    assert!(namespace.ip_list("route").is_empty());
    let v6_routes = namespace.ip_list("-6 route");
    assert!(
        !v6_routes
            .iter()
            .any(|route| route["dst"] == "2001:db8::/64"),
        "{v6_routes:?}"
    );
}

#[tokio::test]
async fn lifetimes_are_seen_and_replaced() {
    let (namespace, index) = Namespace::with_link("d0").await;
    for text in ["192.0.2.5/24", "2001:db8::5/64"] {
        namespace.ip(&format!(
            "addr add {text} dev d0 valid_lft 1000 preferred_lft 0"
        ));
        let wanted = Address::new(index, text.parse().unwrap());
        let there = namespace.netlink.addresses().await.unwrap();
        let there = there
            .iter()
            .find(|address| address.net == wanted.net)
            .unwrap();
        assert!(there.dynamic && there.deprecated);

        assert_eq!(
            namespace.netlink.replace_address(&wanted).await.unwrap(),
            Changed(true)
        );
        assert_eq!(shown(&namespace, text)["valid_life_time"], u32::MAX);
        assert_eq!(
            namespace.netlink.replace_address(&wanted).await.unwrap(),
            Changed(false)
        );
    }
}

#[tokio::test]
async fn another_prefix_of_the_same_address_is_a_conflict() {
    let (namespace, index) = Namespace::with_link("d0").await;
    namespace.ip("addr add 2001:db8::5/48 dev d0");
    let address = Address::new(index, "2001:db8::5/64".parse().unwrap());
    let error = namespace.netlink.add_address(&address).await.unwrap_err();
    assert!(matches!(error, Error::Conflict { .. }), "{error}");
    assert_eq!(
        error.to_string(),
        "cannot add address 2001:db8::5/64 dev d0: another one is in its place: 2001:db8::5/48"
    );
}

#[tokio::test]
async fn an_ipv6_address_is_tentative_until_nobody_else_claims_it() {
    let (namespace, a, b) = (Namespace::new(), name("a"), name("b"));
    namespace
        .netlink
        .create_veth(VethEnd::here(&a), VethEnd::here(&b))
        .await
        .unwrap();
    let index = namespace.index("a").await;
    namespace.netlink.set_link_up(index).await.unwrap();
    namespace
        .netlink
        .set_link_up(namespace.index("b").await)
        .await
        .unwrap();
    let mut watch = namespace.netlink.watch().unwrap();
    let address = Address::new(index, "2001:db8::5/64".parse().unwrap());
    namespace.netlink.add_address(&address).await.unwrap();
    let is_tentative = async || {
        let there = namespace.netlink.addresses().await.unwrap();
        there
            .iter()
            .find(|other| other.net == address.net)
            .unwrap()
            .tentative
    };
    assert!(is_tentative().await);
    while is_tentative().await {
        wait_for(&mut watch, Change::Address(index)).await;
    }
}

#[tokio::test]
async fn errors_name_the_address_the_link_and_the_reason() {
    let namespace = Namespace::new();
    let nowhere = Address::new(InterfaceIndex(9999), "192.0.2.5/24".parse().unwrap());
    let error = namespace.netlink.add_address(&nowhere).await.unwrap_err();
    let text = chain(&error);
    assert!(
        text.starts_with("cannot add address 192.0.2.5/24 dev #9999: No such device"),
        "{text}"
    );
}

fn shown(namespace: &Namespace, address: &str) -> Value {
    let found = find(namespace, address);
    found.unwrap_or_else(|| panic!("{address} is not shown: {}", namespace.ip("addr")))
}

fn is_shown(namespace: &Namespace, address: &str) -> bool {
    find(namespace, address).is_some()
}

fn find(namespace: &Namespace, address: &str) -> Option<Value> {
    let (address, length) = address.split_once('/').unwrap();
    let length: u32 = length.parse().unwrap();
    let links = namespace.ip("addr show dev d0");
    let addresses = links[0]["addr_info"].as_array().unwrap();
    let is_it = |it: &&Value| it["local"] == json!(address) && it["prefixlen"] == json!(length);
    addresses.iter().find(is_it).cloned()
}
