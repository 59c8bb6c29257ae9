//! One thing to do, safe to repeat.

use std::fmt;

use hcs::{Adapter, EndpointId, NewEndpoint, NewNetwork, SystemId};
use uuid::Uuid;

use super::record::Trace;

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Write down what is made next.
    Remember(Trace),
    /// Give a card a switch. Interrupts the card for some seconds.
    CreateSwitch {
        /// The card.
        card: Uuid,
        /// What is made.
        network: NewNetwork,
    },
    /// Make a card's endpoint on its switch.
    CreateEndpoint {
        /// The card's name.
        alias: String,
        /// What is made.
        endpoint: NewEndpoint,
    },
    /// Plug an endpoint into a VM.
    AddAdapter {
        /// The card's name.
        alias: String,
        /// The VM.
        system: SystemId,
        /// What is plugged in.
        adapter: Adapter,
    },
    /// Unplug an endpoint from a VM.
    RemoveAdapter {
        /// The card's name.
        alias: String,
        /// The VM.
        system: SystemId,
        /// What is unplugged.
        adapter: Adapter,
    },
    /// Delete an endpoint that is plugged in nowhere.
    DeleteEndpoint {
        /// The card's name.
        alias: String,
        /// Which.
        endpoint: EndpointId,
    },
    /// Delete a switch of ours. Interrupts the card for some seconds.
    DeleteSwitch {
        /// The card's name.
        alias: String,
        /// Which.
        network: hcs::NetworkId,
    },
    /// Nothing of a card is left.
    Forget {
        /// The card's name.
        alias: String,
        /// Which.
        card: Uuid,
    },
}

impl Step {
    /// The card that it is about.
    pub fn alias(&self) -> &str {
        match self {
            Self::Remember(trace) => &trace.alias,
            Self::CreateSwitch { network, .. } => &network.nic,
            Self::CreateEndpoint { alias, .. }
            | Self::AddAdapter { alias, .. }
            | Self::RemoveAdapter { alias, .. }
            | Self::DeleteEndpoint { alias, .. }
            | Self::DeleteSwitch { alias, .. }
            | Self::Forget { alias, .. } => alias,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let alias = self.alias();
        match self {
            Self::Remember(_) => write!(f, "{alias}: write down what is made"),
            Self::CreateSwitch { network, .. } => {
                write!(f, "{alias}: make the switch {:?}", network.name)
            }
            Self::CreateEndpoint { .. } => write!(f, "{alias}: make its endpoint"),
            Self::AddAdapter { system, .. } => write!(f, "{alias}: plug it into VM {system}"),
            Self::RemoveAdapter { system, .. } => write!(f, "{alias}: unplug it from VM {system}"),
            Self::DeleteEndpoint { .. } => write!(f, "{alias}: delete its endpoint"),
            Self::DeleteSwitch { .. } => write!(f, "{alias}: delete its switch"),
            Self::Forget { .. } => write!(f, "{alias}: nothing of it is left"),
        }
    }
}
