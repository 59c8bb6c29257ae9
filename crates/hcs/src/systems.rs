//! WSL's VMs and their adapters.

use std::time::Duration;

use crate::requests::{OWNED_BY_WSL, RequestType};
use crate::{Adapter, Failure, HResult, Hcs, HcsError, System, SystemId};

/// WSL's own figures (`src/windows/common/WslCoreNetworkEndpointSettings.h:22`).
const PERIOD: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_secs(3);

/// How the guest can tell which network card an adapter stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// By the adapter's id.
    ById,
    /// By its MAC address only, because this Windows gives adapters no id.
    ByMac,
}

impl Hcs {
    /// The VMs of WSL: one for each user who has it running.
    ///
    /// # Errors
    /// When Windows refuses, or gives nonsense.
    pub fn systems(&self) -> Result<Vec<System>, HcsError> {
        let task = "list the VMs of WSL";
        let text = self
            .api
            .enumerate_systems(OWNED_BY_WSL)
            .map_err(HcsError::failed(task))?;
        System::parse_all(&text).map_err(HcsError::unreadable(task))
    }

    /// Plugs an adapter into a running VM. Does nothing if that VM has it.
    ///
    /// Windows refuses for a moment while a VM starts, so it is tried every 100 ms for up to 3 s, as WSL
    /// does.
    ///
    /// # Errors
    /// When the endpoint is not there or belongs to another VM, when the VM has stopped, and when Windows
    /// goes on refusing.
    pub fn add_adapter(&self, system: &SystemId, adapter: &Adapter) -> Result<Seen, HcsError> {
        let task = format!(
            "plug the adapter {} ({}) into WSL's VM {system}",
            adapter.id, adapter.mac
        );
        let deadline = self.clock.now() + PATIENCE;
        let mut seen = Seen::ById;
        loop {
            let request = adapter.request(RequestType::Add, seen == Seen::ById);
            let failure = match self.api.modify_system(system.as_str(), &request) {
                Ok(()) => return Ok(seen),
                Err(failure) => failure,
            };
            match failure.hresult {
                HResult::HCN_ENDPOINT_ALREADY_ATTACHED => {
                    self.check_attached(system, adapter, task)?;
                    return Ok(seen);
                }
                HResult::HCS_INVALID_JSON if seen == Seen::ById => seen = Seen::ByMac,
                hresult if is_final(hresult) || self.clock.now() >= deadline => {
                    return Err(HcsError::failed(task)(failure));
                }
                _ => self.clock.sleep(PERIOD),
            }
        }
    }

    /// An endpoint stays attached to its VM when that is gone, so "attached" alone says little.
    fn check_attached(
        &self,
        system: &SystemId,
        adapter: &Adapter,
        task: String,
    ) -> Result<(), HcsError> {
        let endpoint = self.endpoint(adapter.endpoint)?;
        let Some(owner) = endpoint.and_then(|endpoint| endpoint.system) else {
            return Ok(());
        };
        // HCN may know the VM by its runtime id.
        let runtime_id = |found: &System| Some(SystemId::new(found.runtime_id?.to_string()));
        let is_same =
            |found: System| found.id == *system && runtime_id(&found).as_ref() == Some(&owner);
        if owner == *system || self.systems()?.into_iter().any(is_same) {
            return Ok(());
        }
        Err(HcsError::Elsewhere {
            task,
            system: owner,
        })
    }

    /// Pulls an adapter out of a VM. Does nothing if the VM doesn't have it, or is gone.
    ///
    /// # Errors
    /// When Windows refuses.
    pub fn remove_adapter(&self, system: &SystemId, adapter: &Adapter) -> Result<(), HcsError> {
        let remove = |with_instance| {
            let request = adapter.request(RequestType::Remove, with_instance);
            self.api.modify_system(system.as_str(), &request)
        };
        let refuses_id = |failure: &Failure| failure.hresult == HResult::HCS_INVALID_JSON;
        let result = match remove(true) {
            Err(failure) if refuses_id(&failure) => remove(false),
            result => result,
        };
        match result {
            Err(failure) if is_gone(failure.hresult) => Ok(()),
            result => result.map_err(HcsError::failed(format!(
                "pull the adapter {} out of WSL's VM {system}",
                adapter.id
            ))),
        }
    }
}

/// Whether trying again can't help. WSL takes the first three for that.
fn is_final(hresult: HResult) -> bool {
    matches!(
        hresult,
        HResult::HCN_ENDPOINT_NOT_FOUND
            | HResult::HCN_ENDPOINT_ALREADY_ATTACHED
            | HResult::VM_INVALID_STATE
            | HResult::HCS_INVALID_STATE
            | HResult::HCS_INVALID_JSON
            | HResult::HCS_ACCESS_DENIED
            | HResult::INVALID_ARGUMENT
    ) || is_gone(hresult)
}

/// Whether there is no such VM, or nothing at that place in it.
fn is_gone(hresult: HResult) -> bool {
    matches!(
        hresult,
        HResult::HCS_SYSTEM_NOT_FOUND
            | HResult::HCS_SYSTEM_ALREADY_STOPPED
            | HResult::ELEMENT_NOT_FOUND
    )
}
