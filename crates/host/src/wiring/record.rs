//! What was made, written down before it is made.
//!
//! Endpoints outlive their VM and their card, and a switch may be somebody else's. So after a crash or
//! a card pulled out this is the only thing that says what is ours.

use hcs::{AdapterId, EndpointId, MacAddress, Network, NetworkId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Card, switch_name};

/// All that was made and has not been taken away yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// One for each card, by its GUID.
    pub cards: Vec<Trace>,
}

/// What was made for one card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trace {
    /// The card's interface GUID. The endpoint's id follows from it.
    pub guid: Uuid,
    /// What the card was called then.
    pub alias: String,
    /// The address of its adapter in the VM.
    pub mac: MacAddress,
    /// Its switch, if it is ours: one that was there already stays at uninstall.
    pub switch: Switch,
}

/// Whose the switch is that a card was found on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Switch {
    /// It was there before.
    Foreign,
    /// It was made by us, or it was about to be.
    Ours,
}

impl Record {
    /// What was made for a card.
    pub fn of(&self, guid: Uuid) -> Option<&Trace> {
        self.cards.iter().find(|trace| trace.guid == guid)
    }

    /// The card that an endpoint was made for.
    pub fn trace_of(&self, id: EndpointId) -> Option<&Trace> {
        let mut cards = self.cards.iter();
        cards.find(|trace| EndpointId::for_nic(trace.guid) == id)
    }
}

impl Trace {
    /// What is about to be made for a card.
    pub fn new(card: &Card, switch: Switch) -> Self {
        Self {
            guid: card.guid,
            alias: card.alias.clone(),
            mac: card.mac.locally_administered(),
            switch,
        }
    }

    /// Its adapter in the VM.
    pub fn adapter(&self) -> AdapterId {
        AdapterId(self.guid)
    }

    /// Whether a switch is the one that was made for the card.
    pub fn made(&self, network: &Network) -> bool {
        let by_hyper_v = network.name == switch_name(self.guid, &self.alias);
        self.switch == Switch::Ours && (network.id == self.network() || by_hyper_v)
    }

    /// The id of a switch that we make by HCN. One that Hyper-V made for us has an id of its own.
    pub fn network(&self) -> NetworkId {
        NetworkId::for_nic(self.guid)
    }
}
