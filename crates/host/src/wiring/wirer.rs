//! Observes, plans and applies until nothing is left to do. Blocks: a switch takes seconds.

use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, Instant};

use hcs::{EndpointId, Hcs, HcsError, NewNetwork, State, SystemId};
use serde::Serialize;
use uuid::Uuid;

use super::{Card, Observed, Step, Vm, plan};
use crate::causes::with_causes;
use crate::goal::Goal;
use crate::store::{Store, StoreError};

/// How often what was done is looked at again. Each switch takes a look of its own.
const MOST_LOOKS: usize = 24;

/// The pause after a switch could not be made: doubled each time.
const FIRST_PAUSE: Duration = Duration::from_secs(60);
const LONGEST_PAUSE: Duration = Duration::from_secs(1800);

/// Makes a switch where HCN does not: Hyper-V's own management, where it is installed.
pub trait OtherWay: fmt::Debug + Send {
    /// Makes it.
    ///
    /// # Errors
    /// What to tell the user, with what they can do.
    fn create_switch(&self, network: &NewNetwork) -> Result<(), String>;
}

/// Brings cards into VMs.
pub struct Wirer {
    hcs: Hcs,
    store: Store,
    other_way: Box<dyn OtherWay>,
    plugged: Vec<(EndpointId, SystemId)>,
    refused: HashMap<Uuid, Refused>,
}

/// A card whose switch could not be made.
#[derive(Clone, Debug)]
struct Refused {
    until: Instant,
    pause: Duration,
    why: String,
}

/// How things are after a round.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// One for each wanted card.
    pub cards: Vec<CardReport>,
    /// What failed and has to do with no card.
    pub problems: Vec<String>,
}

/// How a card is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CardReport {
    /// Its interface GUID.
    pub guid: Uuid,
    /// Its name.
    pub alias: String,
    /// Its switch, if it has one.
    pub switch: Option<String>,
    /// Whether it is in the VM.
    pub plugged_in: bool,
    /// What failed, and what to do.
    pub problem: Option<String>,
}

/// What a step can fail with.
#[derive(Debug, thiserror::Error)]
enum StepError {
    #[error(transparent)]
    Hcs(#[from] HcsError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    Switch(String),
}

impl Wirer {
    /// What was made before is in the store.
    pub fn new(hcs: Hcs, store: Store, other_way: Box<dyn OtherWay>) -> Self {
        Self {
            hcs,
            store,
            other_way,
            plugged: Vec::new(),
            refused: HashMap::new(),
        }
    }

    /// Switches that could not be made are tried again at once.
    pub fn forgive(&mut self) {
        self.refused.clear();
    }

    /// The VMs of WSL that run.
    ///
    /// # Errors
    /// When Windows can't tell.
    pub fn vms(&self) -> Result<Vec<Vm>, HcsError> {
        let systems = self.hcs.systems()?.into_iter();
        let running = systems.filter(|system| system.state == State::Running);
        let vm = running.map(|system| Vm {
            system: system.id,
            runtime: system.runtime_id,
        });
        Ok(vm.collect())
    }

    /// Does all that can be done now. `chosen` is the VM that the edge runs in.
    pub fn round(&mut self, goal: Goal, cards: &[Card], chosen: Option<&SystemId>) -> Report {
        let mut failed: HashMap<String, String> = HashMap::new();
        for _ in 0..MOST_LOOKS {
            let observed = match self.observe(cards, chosen) {
                Ok(observed) => observed,
                Err(error) => return Report::problem(with_causes(&error)),
            };
            let mut steps = plan(goal, &observed);
            // The rest of what a card needs has to wait for what failed.
            steps.retain(|step| !failed.contains_key(step.alias()));
            if steps.is_empty() {
                return self.report(&observed, failed);
            }
            for step in steps {
                if failed.contains_key(step.alias()) {
                    continue;
                }
                tracing::info!("{step}");
                if let Err(error) = self.apply(&step) {
                    let error = with_causes(&error);
                    tracing::warn!("{step}: {error}");
                    failed.insert(step.alias().to_owned(), error);
                }
            }
        }
        Report::problem("the switches do not come to rest; somebody else changes them, too".into())
    }

    fn observe(&self, cards: &[Card], chosen: Option<&SystemId>) -> Result<Observed, StepError> {
        let now = Instant::now();
        let refused = self.refused.iter();
        let on_hold = refused.filter(|(_, refused)| refused.until > now);
        Ok(Observed {
            cards: cards.to_vec(),
            networks: self.hcs.networks()?,
            endpoints: self.hcs.endpoints()?,
            vms: self.vms()?,
            chosen: chosen.cloned(),
            record: self.store.wiring()?,
            plugged: self.plugged.clone(),
            on_hold: on_hold.map(|(card, _)| *card).collect(),
        })
    }

    fn apply(&mut self, step: &Step) -> Result<(), StepError> {
        match step {
            Step::Remember(trace) => {
                let mut record = self.store.wiring()?;
                record.cards.retain(|it| it.guid != trace.guid);
                record.cards.push(trace.clone());
                self.store.set_wiring(&record)?;
            }
            Step::CreateSwitch { card, network } => self.create_switch(*card, network)?,
            Step::CreateEndpoint { endpoint, .. } => self.hcs.create_endpoint(endpoint)?,
            Step::AddAdapter {
                system, adapter, ..
            } => {
                self.hcs.add_adapter(system, adapter)?;
                self.plugged.push((adapter.endpoint, system.clone()));
            }
            Step::RemoveAdapter {
                system, adapter, ..
            } => self.hcs.remove_adapter(system, adapter)?,
            Step::DeleteEndpoint { endpoint, .. } => {
                self.plugged.retain(|(id, _)| id != endpoint);
                self.hcs.delete_endpoint(*endpoint)?;
            }
            Step::DeleteSwitch { network, .. } => self.hcs.delete_network(*network)?,
            Step::Forget { card, .. } => {
                let mut record = self.store.wiring()?;
                record.cards.retain(|it| it.guid != *card);
                self.store.set_wiring(&record)?;
            }
        }
        Ok(())
    }

    /// By HCN, which every Windows with WSL has, or else by Hyper-V's management.
    fn create_switch(&mut self, card: Uuid, network: &NewNetwork) -> Result<(), StepError> {
        let Err(first) = self.hcs.create_network(network) else {
            self.refused.remove(&card);
            return Ok(());
        };
        let Err(second) = self.other_way.create_switch(network) else {
            self.refused.remove(&card);
            return Ok(());
        };
        let why = format!("{}; and by Hyper-V: {second}", with_causes(&first));
        let before = self.refused.get(&card);
        let pause = before.map_or(FIRST_PAUSE, |it| (it.pause * 2).min(LONGEST_PAUSE));
        let refused = Refused {
            until: Instant::now() + pause,
            pause,
            why: why.clone(),
        };
        self.refused.insert(card, refused);
        Err(StepError::Switch(why))
    }

    fn report(&self, observed: &Observed, mut failed: HashMap<String, String>) -> Report {
        let wanted = observed.cards.iter().filter(|card| card.wanted);
        let cards = wanted.map(|card| {
            let switch = observed.switch_of(card);
            let endpoint = observed.endpoint(card.endpoint());
            let vm = endpoint.and_then(|endpoint| observed.vm_of(endpoint));
            let remembered = self.refused.get(&card.guid).map(|it| it.why.clone());
            CardReport {
                guid: card.guid,
                alias: card.alias.clone(),
                switch: switch.map(|it| it.name.clone()),
                plugged_in: vm.is_some(),
                problem: failed
                    .remove(&card.alias)
                    .or(remembered.filter(|_| switch.is_none())),
            }
        });
        let cards = cards.collect();
        let others = failed.into_iter();
        Report {
            cards,
            problems: others
                .map(|(alias, error)| format!("{alias}: {error}"))
                .collect(),
        }
    }
}

impl Report {
    fn problem(text: String) -> Self {
        Self {
            cards: Vec::new(),
            problems: vec![text],
        }
    }
}
