use netcfg::{Family, Route, RouteKind, TableId};

use crate::Namespace;

const ROUTES: usize = 3000;

fn fill(namespace: &Namespace) {
    let route = |n| {
        format!(
            "route add blackhole 10.{}.{}.0/24 table 9",
            n / 256,
            n % 256
        )
    };
    namespace.ip_batch((0..ROUTES).map(route));
}

#[tokio::test]
async fn a_list_longer_than_a_datagram_is_whole() {
    let namespace = Namespace::new();
    fill(&namespace);
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
async fn a_list_that_changes_all_the_time_is_consistent() {
    let namespace = Namespace::new();
    fill(&namespace);
    let churn = namespace
        .netns
        .command("ip")
        .args(["-batch", "-"])
        .stdin(batch())
        .spawn();
    let mut churn = churn.unwrap();
    while churn.try_wait().unwrap().is_none() {
        match namespace.netlink.routes().await {
            Ok(routes) => {
                let fixed = |route: &&Route| route.kind == RouteKind::Blackhole;
                assert_eq!(routes.iter().filter(fixed).count(), ROUTES);
                let moving = |route: &&Route| route.destination == Family::V4.everything();
                assert!(routes.iter().filter(moving).count() <= 1);
            }
            Err(error) => assert!(matches!(error, netcfg::Error::Unsteady { .. }), "{error}"),
        }
    }
    assert!(churn.wait().unwrap().success());
}

/// Adds and deletes a route many times.
fn batch() -> std::process::Stdio {
    use std::io::{Seek, Write};
    let mut file = tempfile::tempfile().unwrap();
    for _ in 0..2000 {
        file.write_all(b"route add unreachable default table 9\n")
            .unwrap();
        file.write_all(b"route del unreachable default table 9\n")
            .unwrap();
    }
    file.rewind().unwrap();
    file.into()
}
