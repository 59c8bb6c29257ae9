//! Has the routes into the VM, and what else brings traffic there, be there exactly while they lead somewhere.

use std::net::IpAddr;

use settings::host::{Capture, Settings};
use winnet::{Address, DadState};

use super::{Service, note};
use crate::cards;
use crate::causes::with_causes;
use crate::routing::{self, Observed, Step};
use crate::supervisor::Phase;

impl Service {
    pub(super) fn route(&mut self) {
        let problem = self.try_to_route().err();
        note(&mut self.problems.routes, problem);
        let problem = self.set_names().err();
        note(&mut self.problems.names, problem);
        let problem = self.set_proxies().unwrap_or_else(Some);
        note(&mut self.problems.proxy, problem);
    }

    /// Where Windows' traffic is to go.
    pub(super) fn gateways(&self) -> &[IpAddr] {
        match self.captures_all() {
            true => self.supervisor.gateways(),
            false => &[],
        }
    }

    fn captures_all(&self) -> bool {
        let takes_all = |it: &Settings| it.capture == Capture::All;
        self.config.settings().is_some_and(takes_all)
    }

    /// What can be done is done, whatever else fails.
    fn try_to_route(&self) -> Result<(), String> {
        let observed = Observed {
            links: cards::links(&self.interfaces, &self.addresses),
            routes: self.net.routes().map_err(with_causes)?,
            gateways: self.gateways().to_vec(),
            edge_runs: self.captures_all() && matches!(self.supervisor.phase(), Phase::Running(_)),
        };
        let mut failed = Vec::new();
        for step in routing::plan(&observed) {
            let done = match &step {
                Step::Add(route) => self.net.add_route(route),
                Step::Delete(route) => self.net.delete_route(route),
                Step::AddAddress(address) => self.net.add_address(address),
                Step::DeleteAddress(interface, net) => self.net.delete_address(&Address {
                    interface: *interface,
                    net: *net,
                    dad: DadState::Preferred,
                }),
            };
            match done {
                Ok(()) => tracing::info!("{step}"),
                Err(error) => failed.push(with_causes(&error)),
            }
        }
        match failed.is_empty() {
            true => Ok(()),
            false => Err(failed.join("; ")),
        }
    }
}
