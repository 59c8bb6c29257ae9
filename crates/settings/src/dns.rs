//! How names are looked up for the host. The edge's file and that of Windows' service have it.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::Serialize;

use crate::errors::Problem;
use crate::reader::{Item, Table};
use crate::report::Placed;

/// The DNS server that the edge is for the host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Dns {
    /// Who is asked.
    pub mode: DnsMode,
    /// Name servers to ask in the place of the hub's own, or of the uplinks', by their addresses. None is twice in the list.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true))]
    pub servers: Vec<IpAddr>,
    /// Whether the edge answers, too, what the host asks other servers by UDP that are reached through this machine.
    pub capture: bool,
}

/// Who is asked for names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DnsMode {
    /// The hub's name server or `servers`, through the hub; the uplinks' own name servers when that does not work, or without a hub.
    #[default]
    Hub,
    /// `servers`, or the uplinks' own name servers, each over its uplink.
    Direct,
    /// Nobody: there is no DNS server.
    Off,
}

impl Dns {
    /// Reads the table `[dns]`.
    pub(crate) fn read(root: &Table<'_>) -> Self {
        let table = root.table("dns");
        let modes = [
            ("hub", DnsMode::Hub),
            ("direct", DnsMode::Direct),
            ("off", DnsMode::Off),
        ];
        let mode = table.word("mode", &modes).unwrap_or_default();
        let servers = table.list("servers", |item| server(&item));
        let servers = servers.unwrap_or_default();
        table.report().repetitions(&servers);
        let capture = table.boolean("capture").unwrap_or_default();
        table.finish();
        Self {
            mode,
            servers: servers.into_iter().map(|server| server.value).collect(),
            capture,
        }
    }
}

fn server(item: &Item<'_>) -> Option<Placed<IpAddr>> {
    item.value(|text| {
        let address = text.parse::<IpAddr>();
        let usable = address
            .ok()
            .filter(|ip| !ip.is_unspecified() && !ip.is_multicast());
        usable.ok_or_else(|| Problem::NameServer(text.to_owned()))
    })
}
