//! What was seen on a PC, whole enough to be replayed as a test: `manypath doctor --record`.

use std::sync::Arc;

use hcs::{Hcs, HcsError, State};
use serde::{Deserialize, Serialize};
use settings::host::Settings;
use winnet::Interface;

use crate::cards;
use crate::doctor::Facts;
use crate::wiring::{InVm, Observed, Record, Vm};

#[cfg(test)]
mod tests;

/// The file that `manypath doctor --record` writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recording {
    /// The version of Manypath.
    pub manypath: String,
    /// What the findings come from.
    pub facts: Facts,
    /// What the service has seen; without, why not.
    pub service: Result<ServiceRecording, String>,
}

/// What the service has seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceRecording {
    /// All interfaces of the PC, at the last look.
    pub interfaces: Vec<Interface>,
    /// What was made for which card.
    pub made: Record,
    /// The edge, if one runs.
    pub edge: Option<InVm>,
    /// What Windows was asked, and gave.
    pub windows: hcs::Recording,
}

impl ServiceRecording {
    /// What the service saw of VMs and switches, with all cards as uplinks.
    ///
    /// # Errors
    /// When Windows could not tell then.
    pub fn observed(&self) -> Result<Observed, HcsError> {
        let hcs = Hcs::new(Arc::new(self.windows.clone()));
        let running = hcs.systems()?.into_iter();
        let running = running.filter(|system| system.state == State::Running);
        let vm = |system: hcs::System| Vm {
            system: system.id,
            runtime: system.runtime_id,
        };
        let vms: Vec<Vm> = running.map(vm).collect();
        Ok(Observed {
            cards: cards::cards(&self.interfaces, &Settings::default()),
            networks: hcs.networks()?,
            endpoints: hcs.endpoints()?,
            chosen: self.edge.as_ref().and_then(|it| it.chosen(&vms)),
            vms,
            record: self.made.clone(),
            plugged: Vec::new(),
            on_hold: Vec::new(),
        })
    }
}
