use netcfg::{Error, Route, RouteKind, Scope, TableId};

use crate::Namespace;

#[tokio::test]
async fn a_list_longer_than_a_datagram_is_whole() {
    const ROUTES: usize = 3000;
    let namespace = Namespace::new();
    let route = |n| {
        format!(
            "route add blackhole 10.{}.{}.0/24 table 9",
            n / 256,
            n % 256
        )
    };
    namespace.ip_batch((0..ROUTES).map(route));
    let routes = namespace.netlink.routes().await.unwrap();
    let listed = routes
        .iter()
        .filter(|route| route.table == TableId(9))
        .count();
    assert_eq!(listed, ROUTES);
}

#[tokio::test]
async fn clones_take_turns() {
    let namespace = Namespace::new();
    let tasks: Vec<_> = (0..50)
        .map(|n| {
            let netlink = namespace.netlink.clone();
            tokio::spawn(async move {
                let destination = format!("10.0.{n}.0/24").parse().unwrap();
                let kind = RouteKind::Blackhole;
                let route = Route {
                    kind,
                    ..Route::new(TableId(9), destination)
                };
                let changed = netlink.add_route(&route).await.unwrap();
                (changed, netlink.routes().await.unwrap().contains(&route))
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), (netcfg::Changed(true), true));
    }
    assert_eq!(namespace.ip_list("route show table 9").len(), 50);
}

#[tokio::test]
async fn a_list_that_changes_while_it_is_read_is_read_again() {
    const FIXED: usize = 1000;
    let namespace = Namespace::new();
    let address = |n| format!("addr add 10.0.{}.{}/32 dev lo", n / 256, n % 256);
    namespace.ip_batch((0..FIXED).map(address));
    // A host-wide address comes first in the list, so that each change moves all the others: a
    // reader that goes on where it was misses one, or sees one twice.
    let mut churn = namespace.netns.command("ip");
    let change = |verb| format!("addr {verb} 10.1.0.0/32 dev lo scope host\n");
    let input = file((0..4000).map(|_| change("add") + &change("del")).collect());
    let mut churn = churn.args(["-batch", "-"]).stdin(input).spawn().unwrap();
    while churn.try_wait().unwrap().is_none() {
        match namespace.netlink.addresses().await {
            Ok(list) => {
                let fixed = list.iter().filter(|address| address.scope == Scope::Global);
                assert_eq!(fixed.count(), FIXED);
            }
            Err(error) => assert!(matches!(error, Error::Unsteady { .. }), "{error}"),
        }
    }
    assert!(churn.wait().unwrap().success());
    assert_eq!(namespace.netlink.addresses().await.unwrap().len(), FIXED);
}

fn file(content: String) -> std::fs::File {
    use std::io::{Seek, Write};
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(content.as_bytes()).unwrap();
    file.rewind().unwrap();
    file
}
