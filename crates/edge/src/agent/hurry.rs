//! What can't wait for a whole round.

use mptcp::Endpoint;
use netcfg::InterfaceIndex;

use super::Agent;
use crate::plan::plan;
use crate::step::Step;

impl Agent {
    /// Does what can't wait for a whole round, by what was seen last: takes endpoints away, and changes
    /// whether they are backups. That is what moves running connections to other paths.
    pub(super) async fn hurry(&mut self) {
        let Some(mut observed) = self.seen.take() else {
            return;
        };
        if let Ok(links) = self.hands.netlink.links().await {
            observed.links = links;
        }
        self.follow_health(&mut observed);
        let mut steps = plan(&self.settings, &observed);
        steps.retain(|step| {
            matches!(
                step,
                Step::DeleteEndpoint { .. } | Step::SetEndpointFlags { .. }
            )
        });
        // The kernel takes some 10 ms for each endpoint that it deletes, and none for a flag: what stood by begins
        // meanwhile.
        steps.sort_by_key(|step| matches!(step, Step::DeleteEndpoint { .. }));
        self.apply_all(steps).await;
    }

    /// Closes the subflows of these uplinks. The round that follows opens them anew.
    pub(super) async fn close_subflows(&mut self, interfaces: &[InterfaceIndex]) {
        if interfaces.is_empty() {
            return;
        }
        let Ok(endpoints) = self.hands.path_manager.endpoints().await else {
            // The round says why.
            return;
        };
        let is_theirs = |it: &Endpoint| {
            let interface = it.interface.map(InterfaceIndex);
            interface.is_some_and(|interface| interfaces.contains(&interface))
        };
        let steps = endpoints
            .iter()
            .filter(|it| is_theirs(it))
            .map(Step::delete);
        self.apply_all(steps.collect()).await;
        // For the hub's connections these ways will be new: what was dialled in the silence begins anew.
        self.ways
            .retain(|(interface, _)| !interfaces.contains(interface));
    }
}
