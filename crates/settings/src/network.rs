//! IP networks in CIDR notation.

use std::net::IpAddr;

use ipnet::IpNet;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::Serializer;

/// Why a text is not an IP network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// Not an address with a prefix length.
    #[error(
        "{0:?} is no network; write it as address/prefix length, such as \"192.168.0.0/16\" or \"fd00::/8\""
    )]
    Syntax(String),
    /// Bits behind the prefix are set, so it is unclear what was meant.
    #[error(
        "{written} is an address within a network; write \"{network}\" for the whole network or \"{address}\" for the address alone"
    )]
    HostBits {
        /// What is in the file.
        written: IpNet,
        /// The network that it lies in.
        network: IpNet,
        /// The address without its prefix length.
        address: IpAddr,
    },
}

/// Reads a network, or an address alone as the network of that one address.
pub(crate) fn network(text: &str) -> Result<IpNet, NetworkError> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address.into());
    }
    let written: IpNet = text
        .parse()
        .map_err(|_| NetworkError::Syntax(text.to_owned()))?;
    let network = written.trunc();
    if network != written {
        return Err(NetworkError::HostBits {
            written,
            network,
            address: written.addr(),
        });
    }
    Ok(network)
}

/// Whether two networks have an address in common: one of them then holds the other.
pub(crate) fn overlap(a: &IpNet, b: &IpNet) -> bool {
    a.contains(b) || b.contains(a)
}

/// `Serialize` for a list of networks.
pub(crate) fn serialize<S: Serializer>(list: &[IpNet], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(list.iter().map(ToString::to_string))
}

/// JSON schema for a list of networks.
pub(crate) fn schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "items": { "type": "string", "pattern": r"^[0-9A-Fa-f:.]+(/\d{1,3})?$" },
    })
}
