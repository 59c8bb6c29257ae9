//! What the functions take, read strictly.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use super::failure::{Failure, code};
use crate::protocol::Request;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct Version {
    pub major: u32,
    #[serde(rename = "Minor")]
    pub _minor: u32,
}

/// Of `HcnEnumerate…` and `HcnQuery…`. Filters and flags are not understood.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct NetworkQuery {
    #[serde(rename = "SchemaVersion")]
    pub _schema_version: Option<Version>,
}

/// Of `HcsEnumerateComputeSystems`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct SystemQuery {
    pub owners: Option<Vec<String>>,
}

/// Of `HcnCreateNetwork`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct NetworkSettings {
    pub schema_version: Version,
    pub name: String,
    #[serde(rename = "Type")]
    pub kind: String,
    pub ipams: Vec<Value>,
    #[serde(rename = "Flags")]
    pub _flags: u32,
    pub policies: Vec<Policy>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct Policy {
    #[serde(rename = "Type")]
    pub kind: String,
    pub settings: Value,
}

/// Of a policy `NetAdapterName`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct AdapterName {
    pub network_adapter_name: String,
}

/// Of `HcnCreateEndpoint`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct EndpointSettings {
    pub schema_version: Version,
    pub host_compute_network: String,
    pub policies: Vec<Policy>,
    pub mac_address: String,
}

/// Of `HcsModifyComputeSystem`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct Modification {
    pub resource_path: String,
    pub request_type: RequestType,
    pub settings: AdapterSettings,
}

#[derive(Clone, Copy, Deserialize)]
pub enum RequestType {
    Add,
    Remove,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct AdapterSettings {
    pub endpoint_id: String,
    pub mac_address: String,
    pub instance_id: Option<String>,
}

/// An argument that is text.
pub fn text<'a>(request: &'a Request, name: &str) -> Result<&'a str, Failure> {
    let missing = || Failure::new(code::INVALID_ARGUMENT, format!("{name} is missing"));
    request.arguments[name].as_str().ok_or_else(missing)
}

/// An argument that is a number.
pub fn number(request: &Request, name: &str) -> Result<u64, Failure> {
    let missing = || Failure::new(code::INVALID_HANDLE, format!("{name} is missing"));
    request.arguments[name].as_u64().ok_or_else(missing)
}

/// An argument that is a document, or else this failure.
pub fn document<T: DeserializeOwned>(
    request: &Request,
    name: &str,
    failure: u32,
) -> Result<T, Failure> {
    serde_json::from_str(text(request, name)?).map_err(|error| Failure::new(failure, error))
}

/// A query, which may be left out.
pub fn query<T: DeserializeOwned + Default>(request: &Request, failure: u32) -> Result<T, Failure> {
    match request.arguments["query"].as_str() {
        None | Some("") => Ok(T::default()),
        Some(_) => document(request, "query", failure),
    }
}

/// A GUID without braces.
pub fn guid(text: &str) -> Result<Uuid, Failure> {
    let wrong = || Failure::new(code::INVALID_ARGUMENT, format!("{text:?} is no GUID"));
    Some(text)
        .filter(|text| text.len() == 36)
        .and_then(|text| text.parse().ok())
        .ok_or_else(wrong)
}

/// A MAC address with dashes.
pub fn mac(text: &str) -> Result<String, Failure> {
    let hex = |part: &str| part.len() == 2 && part.bytes().all(|digit| digit.is_ascii_hexdigit());
    if text.len() == 17 && text.split('-').all(hex) {
        Ok(text.to_uppercase())
    } else {
        let message = format!("{text:?} is no MAC address with dashes");
        Err(Failure::new(code::INVALID_ARGUMENT, message))
    }
}
