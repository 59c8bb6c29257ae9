//! Reading the hub's file.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use wire::Destination;

use super::{Metrics, Settings, Socks5};
use crate::common;
use crate::errors::{Errors, Problem};
use crate::reader::{Item, TABLE, Table, document};
use crate::report::{Placed, Report, for_each_pair, load};
use crate::timeout;

impl Settings {
    /// Reads a settings file's text; `file_name` is for the errors. Gives all errors that there are.
    pub fn parse(text: &str, file_name: &str) -> Result<Self, Errors> {
        let report = Report::new(file_name, text);
        let settings = document(&report, text, settings);
        report.finish(settings)
    }

    /// Reads a settings file.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Errors> {
        load(path.as_ref(), Self::parse)
    }
}

fn settings(root: Table<'_>) -> Settings {
    let default = Settings::default();
    let mut listeners = Vec::new();
    let (listen_item, socks5_item) = (root.get("listen"), root.get("socks5"));
    let nobody = socks5_item.is_none().then_some(Problem::NoListen);
    let expected = "a list such as [\"[::]:443\"]";
    let listen = listen_item.and_then(|item| listen(&item, expected, nobody, &mut listeners));
    let socks5 = socks5_item.and_then(|item| socks5(item, &mut listeners));
    let metrics_item = root.get("metrics");
    let metrics = metrics_item.and_then(|item| metrics(item, &mut listeners));
    none_twice(root.report(), &listeners);
    let path = |key, default| root.value(key, common::absolute).unwrap_or(default);
    let settings = Settings {
        listen: listen.unwrap_or(default.listen),
        public: root.value("public", public),
        key: path("key", default.key),
        users: path("users", default.users),
        usage: path("usage", default.usage),
        log_destinations: root.boolean("log_destinations").unwrap_or_default(),
        announce: announce(&root),
        allow: common::networks(&root, "allow"),
        drain: root
            .value("drain", timeout::duration)
            .unwrap_or(default.drain),
        connect_timeout: common::connect_timeout(&root, default.connect_timeout),
        idle_timeout: root.parsed("idle_timeout").unwrap_or(default.idle_timeout),
        state: path("state", default.state),
        metrics,
        socks5,
        mptcp: common::mptcp(&root),
    };
    root.finish();
    settings
}

/// Reads a list of listeners; `empty` is what is wrong with one without any. Adds them to `all`.
fn listen(
    item: &Item<'_>,
    expected: &'static str,
    empty: Option<Problem>,
    all: &mut Vec<Placed<SocketAddr>>,
) -> Option<Vec<SocketAddr>> {
    let items: Vec<_> = item.list(expected)?.collect();
    if items.is_empty()
        && let Some(empty) = empty
    {
        item.add(empty);
    }
    let list = items.iter().filter_map(|item| item.value(socket_address));
    let list: Vec<_> = list.collect();
    all.extend_from_slice(&list);
    Some(list.into_iter().map(|placed| placed.value).collect())
}

fn socks5(item: Item<'_>, all: &mut Vec<Placed<SocketAddr>>) -> Option<Socks5> {
    let table = item.table(TABLE)?;
    let default = Socks5::default();
    let expected = "a list such as [\"127.0.0.1:1080\"]";
    let empty = Some(Problem::NoSocks5Listen);
    let list = table.get("listen");
    let socks5 = Socks5 {
        listen: list
            .and_then(|item| listen(&item, expected, empty, all))
            .unwrap_or(default.listen),
        users: table
            .value("users", common::absolute)
            .unwrap_or(default.users),
    };
    table.finish();
    Some(socks5)
}

fn metrics(item: Item<'_>, all: &mut Vec<Placed<SocketAddr>>) -> Option<Metrics> {
    let table = item.table(TABLE)?;
    let listen = table.get("listen");
    let listen = listen.and_then(|item| item.value(socket_address));
    all.extend(listen.clone());
    table.finish();
    let default = Metrics::default();
    Some(listen.map_or(default, |listen| Metrics {
        listen: listen.value,
    }))
}

fn none_twice(report: &Report<'_>, listeners: &[Placed<SocketAddr>]) {
    for_each_pair(listeners, |earlier, later| {
        let clash = covers(earlier.value, later.value) || covers(later.value, earlier.value);
        if clash {
            let listen = later.value.to_string();
            let other = report.other(earlier);
            report.add(later.at, &later.key, Problem::ListenTwice { listen, other });
        }
        clash
    });
}

fn socket_address(text: &str) -> Result<SocketAddr, Problem> {
    match text.parse::<SocketAddr>() {
        Ok(address) if address.port() != 0 => Ok(address),
        _ => Err(Problem::Listen(text.to_owned())),
    }
}

fn public(text: &str) -> Result<Destination, Problem> {
    match text.parse::<Destination>() {
        Ok(destination) if destination.port != 0 => Ok(destination),
        _ => Err(Problem::Public(text.to_owned())),
    }
}

/// Whether a listener at `a` takes the connections of one at `b`. `[::]` takes IPv4 too.
fn covers(a: SocketAddr, b: SocketAddr) -> bool {
    let all = a.ip().is_unspecified() && (a.is_ipv6() || b.is_ipv4());
    a.port() == b.port() && (all || a.ip() == b.ip())
}

fn announce(root: &Table<'_>) -> Vec<IpAddr> {
    let list = root
        .list("announce", |item| item.value(public_address))
        .unwrap_or_default();
    for_each_pair(&list, |earlier, later| {
        let clash = earlier.value == later.value;
        if clash {
            let problem = Problem::Twice {
                value: later.value.to_string(),
            };
            root.report().add(later.at, &later.key, problem);
        }
        clash
    });
    list.into_iter().map(|placed| placed.value).collect()
}

fn public_address(text: &str) -> Result<IpAddr, Problem> {
    let address: IpAddr = text
        .parse()
        .map_err(|_| Problem::Address(text.to_owned()))?;
    let link_local = match address {
        IpAddr::V4(address) => address.is_link_local() || address.is_broadcast(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    if link_local || address.is_unspecified() || address.is_loopback() || address.is_multicast() {
        return Err(Problem::AddressUnusable(text.to_owned()));
    }
    Ok(address)
}
