//! Has Windows ask the edge for names while its traffic goes there.
//!
//! The routes alone don't bring it about: most PCs ask a router that is on a card's own network, which the
//! half-defaults leave alone. A server of WSL's link is asked like those of the cards, and before them, as that
//! link is the fastest by Windows' metrics. One that does not answer costs a second, then Windows asks the others.

use std::net::IpAddr;

use settings::edge::DnsMode;
use winnet::InterfaceId;

use super::Service;
use crate::cards;
use crate::causes::with_causes;
use crate::goal::Goal;
use crate::lent::Wanted;

impl Service {
    pub(super) fn set_names(&mut self) -> Result<(), String> {
        let server = self.name_server();
        let rest = match self.goal {
            Goal::Up => Wanted::Paused,
            Goal::Down | Goal::Gone => Wanted::Gone,
        };
        for whose in self.names.known() {
            let is_used = server
                .as_ref()
                .is_some_and(|(id, _)| id.to_string() == whose);
            if !is_used && let Some(interface) = self.interface(&whose) {
                self.set_names_of(interface, &rest)?;
            }
        }
        match server {
            Some((interface, server)) => {
                self.set_names_of(interface, &Wanted::Ours(server.to_string()))
            }
            None => Ok(()),
        }
    }

    /// The edge's server, and the interface that it is on.
    fn name_server(&self) -> Option<(InterfaceId, IpAddr)> {
        let settings = self.config.settings()?;
        let server = self.gateways().iter().find(|it| it.is_ipv4())?;
        let links = cards::links(&self.interfaces, &self.addresses);
        let link = links.iter().find(|link| link.has(server))?;
        let mut interfaces = self.interfaces.iter();
        let interface = interfaces.find(|it| it.luid == link.luid)?;
        (settings.dns.mode != DnsMode::Off).then_some((interface.id, *server))
    }

    /// One that is gone may come back with what is set for it.
    fn interface(&self, id: &str) -> Option<InterfaceId> {
        let mut interfaces = self.interfaces.iter();
        let found = interfaces.find(|it| it.id.to_string() == id)?;
        Some(found.id)
    }

    fn set_names_of(
        &mut self,
        interface: InterfaceId,
        wanted: &Wanted<String>,
    ) -> Result<(), String> {
        let current = self.net.name_servers(interface).map_err(with_causes)?;
        let net = &self.net;
        let set = |servers: &String| {
            tracing::info!("the name servers of interface {interface} are {servers:?}");
            net.set_name_servers(interface, servers)
                .map_err(with_causes)
        };
        let whose = interface.to_string();
        self.names.bring(&whose, wanted, &current, set).map(drop)
    }
}
