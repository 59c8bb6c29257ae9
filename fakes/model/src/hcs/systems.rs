//! The functions of `computecore.dll`. Operations are the stand-in's own.

use serde_json::{Value, json};

use super::documents::{
    AdapterSettings, Modification, RequestType, SystemQuery, document, guid, mac, number, query,
    text,
};
use super::failure::{Answer, Failure, code};
use super::{Adapter, Attachment, Change, Handle, Hcs, System};
use crate::protocol::Request;

/// `GENERIC_ALL`.
const ALL_ACCESS: u64 = 0x1000_0000;
const ADAPTERS: &str = "VirtualMachine/Devices/NetworkAdapters/";

impl Hcs {
    pub(super) fn system_call(&mut self, request: &Request) -> Answer {
        match request.call.as_str() {
            "HcsEnumerateComputeSystems" => {
                let query: SystemQuery = query(request, code::HCS_INVALID_JSON)?;
                Ok(Some(self.describe_systems(&query)))
            }
            "HcsOpenComputeSystem" => self.open(request),
            "HcsCloseComputeSystem" => {
                let handle = number(request, "handle")?;
                self.handles.remove(&handle);
                Ok(None)
            }
            "HcsSetComputeSystemCallback" => self.set_callback(request),
            "HcsModifyComputeSystem" => self.modify(request),
            other => Err(Failure::new(code::NOT_IMPLEMENTED, other)),
        }
    }

    fn describe_systems(&self, query: &SystemQuery) -> String {
        let wanted = |system: &&System| {
            let owners = query.owners.as_ref();
            owners.is_none_or(|owners| owners.contains(&system.owner))
        };
        let describe = |system: &System| {
            json!({
                "Id": system.id, "SystemType": "VirtualMachine", "Owner": system.owner,
                "RuntimeId": system.runtime_id, "State": system.state,
            })
        };
        self.write(Value::from_iter(
            self.systems.iter().filter(wanted).map(describe),
        ))
    }

    fn open(&mut self, request: &Request) -> Answer {
        if number(request, "access")? != ALL_ACCESS {
            return Err(Failure::new(code::HCS_ACCESS_DENIED, "Access is denied. "));
        }
        let id = text(request, "id")?;
        if !self.systems.iter().any(|system| system.id == id) {
            return Err(Failure::new(code::HCS_SYSTEM_NOT_FOUND, "No such system. "));
        }
        self.last_handle += 1;
        let handle = Handle {
            system: id.to_owned(),
            has_callback: false,
        };
        self.handles.insert(self.last_handle, handle);
        Ok(Some(self.last_handle.to_string()))
    }

    fn set_callback(&mut self, request: &Request) -> Answer {
        let number = number(request, "handle")?;
        let handle = self.handles.get_mut(&number).ok_or_else(no_handle)?;
        if handle.has_callback {
            return Err(Failure::new(
                code::HCS_CALLBACK_ALREADY_SET,
                "An event callback has already been registered on this handle. ",
            ));
        }
        handle.has_callback = true;
        Ok(None)
    }

    fn modify(&mut self, request: &Request) -> Answer {
        let number = number(request, "handle")?;
        let id = self
            .handles
            .get(&number)
            .ok_or_else(no_handle)?
            .system
            .clone();
        let modification: Modification =
            document(request, "configuration", code::HCS_INVALID_JSON)?;
        let path = modification.resource_path;
        if path
            .strip_prefix(ADAPTERS)
            .is_none_or(|name| name.is_empty() || name.contains('/'))
        {
            return Err(Failure::new(code::HCS_INVALID_JSON, path));
        }
        let adapter = self.read_adapter(&modification.settings)?;
        let running = |system: &System| system.id == id && system.state == "Running";
        let system =
            self.systems.iter().position(running).ok_or_else(|| {
                Failure::new(code::HCS_INVALID_STATE, "The system is not running. ")
            })?;
        match modification.request_type {
            RequestType::Add => self.add_adapter(system, path, adapter),
            RequestType::Remove => self.remove_adapter(system, &path, &adapter),
        }
    }

    fn read_adapter(&self, settings: &AdapterSettings) -> Result<Adapter, Failure> {
        if settings.instance_id.is_some() && !self.takes_instances {
            return Err(Failure::new(code::HCS_INVALID_JSON, "InstanceId"));
        }
        Ok(Adapter {
            endpoint: guid(&settings.endpoint_id)?,
            mac: mac(&settings.mac_address)?,
            instance: settings.instance_id.as_deref().map(guid).transpose()?,
        })
    }

    fn add_adapter(&mut self, system: usize, path: String, adapter: Adapter) -> Answer {
        let system = &mut self.systems[system];
        let endpoint = self.endpoints.get_mut(&adapter.endpoint).ok_or_else(|| {
            Failure::new(code::HCN_ENDPOINT_NOT_FOUND, "The endpoint was not found. ")
        })?;
        if endpoint.system.is_some() {
            return Err(Failure::new(
                code::HCN_ENDPOINT_ALREADY_ATTACHED,
                "This endpoint is already attached to the switch. ",
            ));
        }
        if endpoint.mac != adapter.mac || system.adapters.contains_key(&path) {
            return Err(Failure::new(code::INVALID_ARGUMENT, path));
        }
        endpoint.system = Some(system.id.clone());
        let attachment = Attachment {
            system: system.id.clone(),
            nic: self
                .networks
                .get(&endpoint.network)
                .and_then(|network| network.nic.clone()),
            adapter: adapter.clone(),
        };
        system.adapters.insert(path, adapter);
        (self.hook)(&Change::Added(attachment));
        self.tell_networks(code::ENDPOINT_ATTACHED);
        Ok(None)
    }

    fn remove_adapter(&mut self, system: usize, path: &str, adapter: &Adapter) -> Answer {
        let system = &mut self.systems[system];
        if system.adapters.get(path) != Some(adapter) {
            return Err(Failure::new(code::ELEMENT_NOT_FOUND, "Element not found. "));
        }
        system.adapters.remove(path);
        let mut nic = None;
        if let Some(endpoint) = self.endpoints.get_mut(&adapter.endpoint) {
            endpoint.system = None;
            nic = self
                .networks
                .get(&endpoint.network)
                .and_then(|network| network.nic.clone());
        }
        let attachment = Attachment {
            system: system.id.clone(),
            nic,
            adapter: adapter.clone(),
        };
        (self.hook)(&Change::Removed(attachment));
        self.tell_networks(code::ENDPOINT_DETACHED);
        Ok(None)
    }
}

fn no_handle() -> Failure {
    Failure::new(code::INVALID_HANDLE, "The handle is invalid. ")
}
