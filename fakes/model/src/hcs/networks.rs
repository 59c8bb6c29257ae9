//! The functions of `computenetwork.dll`.

use serde_json::{Value, json};
use uuid::Uuid;

use super::documents::{
    AdapterName, EndpointSettings, NetworkQuery, NetworkSettings, Policy, document, guid, mac,
    query, text,
};
use super::failure::{Answer, Failure, code};
use super::{Endpoint, Hcs, Network};
use crate::protocol::Request;

impl Hcs {
    pub(super) fn network_call(&mut self, request: &Request) -> Answer {
        let id = || text(request, "id").and_then(guid);
        match request.call.as_str() {
            "HcnEnumerateNetworks" => {
                query::<NetworkQuery>(request, code::HCN_INVALID_JSON)?;
                Ok(Some(ids(self.networks.keys())))
            }
            "HcnEnumerateEndpoints" => {
                query::<NetworkQuery>(request, code::HCN_INVALID_JSON)?;
                Ok(Some(ids(self.endpoints.keys())))
            }
            "HcnOpenNetwork" => self.network(id()?).map(|_| None),
            "HcnOpenEndpoint" => self.endpoint(id()?).map(|_| None),
            "HcnQueryNetworkProperties" => {
                query::<NetworkQuery>(request, code::HCN_INVALID_JSON)?;
                self.describe_network(id()?)
            }
            "HcnQueryEndpointProperties" => {
                query::<NetworkQuery>(request, code::HCN_INVALID_JSON)?;
                self.describe_endpoint(id()?)
            }
            "HcnCreateNetwork" => self.create_network(id()?, request),
            "HcnCreateEndpoint" => self.create_endpoint(id()?, request),
            "HcnDeleteNetwork" => self.delete_network(id()?),
            "HcnDeleteEndpoint" => self.delete_endpoint(id()?),
            other => Err(Failure::new(code::NOT_IMPLEMENTED, other)),
        }
    }

    fn network(&self, id: Uuid) -> Result<&Network, Failure> {
        let missing = || Failure::new(code::HCN_NETWORK_NOT_FOUND, "The network was not found. ");
        self.networks.get(&id).ok_or_else(missing)
    }

    fn endpoint(&self, id: Uuid) -> Result<&Endpoint, Failure> {
        let missing = || Failure::new(code::HCN_ENDPOINT_NOT_FOUND, "The endpoint was not found. ");
        self.endpoints.get(&id).ok_or_else(missing)
    }

    fn describe_network(&self, id: Uuid) -> Answer {
        let network = self.network(id)?;
        let mut properties = json!({
            "ID": spell(id), "Name": network.name, "Type": network.kind, "Policies": [],
        });
        if let Some(nic) = &network.nic {
            properties["NetworkAdapterName"] = json!(nic);
        }
        Ok(Some(self.write(properties)))
    }

    fn describe_endpoint(&self, id: Uuid) -> Answer {
        let endpoint = self.endpoint(id)?;
        let mut properties = json!({
            "ID": spell(id), "Name": "", "MacAddress": endpoint.mac,
            "VirtualNetwork": spell(endpoint.network),
        });
        if let Some(system) = &endpoint.system {
            properties["VirtualMachine"] = json!(system);
        }
        Ok(Some(self.write(properties)))
    }

    fn create_network(&mut self, id: Uuid, request: &Request) -> Answer {
        let settings: NetworkSettings = document(request, "settings", code::HCN_INVALID_JSON)?;
        if settings.kind != "Transparent" || !settings.ipams.is_empty() {
            return Err(Failure::new(code::HCN_INVALID_NETWORK_TYPE, settings.kind));
        }
        if settings.schema_version.major != 2 {
            return Err(Failure::new(code::HCN_INVALID_JSON, "SchemaVersion"));
        }
        let nic = adapter_name(settings.policies)?;
        let has_name = |network: &Network| network.name == settings.name;
        if self.networks.contains_key(&id) || self.networks.values().any(has_name) {
            return Err(Failure::new(
                code::HCN_NETWORK_ALREADY_EXISTS,
                "A network with this name already exists. ",
            ));
        }
        let taken = |network: &Network| network.nic.as_deref() == Some(&nic);
        // What Windows says of a card that a switch has already, too (microsoft/SDN#300).
        if !self.nics.contains(&nic) || self.networks.values().any(taken) {
            return Err(Failure::new(
                code::HCN_ADAPTER_NOT_FOUND,
                "An adapter was not found. ",
            ));
        }
        let network = Network {
            name: settings.name,
            kind: settings.kind,
            nic: Some(nic),
        };
        self.networks.insert(id, network);
        self.tell_networks(code::NETWORK_CREATED);
        Ok(None)
    }

    fn create_endpoint(&mut self, id: Uuid, request: &Request) -> Answer {
        let network = guid(text(request, "network")?)?;
        self.network(network)?;
        let settings: EndpointSettings = document(request, "settings", code::HCN_INVALID_JSON)?;
        if settings.schema_version.major != 2 || !settings.policies.is_empty() {
            return Err(Failure::new(
                code::HCN_INVALID_JSON,
                "SchemaVersion, Policies",
            ));
        }
        if guid(&settings.host_compute_network)? != network {
            return Err(Failure::new(code::INVALID_ARGUMENT, "HostComputeNetwork"));
        }
        let mac = mac(&settings.mac_address)?;
        if self.endpoints.contains_key(&id) {
            return Err(Failure::new(
                code::HCN_PORT_ALREADY_EXISTS,
                "The specified port already exists. ",
            ));
        }
        let endpoint = Endpoint {
            network,
            mac,
            system: None,
        };
        self.endpoints.insert(id, endpoint);
        Ok(None)
    }

    fn delete_network(&mut self, id: Uuid) -> Answer {
        self.network(id)?;
        // Windows may as well never return (WSLAttachSwitch#10).
        if self
            .endpoints
            .values()
            .any(|endpoint| endpoint.network == id)
        {
            return Err(Failure::new(
                code::HCN_ENTITY_HAS_REFERENCES,
                "The network has endpoints. ",
            ));
        }
        self.networks.remove(&id);
        self.tell_networks(code::NETWORK_DELETED);
        Ok(None)
    }

    fn delete_endpoint(&mut self, id: Uuid) -> Answer {
        self.endpoint(id)?;
        self.endpoints.remove(&id);
        Ok(None)
    }
}

fn adapter_name(policies: Vec<Policy>) -> Result<String, Failure> {
    let wrong = |message: String| Failure::new(code::HCN_INVALID_POLICY, message);
    let [policy] = <[Policy; 1]>::try_from(policies)
        .map_err(|policies| wrong(format!("{} policies", policies.len())))?;
    if policy.kind != "NetAdapterName" {
        return Err(wrong(policy.kind));
    }
    serde_json::from_value(policy.settings)
        .map(|settings: AdapterName| settings.network_adapter_name)
        .map_err(|error| wrong(error.to_string()))
}

fn ids<'a>(ids: impl Iterator<Item = &'a Uuid>) -> String {
    Value::from_iter(ids.map(|id| spell(*id))).to_string()
}

/// As Windows writes GUIDs.
fn spell(id: Uuid) -> String {
    id.hyphenated().to_string().to_uppercase()
}
