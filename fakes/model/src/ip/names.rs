//! The name servers of interfaces (`GetInterfaceDnsSettings`, `SetInterfaceDnsSettings`).

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{Answer, Ip, code, read};

/// `DNS_INTERFACE_SETTINGS_VERSION1` and `DNS_SETTING_NAMESERVER`.
const VERSION: u32 = 1;
const NAME_SERVER: u64 = 2;

/// What both functions take of `DNS_INTERFACE_SETTINGS`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are those of Windows")]
pub struct NamesRow {
    pub interface: Uuid,
    pub version: u32,
    pub flags: u64,
    pub name_server: Option<String>,
}

impl NamesRow {
    /// Asks for what was set for IPv4.
    pub fn get(interface: Uuid) -> Self {
        Self {
            interface,
            version: VERSION,
            flags: 0,
            name_server: None,
        }
    }

    /// Sets it, and nothing else.
    pub fn set(interface: Uuid, servers: &str) -> Self {
        Self {
            flags: NAME_SERVER,
            name_server: Some(servers.to_owned()),
            ..Self::get(interface)
        }
    }
}

impl Ip {
    pub(super) fn get_names(&mut self, arguments: &Value) -> Answer {
        let row: NamesRow = read(arguments)?;
        if row != NamesRow::get(row.interface) {
            return Err(code::INVALID_PARAMETER);
        }
        Ok(Some(self.name_servers(row.interface).to_owned()))
    }

    pub(super) fn set_names(&mut self, arguments: &Value) -> Answer {
        let row: NamesRow = read(arguments)?;
        let servers = row.name_server.clone().ok_or(code::INVALID_PARAMETER)?;
        let is_address = |text: &str| text.parse::<Ipv4Addr>().is_ok();
        let are_addresses = servers.is_empty() || servers.split(',').all(is_address);
        if row != NamesRow::set(row.interface, &servers) || !are_addresses {
            return Err(code::INVALID_PARAMETER);
        }
        self.names.insert(row.interface, servers);
        Ok(None)
    }

    /// The name servers that were set for an interface, with commas between them.
    pub fn name_servers(&self, interface: Uuid) -> &str {
        self.names.get(&interface).map_or("", String::as_str)
    }

    /// All that are set for any interface.
    pub fn all_name_servers(&self) -> Vec<&str> {
        let set = self.names.values().map(String::as_str);
        set.filter(|servers| !servers.is_empty()).collect()
    }
}
