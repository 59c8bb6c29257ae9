//! One round: observe, plan, apply, report.

use std::collections::BTreeSet;
use std::time::SystemTime;

use netcfg::{Family, InterfaceIndex};
use relay::with_causes;

use super::Agent;
use super::flows::Flows;
use crate::apply::ApplyError;
use crate::error::EdgeError;
use crate::numbers;
use crate::observe::{ObserveError, observe};
use crate::observed::Observed;
use crate::plan::{notes, plan};
use crate::ready::ready;
use crate::status::NetworkStatus;
use crate::step::Step;
use crate::uplink::{Uplink, Way, uplinks};

impl Agent {
    /// Observe, plan, apply. Returns the steps that failed.
    pub(super) async fn round(&mut self) -> Result<Vec<(Step, ApplyError)>, EdgeError> {
        let observed = self.observe().await?;
        self.health.goes_by_uses();
        for error in self
            .leases
            .follow(&uplinks(&self.settings, &observed), &observed)
        {
            tracing::warn!("no DHCP: {}", with_causes(&error));
        }
        let steps = plan(&self.settings, &observed);
        let failed = self.apply_all(steps).await;
        if failed.is_empty() {
            self.set_up.clear();
        }
        self.set_up
            .extend(interfaces(&uplinks(&self.settings, &observed)));
        let problems = failed
            .iter()
            .map(|(step, error)| problem(step, error))
            .collect();
        self.report(problems).await?;
        Ok(failed)
    }

    async fn report(&mut self, problems: Vec<String>) -> Result<(), EdgeError> {
        let observed = self.observe().await?;
        let problems = [problems, notes(&self.settings, &observed)].concat();
        let verdicts = self.health.verdicts();
        self.network.send_replace(NetworkStatus::new(
            &self.settings,
            &observed,
            &verdicts,
            problems,
        ));
        let uplinks = uplinks(&self.settings, &observed);
        self.rules.follow(&uplinks, &verdicts);
        let ways = usable_ways(&uplinks, &observed);
        self.names.follow(&self.settings, &uplinks, &observed);
        self.udp.follow(&self.settings, &uplinks, &verdicts);
        self.flows.follow(Flows::addresses(&uplinks, &verdicts));
        let ready = ready(&self.settings, &observed, &ways);
        self.ready
            .send_if_modified(|it| std::mem::replace(it, ready.clone()) != ready);
        self.seen = Some(observed);
        if std::mem::replace(&mut self.ways, ways) != self.ways
            && let Some(hub) = self.server.hub()
        {
            hub.uplinks_changed();
        }
        // Second, so that what is dialled for it counts as new.
        let any_up = !self.ways.is_empty();
        self.up
            .send_if_modified(|up| std::mem::replace(up, any_up) != any_up);
        Ok(())
    }

    pub(super) async fn settled(&mut self) -> Result<bool, EdgeError> {
        let observed = self.observe().await?;
        Ok(plan(&self.settings, &observed).is_empty())
    }

    pub(super) async fn observe(&mut self) -> Result<Observed, ObserveError> {
        let mut observed = observe(
            &self.settings,
            &self.hands.netlink,
            &self.hands.path_manager,
            self.leases.current(),
            self.intercept_port,
        )
        .await?;
        self.unplugged.borrow_and_update().mark(&mut observed.links);
        let uplinks: BTreeSet<_> = interfaces(&uplinks(&self.settings, &observed)).collect();
        observed.former = self.set_up.difference(&uplinks).copied().collect();
        self.count(&mut observed);
        observed.udp_port = self.udp.port();
        self.follow_health(&mut observed);
        Ok(observed)
    }

    /// Counts what the uplinks have carried.
    fn count(&mut self, observed: &mut Observed) {
        let now = SystemTime::now();
        for uplink in uplinks(&self.settings, observed) {
            if let Some(bytes) = uplink.link.bytes {
                let cap = uplink.rule.cap.as_ref();
                self.allowance.note(&uplink.name, bytes, cap, now);
            }
        }
        observed.carried = self.allowance.all();
        if let Err(error) = self.allowance.save_if_needed(now) {
            let file = self.settings.usage.display();
            tracing::warn!("cannot write what uplinks have carried to {file}: {error}");
        }
    }

    pub(super) fn follow_health(&mut self, observed: &mut Observed) {
        let uplinks = uplinks(&self.settings, observed);
        self.health.follow(&uplinks, observed);
        observed.uses = self.health.uses();
        observed.portals = self.health.portals();
    }

    pub(super) async fn apply_all(&mut self, steps: Vec<Step>) -> Vec<(Step, ApplyError)> {
        let mut failed = Vec::new();
        for step in steps {
            match self.hands.apply(&step).await {
                Ok(()) => tracing::info!("{step}"),
                Err(error) => {
                    tracing::warn!("{}", problem(&step, &error));
                    failed.push((step, error));
                }
            }
        }
        failed
    }
}

fn interfaces(uplinks: &[Uplink<'_>]) -> impl Iterator<Item = InterfaceIndex> {
    uplinks.iter().map(|uplink| uplink.link.index)
}

/// The addresses that connections can leave from now, each with its interface: those whose way out is in
/// place. A lease that has come since the round began gets its own in the next one.
fn usable_ways(uplinks: &[Uplink<'_>], observed: &Observed) -> Vec<(InterfaceIndex, Way)> {
    let leads_out = |interface, way: &Way| {
        observed.routes.iter().any(|route| {
            route.table == numbers::UPLINKS
                && route.interface == Some(interface)
                && Family::of(route.destination.addr()) == Family::of(way.address.addr())
        })
    };
    let used = uplinks.iter().filter(|uplink| uplink.is_used());
    let ways = used.flat_map(|uplink| {
        let index = uplink.link.index;
        let ways = uplink.ways.iter().filter(move |way| leads_out(index, way));
        ways.map(move |way| (index, way.clone()))
    });
    ways.collect()
}

pub(super) fn problem(step: &Step, error: &ApplyError) -> String {
    format!("cannot {}: {}", step.title(), with_causes(error))
}
