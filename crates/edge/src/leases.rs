//! One DHCP client for each uplink that wants one.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use netcfg::dhcp::{Client, ClientConfig, Lease, SocketError};
use netcfg::{InterfaceIndex, MacAddress};
use tokio::sync::{Notify, watch};

use crate::numbers;
use crate::observed::Observed;
use crate::uplink::Uplink;

/// The running clients and what they were given.
#[derive(Debug, Default)]
pub struct Leases {
    clients: BTreeMap<InterfaceIndex, Running>,
    changed: Arc<Notify>,
}

#[derive(Debug)]
struct Running {
    client: Client,
    mac: MacAddress,
    lease: watch::Receiver<Option<Lease>>,
}

impl Leases {
    /// Starts clients for new uplinks, ends those of uplinks that are gone, and tells each about its
    /// carrier. Returns what could not be started.
    pub fn follow(&mut self, uplinks: &[Uplink<'_>], observed: &Observed) -> Vec<SocketError> {
        let wanted: Vec<&Uplink<'_>> = uplinks.iter().filter(|u| u.wants_dhcp()).collect();
        self.clients.retain(|index, running| {
            // A client whose interface vanished has stopped; the index may be in use again. A
            // changed Ethernet address makes it another client to the server.
            let is_its =
                |u: &&Uplink<'_>| (u.link.index, u.link.mac) == (*index, Some(running.mac));
            running.lease.has_changed().is_ok() && wanted.iter().any(is_its)
        });
        let mut errors = Vec::new();
        for uplink in wanted {
            if let Err(error) = self.start(uplink, observed) {
                errors.push(error);
            }
            if let Some(running) = self.clients.get(&uplink.link.index) {
                running.client.set_carrier(uplink.link.carrier);
            }
        }
        errors
    }

    fn start(&mut self, uplink: &Uplink<'_>, observed: &Observed) -> Result<(), SocketError> {
        let index = uplink.link.index;
        let (Some(mac), false) = (uplink.link.mac, self.clients.contains_key(&index)) else {
            return Ok(());
        };
        let previous = left_by_an_earlier_run(index, observed);
        let config = ClientConfig {
            previous,
            ..ClientConfig::default()
        };
        let (client, lease) = Client::start(index, mac, config)?;
        let (mut news, changed) = (lease.clone(), Arc::clone(&self.changed));
        // Ends with the client.
        tokio::spawn(async move {
            while news.changed().await.is_ok() {
                changed.notify_one();
            }
            changed.notify_one();
        });
        self.clients.insert(index, Running { client, mac, lease });
        Ok(())
    }

    /// Asks for all of them again: time has passed that their clients know nothing of.
    pub fn verify(&self) {
        for running in self.clients.values() {
            running.client.set_carrier(false);
            // One that has none is told so by the round that follows.
            running.client.set_carrier(true);
        }
    }

    /// What may be used now.
    pub fn current(&self) -> BTreeMap<InterfaceIndex, Lease> {
        let lease = |running: &Running| running.lease.borrow().clone();
        self.clients
            .iter()
            .filter_map(|(index, it)| Some((*index, lease(it)?)))
            .collect()
    }

    /// Waits until a lease was given, renewed or lost since the last call.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Gives all addresses back to their servers.
    pub async fn release(self) {
        for (_, running) in self.clients {
            running.client.release().await;
        }
    }
}

fn left_by_an_earlier_run(index: InterfaceIndex, observed: &Observed) -> Option<Ipv4Addr> {
    observed
        .addresses
        .iter()
        .filter(|address| address.index == index && address.protocol == Some(numbers::PROTOCOL))
        .find_map(|address| match address.net.addr() {
            IpAddr::V4(ip) => Some(ip),
            IpAddr::V6(_) => None,
        })
}
