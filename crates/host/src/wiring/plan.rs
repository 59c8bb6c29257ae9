//! What is to be done, from what there is. Pure.

use hcs::{Adapter, Endpoint, Network, NewEndpoint, NewNetwork};

use crate::goal::Goal;

use super::record::{Switch, Trace};
use super::{Card, Observed, Step, Vm, switch_name};

/// The steps that lead from what there is to the goal, in the order in which they must be done.
pub fn plan(goal: Goal, observed: &Observed) -> Vec<Step> {
    let mut steps = leftovers(goal, observed);
    match goal {
        Goal::Up => {
            let wanted = || observed.cards.iter().filter(|card| card.wanted);
            for card in wanted() {
                if let (Some(network), Some(vm)) = (observed.switch_of(card), observed.chosen()) {
                    steps.extend(plug_in(observed, card, network, vm));
                }
            }
            // One at a time: each interrupts its card, and the others must carry meanwhile.
            let is_next = |card: &&Card| {
                observed.switch_of(card).is_none() && !observed.on_hold.contains(&card.guid)
            };
            if let Some(card) = wanted().find(is_next) {
                steps.extend(switch(card));
            }
        }
        Goal::Down => {}
        Goal::Gone => steps.extend(remove_switches(observed)),
    }
    steps
}

/// Endpoints of ours that have no use: their card is gone or not wanted, or their VM has ended.
fn leftovers(goal: Goal, observed: &Observed) -> Vec<Step> {
    let ours = observed.endpoints.iter().filter_map(|endpoint| {
        let trace = observed.record.trace_of(endpoint.id)?;
        Some((endpoint, trace))
    });
    let useless = ours.filter(|(endpoint, trace)| {
        let mut cards = observed.cards.iter();
        let wanted = cards.any(|card| card.guid == trace.guid && card.wanted);
        goal != Goal::Up || !wanted || has_lost_its_vm(observed, endpoint)
    });
    useless
        .flat_map(|(endpoint, trace)| unplug(observed, endpoint, &trace.alias))
        .collect()
}

/// Whether an endpoint is plugged into a VM that is no more. One that is plugged in nowhere may just
/// have been made.
fn has_lost_its_vm(observed: &Observed, endpoint: &Endpoint) -> bool {
    endpoint.system.is_some() && observed.vm_of(endpoint).is_none()
}

fn unplug(observed: &Observed, endpoint: &Endpoint, alias: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    if let (Some(vm), Some(trace)) = (
        observed.vm_of(endpoint),
        observed.record.trace_of(endpoint.id),
    ) {
        steps.push(Step::RemoveAdapter {
            alias: alias.to_owned(),
            system: vm.system.clone(),
            adapter: Adapter {
                id: trace.adapter(),
                endpoint: endpoint.id,
                mac: trace.mac,
            },
        });
    }
    steps.push(Step::DeleteEndpoint {
        alias: alias.to_owned(),
        endpoint: endpoint.id,
    });
    steps
}

/// Brings a card into the VM.
fn plug_in(observed: &Observed, card: &Card, network: &Network, vm: &Vm) -> Vec<Step> {
    let mut steps = Vec::new();
    if let Some(endpoint) = observed.endpoint(card.endpoint()) {
        let here = match &endpoint.system {
            Some(id) => vm.is(id),
            // HCN may take a moment to say where it is plugged in.
            None => observed.plugged.contains(&(endpoint.id, vm.system.clone())),
        };
        if here && endpoint.network == Some(network.id) {
            return steps;
        }
        // One of a VM that has ended is deleted already.
        if !has_lost_its_vm(observed, endpoint) {
            steps.extend(unplug(observed, endpoint, &card.alias));
        }
    }
    if observed.record.of(card.guid).is_none() {
        steps.push(Step::Remember(Trace::new(card, Switch::Foreign)));
    }
    let mac = card.mac.locally_administered();
    steps.push(Step::CreateEndpoint {
        alias: card.alias.clone(),
        endpoint: NewEndpoint {
            id: card.endpoint(),
            network: network.id,
            mac,
        },
    });
    steps.push(Step::AddAdapter {
        alias: card.alias.clone(),
        system: vm.system.clone(),
        adapter: Adapter {
            id: card.adapter(),
            endpoint: card.endpoint(),
            mac,
        },
    });
    steps
}

fn switch(card: &Card) -> [Step; 2] {
    let trace = Trace::new(card, Switch::Ours);
    let network = NewNetwork {
        id: trace.network(),
        name: switch_name(card.guid, &card.alias),
        nic: card.alias.clone(),
    };
    let card = card.guid;
    [Step::Remember(trace), Step::CreateSwitch { card, network }]
}

/// Deletes switches of ours that nobody else has put an endpoint on.
fn remove_switches(observed: &Observed) -> Vec<Step> {
    let mut steps = Vec::new();
    for trace in &observed.record.cards {
        let switch = observed.networks.iter().find(|it| trace.made(it));
        if let Some(network) = switch {
            let foreign = |it: &&Endpoint| {
                it.network == Some(network.id) && observed.record.trace_of(it.id).is_none()
            };
            if observed.endpoints.iter().any(|it| foreign(&it)) {
                continue;
            }
            steps.push(Step::DeleteSwitch {
                alias: trace.alias.clone(),
                network: network.id,
            });
        }
        steps.push(Step::Forget {
            alias: trace.alias.clone(),
            card: trace.guid,
        });
    }
    steps
}
