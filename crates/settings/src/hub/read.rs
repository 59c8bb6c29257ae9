//! Reading the hub's file.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use super::Settings;
use crate::common;
use crate::errors::{Errors, Problem};
use crate::reader::{Table, document};
use crate::report::{Report, for_each_pair, load};
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
    let settings = Settings {
        listen: listen(&root).unwrap_or(default.listen),
        users: root
            .value("users", common::absolute)
            .unwrap_or(default.users),
        announce: announce(&root),
        allow: common::networks(&root, "allow"),
        drain: root
            .value("drain", timeout::duration)
            .unwrap_or(default.drain),
        connect_timeout: common::connect_timeout(&root, default.connect_timeout),
        idle_timeout: root.parsed("idle_timeout").unwrap_or(default.idle_timeout),
        mptcp: common::mptcp(&root),
        state: root
            .value("state", common::absolute)
            .unwrap_or(default.state),
    };
    root.finish();
    settings
}

fn listen(root: &Table<'_>) -> Option<Vec<SocketAddr>> {
    let item = root.get("listen")?;
    let items: Vec<_> = item.list("a list such as [\"[::]:1080\"]")?.collect();
    if items.is_empty() {
        item.add(Problem::NoListen);
    }
    let list: Vec<_> = items
        .iter()
        .filter_map(|item| item.value(socket_address))
        .collect();
    for_each_pair(&list, |earlier, later| {
        let clash = covers(earlier.value, later.value) || covers(later.value, earlier.value);
        if clash {
            let listen = later.value.to_string();
            let problem = Problem::ListenTwice {
                listen,
                other: root.report().other(earlier),
            };
            root.report().add(later.at, &later.key, problem);
        }
        clash
    });
    Some(list.into_iter().map(|placed| placed.value).collect())
}

fn socket_address(text: &str) -> Result<SocketAddr, Problem> {
    match text.parse::<SocketAddr>() {
        Ok(address) if address.port() != 0 => Ok(address),
        _ => Err(Problem::Listen(text.to_owned())),
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
