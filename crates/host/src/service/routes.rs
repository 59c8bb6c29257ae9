//! Has the routes into the VM be there exactly while they lead somewhere.

use std::net::IpAddr;

use settings::host::{Capture, Settings};

use super::{Service, note};
use crate::cards;
use crate::causes::with_causes;
use crate::routing::{self, Observed, Step};

impl Service {
    pub(super) fn route(&mut self) {
        let problem = self.try_to_route().err();
        note(&mut self.problems.routes, problem);
    }

    /// Where Windows' traffic is to go.
    pub(super) fn gateways(&self) -> &[IpAddr] {
        let takes_all = |it: &Settings| it.capture == Capture::All;
        match self.config.settings().is_some_and(takes_all) {
            true => self.supervisor.gateways(),
            false => &[],
        }
    }

    /// What can be done is done, whatever else fails.
    fn try_to_route(&self) -> Result<(), String> {
        let observed = Observed {
            links: cards::links(&self.interfaces, &self.addresses),
            routes: self.net.routes().map_err(with_causes)?,
            gateways: self.gateways().to_vec(),
        };
        let mut failed = Vec::new();
        for step in routing::plan(&observed) {
            let done = match &step {
                Step::Add(route) => self.net.add_route(route),
                Step::Delete(route) => self.net.delete_route(route),
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
