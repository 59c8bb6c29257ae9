//! Reads the machine into plain data. No decision is taken here.

use std::collections::BTreeMap;

use mptcp::PathManager;
use netcfg::dhcp::Lease;
use netcfg::{InterfaceIndex, Netlink, nft};
use settings::edge::Settings;

use crate::network_manager;
use crate::numbers::NFT_TABLE;
use crate::observed::Observed;
use crate::plan::wanted_keys;

/// Why the machine could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// Links, addresses, routes or rules.
    #[error("cannot read the network's state")]
    Network(#[from] netcfg::Error),
    /// Endpoints or limits.
    #[error("cannot read the kernel's MPTCP path manager")]
    PathManager(#[from] mptcp::PathManagerError),
    /// The nftables table.
    #[error("cannot read the nftables rules")]
    Firewall(#[from] nft::Error),
}

/// Reads the machine. `leases` and `intercept_port` are what only this process knows.
///
/// # Errors
/// When a part of the kernel does not answer; what is merely absent is no error.
pub async fn observe(
    settings: &Settings,
    netlink: &Netlink,
    path_manager: &PathManager,
    leases: BTreeMap<InterfaceIndex, Lease>,
    intercept_port: Option<u16>,
) -> Result<Observed, ObserveError> {
    let mut observed = Observed {
        links: netlink.links().await?,
        addresses: netlink.addresses().await?,
        routes: netlink.routes().await?,
        rules: netlink.rules().await?,
        endpoints: path_manager.endpoints().await?,
        limits: Some(path_manager.limits().await?),
        firewall: nft::installed(&NFT_TABLE.parse().expect("a plain name"))?,
        network_manager: network_manager::told(),
        name_servers: dns::name_servers(),
        leases,
        intercept_port,
        ..Observed::default()
    };
    for key in wanted_keys(settings, &observed) {
        if let Ok(value) = key.read() {
            observed.sysctls.insert(key, value);
        }
    }
    Ok(observed)
}
