//! What can't wait for a whole round.

use std::collections::BTreeSet;

use mptcp::Endpoint;
use netcfg::InterfaceIndex;

use super::Agent;
use super::flows::{Flows, works};
use crate::numbers;
use crate::plan::plan;
use crate::step::Step;
use crate::uplink::uplinks;

impl Agent {
    /// Does what can't wait for a whole round, by what was seen last: takes endpoints away, changes whether they are
    /// backups, and leads what begins, and what is forwarded, away from what is dead. That is what moves running
    /// connections and flows to other paths.
    pub(super) async fn hurry(&mut self) {
        let Some(mut observed) = self.seen.take() else {
            return;
        };
        if let Ok(links) = self.hands.netlink.links().await {
            observed.links = links;
            self.unplugged.borrow().mark(&mut observed.links);
        }
        self.follow_health(&mut observed);
        // Datagrams move to another uplink before anything else does: nobody sends them again.
        let verdicts = self.health.verdicts();
        let uplinks = uplinks(&self.settings, &observed);
        self.udp.follow(&self.settings, &uplinks, &verdicts);
        let addresses = Flows::addresses(&uplinks, &verdicts);
        let working = uplinks.iter().filter(|uplink| works(uplink, &verdicts));
        let working: BTreeSet<_> = working.map(|uplink| uplink.link.index).collect();
        let mut steps = plan(&self.settings, &observed);
        steps.retain(|step| match step {
            Step::DeleteEndpoint { .. } | Step::SetEndpointFlags { .. } => true,
            // Not one whose metric alone changes: the round puts another in its place.
            Step::DeleteRoute(route) => {
                let works = route.interface.is_some_and(|link| working.contains(&link));
                route.table == numbers::UPLINKS && !works
            }
            _ => false,
        });
        // The kernel takes some 10 ms for each endpoint that it deletes, and none for a flag or a route: what stood by
        // begins meanwhile.
        let (slow, quick): (Vec<_>, Vec<_>) = steps
            .into_iter()
            .partition(|step| matches!(step, Step::DeleteEndpoint { .. }));
        self.apply_all(quick).await;
        self.flows.follow(addresses);
        self.apply_all(slow).await;
    }

    /// Closes the subflows of these uplinks. The round that follows opens them anew.
    pub(super) async fn close_subflows(&mut self, interfaces: &[InterfaceIndex]) {
        let endpoints = self.endpoints_of(interfaces).await;
        self.apply_all(endpoints.iter().map(Step::delete).collect())
            .await;
        // For the hub's connections these ways will be new: what was dialled in the silence begins anew.
        self.ways
            .retain(|(interface, _)| !interfaces.contains(interface));
    }

    /// Opens subflows of these uplinks in all running connections, anew where there is one.
    pub(super) async fn reopen_subflows(&mut self, interfaces: &[InterfaceIndex]) {
        let reopen = |endpoint: &Endpoint| Step::ReopenSubflows {
            id: endpoint.id,
            address: endpoint.address,
            flags: endpoint.flags,
        };
        let endpoints = self.endpoints_of(interfaces).await;
        self.apply_all(endpoints.iter().map(reopen).collect()).await;
    }

    async fn endpoints_of(&self, interfaces: &[InterfaceIndex]) -> Vec<Endpoint> {
        if interfaces.is_empty() {
            return Vec::new();
        }
        // When it fails, the round says why.
        let mut endpoints = self
            .hands
            .path_manager
            .endpoints()
            .await
            .unwrap_or_default();
        endpoints.retain(|it| {
            let interface = it.interface.map(InterfaceIndex);
            interface.is_some_and(|interface| interfaces.contains(&interface))
        });
        endpoints
    }
}
