//! Reading the edge's file, value by value. What values have to do with each other is in `rules`.

use std::path::Path;

use super::rules::{self, PlacedUplink};
use super::{
    Addresses, Cap, Capture, Control, Dns, Host, Intercept, Portal, Role, Settings, Uplink, tables,
};
use crate::common;
use crate::endpoint::{EndpointFlags, EndpointFlagsError};
use crate::errors::{Errors, Problem};
use crate::interface::{Guid, InterfaceMatch, MacAddress, Pattern};
use crate::reader::{Item, TABLE, Table, document};
use crate::report::{Placed, Report, load};
use crate::rule;

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
    let host = root.get("host").and_then(|item| host(item.table(TABLE)?));
    let uplinks = uplinks(&root);
    rules::check(root.report(), host.as_ref(), &uplinks);
    let settings = Settings {
        host: host.map(|(host, _)| host),
        uplinks: uplinks.into_iter().map(|placed| placed.uplink).collect(),
        proxy: tables::proxy(&root),
        out: tables::out(&root),
        bypass: tables::bypass(&root),
        traffic: rule::rules(&root),
        dns: Dns::read(&root),
        portal: Portal::read(&root),
        mptcp: common::mptcp(&root),
        control: common::control(&root).map_or_else(Control::default, |socket| Control { socket }),
        usage: root
            .value("usage", common::absolute)
            .unwrap_or_else(super::default_usage),
    };
    root.finish();
    settings
}

fn host(table: Table<'_>) -> Option<(Host, Placed<()>)> {
    let interface = interface(&table);
    if let Some(Placed { value, key, at }) = &interface
        && value.is_pattern()
    {
        table
            .report()
            .add(*at, key, Problem::HostPattern(value.to_string()));
    }
    let captures = [("all", Capture::All), ("proxy", Capture::Proxy)];
    let capture = table.word("capture", &captures).unwrap_or_default();
    let intercepts = [
        ("redirect", Intercept::Redirect),
        ("tproxy", Intercept::Tproxy),
    ];
    let intercept = table.word("intercept", &intercepts).unwrap_or_default();
    let network = table.parsed("network");
    table.finish();
    let Placed { value, key, at } = interface?;
    Some((
        Host {
            interface: value,
            capture,
            intercept,
            network,
        },
        Placed { value: (), key, at },
    ))
}

/// Exactly one of the keys interface, mac and vmbus.
fn interface(table: &Table<'_>) -> Option<Placed<InterfaceMatch>> {
    let name =
        |item: &Item<'_>| item.value(|text| text.parse::<Pattern>().map(InterfaceMatch::Name));
    let mac =
        |item: &Item<'_>| item.value(|text| text.parse::<MacAddress>().map(InterfaceMatch::Mac));
    let vmbus =
        |item: &Item<'_>| item.value(|text| text.parse::<Guid>().map(InterfaceMatch::VmBus));
    let written = [
        table
            .get("interface")
            .map(|item| (item.placed(()), name(&item))),
        table.get("mac").map(|item| (item.placed(()), mac(&item))),
        table
            .get("vmbus")
            .map(|item| (item.placed(()), vmbus(&item))),
    ];
    let mut written = written.into_iter().flatten();
    let Some((first, value)) = written.next() else {
        let Placed { key, at, .. } = table.placed(());
        table.report().add(at, &key, Problem::NoInterface);
        return None;
    };
    for (again, _) in written {
        let other = table.report().other(&first);
        table
            .report()
            .add(again.at, &again.key, Problem::InterfaceTwice { other });
    }
    value
}

fn uplinks(root: &Table<'_>) -> Vec<PlacedUplink> {
    let Some(item) = root.get("uplink") else {
        root.report().add(0, "uplink", Problem::NoUplink);
        return Vec::new();
    };
    let Some(items) = item.list("a list of tables, each under [[uplink]] in double brackets,")
    else {
        return Vec::new();
    };
    let items: Vec<Item<'_>> = items.collect();
    if items.is_empty() {
        item.add(Problem::NoUplink);
    }
    items
        .into_iter()
        .filter_map(|item| uplink(item.table(TABLE)?))
        .collect()
}

fn uplink(table: Table<'_>) -> Option<PlacedUplink> {
    let name = table.get("name").and_then(|item| item.value(str::parse));
    let interface = interface(&table);
    let sources = [("dhcp", Addresses::Dhcp), ("external", Addresses::External)];
    let addresses = table.word("addresses", &sources).unwrap_or_default();
    let ipv6 = table.boolean("ipv6").unwrap_or(true);
    let endpoint = table.get("endpoint").and_then(endpoint).unwrap_or_default();
    let role = table.word("role", &Role::WORDS).unwrap_or_default();
    let metered = table.boolean("metered").unwrap_or_default();
    let cap = Cap::read(&table);
    let path = table.path().to_owned();
    table.finish();
    let interface = interface?;
    let interface_at = interface.place();
    let name_at = name.as_ref().map(Placed::place);
    let name = name.map(|name| name.value);
    let uplink = Uplink {
        name,
        interface: interface.value,
        addresses,
        ipv6,
        endpoint,
        role,
        metered,
        cap,
    };
    Some(PlacedUplink {
        uplink,
        path,
        interface_at,
        name_at,
    })
}

fn endpoint(item: Item<'_>) -> Option<EndpointFlags> {
    const NAMES: [(&str, usize); 3] = [("subflow", 0), ("signal", 1), ("fullmesh", 2)];
    let mut set = [false; 3];
    let mut unclear = false;
    for flag in item.list("a list such as [\"subflow\"]")? {
        // It was a flag once.
        if flag.is_text() && flag.text() == Some("backup") {
            flag.add(Problem::BackupIsRole);
            unclear = true;
            continue;
        }
        match flag.word(&NAMES) {
            Some(i) if set[i] => flag.add(Problem::Twice {
                value: format!("{:?}", NAMES[i].0),
            }),
            Some(i) => set[i] = true,
            None => unclear = true,
        }
    }
    let [subflow, signal, fullmesh] = set;
    let flags = EndpointFlags::new(subflow, signal, fullmesh);
    // A flag that nobody understood may be the one that is missing here.
    let report = |error: &EndpointFlagsError| {
        if !unclear {
            item.add(*error)
        }
    };
    flags.inspect_err(report).ok()
}
