//! The documents that Windows gives.
//!
//! Keys are looked up in any case, because on some PCs they come in capitals (WSLAttachSwitch,
//! `JsonElementHelper.cs`). GUIDs come with and without braces. Of a network or an endpoint that
//! somebody else has made, anything may be missing or odd, and must not keep us from reading our own.

use serde_json::Value;
use thiserror::Error;
use uuid::Uuid;

use crate::{EndpointId, MacAddress, NetworkId, SystemId};

/// A document that is something else than what was asked for.
#[derive(Debug, Error)]
pub enum DocumentError {
    /// It is no JSON.
    #[error("no JSON")]
    Syntax(#[source] serde_json::Error),
    /// It is JSON, but not this.
    #[error("it should be {0}")]
    Kind(&'static str),
}

/// A virtual switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Its id.
    pub id: NetworkId,
    /// Its name; empty where Windows gives none.
    pub name: String,
    /// `Transparent`, `ICS`, `NAT`, …; empty where Windows gives none.
    pub kind: String,
    /// The alias of the network card that it owns, if any.
    pub nic: Option<String>,
}

impl Network {
    /// From `HcnQueryNetworkProperties`.
    ///
    /// # Errors
    /// When the text is no object.
    pub fn parse(id: NetworkId, text: &str) -> Result<Self, DocumentError> {
        let network = read_object(text)?;
        let name_in = |object| text_of(object, "NetworkAdapterName");
        let of_policy = |policy| name_in(property(policy, "Settings")?);
        let policies = || {
            property(&network, "Policies")?
                .as_array()?
                .iter()
                .find_map(of_policy)
        };
        // The older form of the document has it as a property, the newer one as a policy.
        let nic = name_in(&network).or_else(policies);
        Ok(Self {
            id,
            name: text_of(&network, "Name").unwrap_or_default().to_owned(),
            kind: text_of(&network, "Type").unwrap_or_default().to_owned(),
            nic: nic.map(str::to_owned),
        })
    }
}

/// A port of a virtual switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its id.
    pub id: EndpointId,
    /// The switch, if that can be told.
    pub network: Option<NetworkId>,
    /// The address of the adapter that may be plugged into it, if that can be told.
    pub mac: Option<MacAddress>,
    /// The VM that it was given to. It may be gone by now.
    pub system: Option<SystemId>,
}

impl Endpoint {
    /// From `HcnQueryEndpointProperties`.
    ///
    /// # Errors
    /// When the text is no object.
    pub fn parse(id: EndpointId, text: &str) -> Result<Self, DocumentError> {
        let endpoint = read_object(text)?;
        let field = |key| text_of(&endpoint, key);
        let network = field("VirtualNetwork").or_else(|| field("HostComputeNetwork"));
        Ok(Self {
            id,
            network: network.and_then(|id| id.parse().ok()),
            mac: field("MacAddress").and_then(|mac| mac.parse().ok()),
            system: field("VirtualMachine").map(SystemId::new),
        })
    }
}

/// A VM of WSL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct System {
    /// What it is opened by.
    pub id: SystemId,
    /// What sockets of the family `AF_HYPERV` reach it by.
    pub runtime_id: Option<Uuid>,
    /// Whether it runs.
    pub state: State,
}

/// What a VM does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It runs.
    Running,
    /// It does something else: `Created`, `Paused`, `Stopped`, …
    Other(String),
}

impl System {
    /// From `HcsEnumerateComputeSystems`: those that WSL owns.
    ///
    /// # Errors
    /// When the text is no array of objects with an id each.
    pub fn parse_all(text: &str) -> Result<Vec<Self>, DocumentError> {
        let document = read(text)?;
        // That is what the query asked for.
        let is_ours = |system: &&Value| text_of(system, "Owner").is_none_or(|owner| owner == "WSL");
        list(&document)?
            .iter()
            .filter(is_ours)
            .map(Self::read)
            .collect()
    }

    fn read(system: &Value) -> Result<Self, DocumentError> {
        let id = text_of(system, "Id").ok_or(DocumentError::Kind("systems with an Id"))?;
        Ok(Self {
            id: SystemId::new(id),
            runtime_id: text_of(system, "RuntimeId").and_then(|id| Uuid::try_parse(id).ok()),
            state: match text_of(system, "State").unwrap_or_default() {
                "Running" => State::Running,
                other => State::Other(other.to_owned()),
            },
        })
    }
}

/// The GUIDs of an enumeration.
pub(crate) fn parse_ids(text: &str) -> Result<Vec<Uuid>, DocumentError> {
    let guid = |value: &Value| Uuid::try_parse(value.as_str()?).ok();
    let document = read(text)?;
    list(&document)?
        .iter()
        .map(|value| guid(value).ok_or(DocumentError::Kind("an array of GUIDs")))
        .collect()
}

/// Where there is nothing to be told, there may be no document at all.
fn read(text: &str) -> Result<Value, DocumentError> {
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(text).map_err(DocumentError::Syntax)
}

fn list(document: &Value) -> Result<&[Value], DocumentError> {
    match document {
        Value::Null => Ok(&[]),
        Value::Array(list) => Ok(list),
        _ => Err(DocumentError::Kind("an array")),
    }
}

fn read_object(text: &str) -> Result<Value, DocumentError> {
    let document = read(text)?;
    let is_object = document.is_object();
    is_object
        .then_some(document)
        .ok_or(DocumentError::Kind("an object"))
}

/// A property by its name, in any case.
fn property<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    let found = |(key, _): &(&String, &Value)| key.eq_ignore_ascii_case(name);
    object
        .as_object()?
        .iter()
        .find(found)
        .map(|(_, value)| value)
}

/// A property that is text and not empty.
fn text_of<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    property(object, name)?
        .as_str()
        .filter(|text| !text.is_empty())
}

#[cfg(test)]
#[path = "properties_tests.rs"]
mod tests;
