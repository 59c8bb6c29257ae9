//! Reading the tables that the host's file has, too.

use super::{Bypass, Hub, Out, Proxy, Quic, Udp};
use crate::common;
use crate::errors::Problem;
use crate::ports::PortRange;
use crate::reader::{Item, Table};
use crate::report::{Placed, for_each_pair};
use crate::secret::{Credentials, Secret};
use crate::timeout;

/// The table `[proxy]`.
pub(crate) fn proxy(root: &Table<'_>) -> Proxy {
    let table = root.table("proxy");
    let port = table
        .integer("port", 1, 65535)
        .unwrap_or(Proxy::default().port);
    let users = table
        .list("users", |item| {
            user(item.table("a user such as { name = \"ann\", password = \"…\" }")?)
        })
        .unwrap_or_default();
    for_each_pair(&users, |earlier, later| {
        let clash = earlier.value.name() == later.value.name();
        if clash {
            let other = root.report().other(earlier);
            let name = later.value.name().to_owned();
            root.report()
                .add(later.at, &later.key, Problem::SameUser { name, other });
        }
        clash
    });
    table.finish();
    Proxy {
        port,
        users: users.into_iter().map(|user| user.value).collect(),
    }
}

fn user(table: Table<'_>) -> Option<Placed<Credentials>> {
    let text = |key| {
        let item = table.get(key);
        if item.is_none() {
            let Placed { at, .. } = table.placed(());
            table
                .report()
                .add(at, table.path(), Problem::Incomplete(key));
        }
        item.and_then(|item| item.text().map(str::to_owned))
    };
    let (name, password) = (text("name"), text("password"));
    let credentials = Credentials::new(name?, Secret::new(password?));
    let credentials = credentials
        .inspect_err(|error| {
            let Placed { key, at, .. } = table.placed(());
            table.report().add(at, &key, error.clone());
        })
        .ok()
        .map(|credentials| table.placed(credentials));
    table.finish();
    credentials
}

/// The table `[out]`.
pub(crate) fn out(root: &Table<'_>) -> Out {
    let table = root.table("out");
    let default = Out::default();
    let out = Out {
        hub: table.get("hub").map_or(Hub::None, |item| Hub::read(&item)),
        wait_for_uplink: table
            .value("wait_for_uplink", timeout::duration)
            .unwrap_or(default.wait_for_uplink),
        connect_timeout: common::connect_timeout(&table, default.connect_timeout),
        idle_timeout: table.parsed("idle_timeout").unwrap_or(default.idle_timeout),
        udp: table
            .word(
                "udp",
                &[
                    ("direct", Udp::Direct),
                    ("hub", Udp::Hub),
                    ("off", Udp::Off),
                ],
            )
            .unwrap_or_default(),
        udp_duplicate: table
            .boolean("udp_duplicate")
            .unwrap_or(default.udp_duplicate),
        quic: table
            .word("quic", &[("allow", Quic::Allow), ("refuse", Quic::Refuse)])
            .unwrap_or_default(),
    };
    table.finish();
    out
}

/// The table `[bypass]`.
pub(crate) fn bypass(root: &Table<'_>) -> Bypass {
    let table = root.table("bypass");
    let networks = common::networks(&table, "networks");
    let ports = table.list("ports", |item| ports(&item)).unwrap_or_default();
    for_each_pair(&ports, |earlier, later| {
        let clash = earlier.value.overlaps(later.value);
        if clash {
            let other = root.report().other(earlier);
            let (ports, with) = (later.value, earlier.value);
            root.report().add(
                later.at,
                &later.key,
                Problem::PortsOverlap { ports, with, other },
            );
        }
        clash
    });
    table.finish();
    Bypass {
        networks,
        ports: ports.into_iter().map(|placed| placed.value).collect(),
    }
}

/// A port as a number, or a range of them in quotes.
pub(crate) fn ports(item: &Item<'_>) -> Option<Placed<PortRange>> {
    if item.is_text() {
        return item.value(str::parse);
    }
    if !item.is_integer() {
        return item.wrong_type("a port such as 25, or a range such as \"6000-6010\",");
    }
    let port = u16::try_from(item.integer(1, 65535)?).ok()?;
    Some(item.placed(PortRange::new(port, port).ok()?))
}
