//! Virtual switches and their ports.

use crate::properties::parse_ids;
use crate::requests::EVERYTHING;
use crate::{
    Endpoint, EndpointId, Failure, HResult, Hcs, HcsError, Network, NetworkId, NewEndpoint,
    NewNetwork,
};

/// Switches.
impl Hcs {
    /// All switches, whoever made them.
    ///
    /// # Errors
    /// When Windows refuses, or gives nonsense.
    pub fn networks(&self) -> Result<Vec<Network>, HcsError> {
        let task = "list the virtual switches";
        let ids = self
            .api
            .enumerate_networks(EVERYTHING)
            .map_err(HcsError::failed(task))?;
        let mut networks = Vec::new();
        for id in parse_ids(&ids).map_err(HcsError::unreadable(task))? {
            networks.extend(self.network(NetworkId(id))?);
        }
        Ok(networks)
    }

    /// A switch, if it is there.
    fn network(&self, id: NetworkId) -> Result<Option<Network>, HcsError> {
        let task = format!("read the virtual switch {id}");
        let properties = unless(
            HResult::HCN_NETWORK_NOT_FOUND,
            self.api.query_network(id.0, EVERYTHING),
        );
        properties
            .map_err(HcsError::failed(&task))?
            .map(|text| Network::parse(id, &text).map_err(HcsError::unreadable(task)))
            .transpose()
    }

    /// Makes a switch on a network card, which is out of action for some seconds meanwhile. Does nothing
    /// if it is there.
    ///
    /// # Errors
    /// When Windows refuses. 0x803B0006 says that the card is not there, or that another switch has it;
    /// many Wi-Fi cards can't have one.
    pub fn create_network(&self, network: &NewNetwork) -> Result<(), HcsError> {
        let NewNetwork { id, name, nic } = network;
        let task = format!("make the virtual switch {name:?} ({id}) on the network card {nic:?}");
        match self.api.create_network(id.0, &network.settings()) {
            // By its name, maybe: then there is one that has another id.
            Err(failure)
                if failure.hresult == HResult::HCN_NETWORK_ALREADY_EXISTS
                    && self.network(*id)?.is_some() =>
            {
                Ok(())
            }
            result => result.map_err(HcsError::failed(task)),
        }
    }

    /// Deletes a switch, if it is there.
    ///
    /// # Errors
    /// When it still has endpoints, of whatever VM: Windows would hang then (WSLAttachSwitch#10). When
    /// Windows refuses.
    pub fn delete_network(&self, id: NetworkId) -> Result<(), HcsError> {
        let task = format!("delete the virtual switch {id}");
        let on_it = |endpoint: &Endpoint| endpoint.network == Some(id);
        let endpoints = self.endpoints()?.into_iter().filter(on_it);
        let endpoints: Vec<_> = endpoints.map(|endpoint| endpoint.id).collect();
        if !endpoints.is_empty() {
            return Err(HcsError::InUse { task, endpoints });
        }
        unless(
            HResult::HCN_NETWORK_NOT_FOUND,
            self.api.delete_network(id.0),
        )
        .map(drop)
        .map_err(HcsError::failed(task))
    }
}

/// Ports.
impl Hcs {
    /// All ports of all switches, whoever made them.
    ///
    /// # Errors
    /// When Windows refuses, or gives nonsense.
    pub fn endpoints(&self) -> Result<Vec<Endpoint>, HcsError> {
        let task = "list the endpoints of the virtual switches";
        let ids = self
            .api
            .enumerate_endpoints(EVERYTHING)
            .map_err(HcsError::failed(task))?;
        let mut endpoints = Vec::new();
        for id in parse_ids(&ids).map_err(HcsError::unreadable(task))? {
            endpoints.extend(self.endpoint(EndpointId(id))?);
        }
        Ok(endpoints)
    }

    /// A port, if it is there.
    pub(crate) fn endpoint(&self, id: EndpointId) -> Result<Option<Endpoint>, HcsError> {
        let task = format!("read the endpoint {id}");
        let properties = unless(
            HResult::HCN_ENDPOINT_NOT_FOUND,
            self.api.query_endpoint(id.0, EVERYTHING),
        );
        properties
            .map_err(HcsError::failed(&task))?
            .map(|text| Endpoint::parse(id, &text).map_err(HcsError::unreadable(task)))
            .transpose()
    }

    /// Makes a port. Does nothing if there is one with this id, switch and address.
    ///
    /// # Errors
    /// When the switch isn't there, or Windows refuses.
    pub fn create_endpoint(&self, endpoint: &NewEndpoint) -> Result<(), HcsError> {
        let NewEndpoint { id, network, mac } = *endpoint;
        let task = format!("make the endpoint {id} ({mac}) on the virtual switch {network}");
        let same = |found: Endpoint| found.network == Some(network) && found.mac == Some(mac);
        match self
            .api
            .create_endpoint(network.0, id.0, &endpoint.settings())
        {
            Err(failure)
                if failure.hresult == HResult::HCN_PORT_ALREADY_EXISTS
                    && self.endpoint(id)?.is_some_and(same) =>
            {
                Ok(())
            }
            result => result.map_err(HcsError::failed(task)),
        }
    }

    /// Deletes a port, if it is there. An adapter in it stays in the VM, without a connection.
    ///
    /// # Errors
    /// When Windows refuses.
    pub fn delete_endpoint(&self, id: EndpointId) -> Result<(), HcsError> {
        unless(
            HResult::HCN_ENDPOINT_NOT_FOUND,
            self.api.delete_endpoint(id.0),
        )
        .map(drop)
        .map_err(HcsError::failed(format!("delete the endpoint {id}")))
    }
}

/// Nothing, where this HRESULT says that there is nothing.
fn unless<T>(nothing: HResult, result: Result<T, Failure>) -> Result<Option<T>, Failure> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(failure) if failure.hresult == nothing => Ok(None),
        Err(failure) => Err(failure),
    }
}
