//! The calls themselves: JSON in, JSON or an HRESULT out.

use std::error::Error;
use std::fmt;

use uuid::Uuid;

use crate::HResult;

/// What is called. Handles are opened and closed inside, so that none can be left open.
///
/// Ids of systems are text, because the inbox WSL of Windows 10 named them `WSL-` and a GUID.
pub trait Api: Send + Sync {
    /// `HcsEnumerateComputeSystems`: an array of properties.
    fn enumerate_systems(&self, query: &str) -> Result<String, Failure>;
    /// `HcsModifyComputeSystem`.
    fn modify_system(&self, id: &str, configuration: &str) -> Result<(), Failure>;
    /// `HcsSetComputeSystemCallback`, on a handle that is open until the registration is dropped.
    fn watch_system(
        &self,
        id: &str,
        on_event: Box<dyn Fn(SystemEvent) + Send + Sync>,
    ) -> Result<Registration, Failure>;

    /// `HcnEnumerateNetworks`: an array of GUIDs.
    fn enumerate_networks(&self, query: &str) -> Result<String, Failure>;
    /// `HcnQueryNetworkProperties`.
    fn query_network(&self, id: Uuid, query: &str) -> Result<String, Failure>;
    /// `HcnCreateNetwork`.
    fn create_network(&self, id: Uuid, settings: &str) -> Result<(), Failure>;
    /// `HcnDeleteNetwork`.
    fn delete_network(&self, id: Uuid) -> Result<(), Failure>;

    /// `HcnEnumerateEndpoints`: an array of GUIDs.
    fn enumerate_endpoints(&self, query: &str) -> Result<String, Failure>;
    /// `HcnQueryEndpointProperties`.
    fn query_endpoint(&self, id: Uuid, query: &str) -> Result<String, Failure>;
    /// `HcnCreateEndpoint`.
    fn create_endpoint(&self, network: Uuid, id: Uuid, settings: &str) -> Result<(), Failure>;
    /// `HcnDeleteEndpoint`.
    fn delete_endpoint(&self, id: Uuid) -> Result<(), Failure>;

    /// `HcnRegisterServiceCallback`, until the registration is dropped.
    fn watch_networks(
        &self,
        on_event: Box<dyn Fn(NetworkEvent) + Send + Sync>,
    ) -> Result<Registration, Failure>;
}

/// A callback in place. Dropping it ends it, and closes what it hangs on. It must not be dropped inside
/// that callback.
pub type Registration = Box<dyn Send>;

/// A call that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The function.
    pub call: &'static str,
    /// What it gave.
    pub hresult: HResult,
    /// What Windows said besides: the error record of HCN, or the result document of HCS.
    pub record: Option<String>,
}

impl Failure {
    /// The sentence in the record, or all of it if there is none.
    fn message(&self) -> Option<String> {
        let record = self.record.as_deref()?.trim();
        let document: Option<serde_json::Value> = serde_json::from_str(record).ok();
        let field = |key| document.as_ref()?.get(key)?.as_str();
        let message = field("ErrorMessage").or_else(|| field("Error"));
        let message = message.unwrap_or(record).trim().trim_end_matches('.');
        (!message.is_empty()).then(|| message.to_owned())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} gave {}", self.call, self.hresult)?;
        if let Some(meaning) = self.hresult.meaning() {
            write!(f, ", {meaning}")?;
        }
        if let Some(message) = self.message() {
            write!(f, " (Windows says: {message})")?;
        }
        self.hresult
            .advice()
            .map_or(Ok(()), |advice| write!(f, "; {advice}"))
    }
}

impl Error for Failure {}

/// What happens to a VM (`HCS_EVENT_TYPE`, `computedefs.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SystemEvent {
    /// It is gone.
    Exited,
    /// The service that runs VMs is gone. Its VMs mostly are, too.
    ServiceDisconnect,
}

impl SystemEvent {
    /// From Windows' number. Others, such as reports of crashes, don't concern us.
    pub fn from_raw(kind: u32) -> Option<Self> {
        match kind {
            1 => Some(Self::Exited),
            0x0200_0000 => Some(Self::ServiceDisconnect),
            _ => None,
        }
    }
}

/// What happens to networks (`HCN_NOTIFICATIONS`, `computenetwork.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkEvent {
    /// There is one more.
    Created,
    /// There is one less.
    Deleted,
    /// An endpoint was given to a VM. WSL does so when a VM starts.
    EndpointAttached,
    /// An endpoint was taken from a VM.
    EndpointDetached,
    /// The service that keeps networks is gone.
    ServiceDisconnect,
}

impl NetworkEvent {
    /// From Windows' number. Others are of no use to us.
    pub fn from_raw(kind: u32) -> Option<Self> {
        match kind {
            2 => Some(Self::Created),
            4 => Some(Self::Deleted),
            9 => Some(Self::EndpointAttached),
            16 => Some(Self::EndpointDetached),
            0x0100_0000 => Some(Self::ServiceDisconnect),
            _ => None,
        }
    }
}
