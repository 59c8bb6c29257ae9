//! The documents that Windows is given. Their fields are those of WSL's `src/windows/common/hcs_schema.h`
//! and `src/shared/inc/hns_schema.h`, and of Multipass for a network on a card.

use serde::Serialize;
use serde_json::{Value, json};

use crate::{AdapterId, EndpointId, MacAddress, NetworkId};

/// Of networks and endpoints: all there is about them.
pub(crate) const EVERYTHING: &str = "{}";

/// Of systems: those of WSL (`c_vmOwner`, `src/windows/common/wslutil.h:49`).
pub(crate) const OWNED_BY_WSL: &str = r#"{"Owners":["WSL"]}"#;

/// A virtual switch to be made on a network card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewNetwork {
    /// Its id.
    pub id: NetworkId,
    /// Its name, as the user sees it.
    pub name: String,
    /// The alias of the network card ("Ethernet 2"), as Windows has it now.
    pub nic: String,
}

impl NewNetwork {
    /// With no flags the host keeps an adapter of its own on the switch, and so its addresses.
    pub(crate) fn settings(&self) -> String {
        json!({
            "SchemaVersion": { "Major": 2, "Minor": 2 },
            "Name": self.name,
            "Type": "Transparent",
            "Ipams": [],
            "Flags": 0,
            "Policies": [{
                "Type": "NetAdapterName",
                "Settings": { "NetworkAdapterName": self.nic },
            }],
        })
        .to_string()
    }
}

/// A port to be made on a virtual switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewEndpoint {
    /// Its id.
    pub id: EndpointId,
    /// The switch.
    pub network: NetworkId,
    /// The address of the adapter that will be plugged into it.
    pub mac: MacAddress,
}

impl NewEndpoint {
    pub(crate) fn settings(&self) -> String {
        json!({
            "SchemaVersion": { "Major": 2, "Minor": 16 },
            "HostComputeNetwork": self.network.to_string(),
            "Policies": [],
            "MacAddress": self.mac.to_string(),
        })
        .to_string()
    }
}

/// A VM's network adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adapter {
    /// Its id, which the guest sees.
    pub id: AdapterId,
    /// The port that it is plugged into.
    pub endpoint: EndpointId,
    /// Its address, the same as the endpoint's.
    pub mac: MacAddress,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) enum RequestType {
    Add,
    Remove,
}

impl Adapter {
    /// `InstanceId` needs schema 2.4, which some Windows 10 lack.
    pub(crate) fn request(&self, kind: RequestType, with_instance: bool) -> String {
        let mut settings = json!({
            "EndpointId": self.endpoint.to_string(),
            "MacAddress": self.mac.to_string(),
        });
        if with_instance {
            settings["InstanceId"] = Value::String(self.id.to_string());
        }
        json!({
            "ResourcePath": format!("VirtualMachine/Devices/NetworkAdapters/{}", self.id),
            "RequestType": kind,
            "Settings": settings,
        })
        .to_string()
    }
}
