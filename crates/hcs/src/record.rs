//! What Windows was asked and what it gave, word by word: for reports of what goes wrong on a PC, and to be
//! replayed on another machine.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Api, Failure, HResult, NetworkEvent, Registration, SystemEvent};

/// So many different calls are kept; the oldest go.
const MOST: usize = 500;

/// Calls, each once with what it gave last, by the time of that.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Recording(VecDeque<Call>);

/// A call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Call {
    /// The function that does it.
    function: String,
    /// The id that it was for; empty where there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    of: String,
    /// The document that went in.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    document: String,
    /// How often.
    times: u64,
    gave: Gave,
}

/// What a call gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Gave {
    /// A document, or nothing where there is none.
    Text(String),
    Failure {
        /// Of several that it takes, the one that failed.
        function: String,
        hresult: HResult,
        record: Option<String>,
    },
}

/// Passes calls on, and records them.
pub struct Recorder {
    api: Arc<dyn Api>,
    recording: Mutex<Recording>,
}

impl Recorder {
    /// Records the calls of this one.
    pub fn new(api: Arc<dyn Api>) -> Self {
        Self {
            api,
            recording: Mutex::default(),
        }
    }

    /// What there is so far.
    pub fn recording(&self) -> Recording {
        self.locked().clone()
    }

    /// A panic elsewhere leaves it whole.
    fn locked(&self) -> MutexGuard<'_, Recording> {
        self.recording
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn note<T: Clone + Into<String>>(
        &self,
        function: &str,
        of: String,
        document: &str,
        result: Result<T, Failure>,
    ) -> Result<T, Failure> {
        let gave = match &result {
            Ok(text) => Gave::Text(text.clone().into()),
            Err(failure) => Gave::Failure {
                function: failure.call.to_owned(),
                hresult: failure.hresult,
                record: failure.record.clone(),
            },
        };
        self.locked().add(function, of, document, gave);
        result
    }

    fn note_done(
        &self,
        function: &str,
        of: String,
        document: &str,
        result: Result<(), Failure>,
    ) -> Result<(), Failure> {
        let result = result.map(|()| String::new());
        self.note(function, of, document, result).map(drop)
    }
}

impl Recording {
    fn add(&mut self, function: &str, of: String, document: &str, gave: Gave) {
        let mut before = self.0.iter();
        let before = before.position(|call| call.is(function, &of, document));
        let times = before
            .and_then(|at| self.0.remove(at))
            .map_or(0, |call| call.times);
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back(Call {
            function: function.to_owned(),
            of,
            document: document.to_owned(),
            times: times + 1,
            gave,
        });
    }
}

impl Call {
    fn is(&self, function: &str, of: &str, document: &str) -> bool {
        self.function == function && self.of == of && self.document == document
    }
}

impl Api for Recorder {
    fn enumerate_systems(&self, query: &str) -> Result<String, Failure> {
        let result = self.api.enumerate_systems(query);
        self.note(ENUMERATE_SYSTEMS, String::new(), query, result)
    }

    fn modify_system(&self, id: &str, configuration: &str) -> Result<(), Failure> {
        let result = self.api.modify_system(id, configuration);
        self.note_done(MODIFY_SYSTEM, id.to_owned(), configuration, result)
    }

    fn watch_system(
        &self,
        id: &str,
        on_event: Box<dyn Fn(SystemEvent) + Send + Sync>,
    ) -> Result<Registration, Failure> {
        self.api.watch_system(id, on_event)
    }

    fn enumerate_networks(&self, query: &str) -> Result<String, Failure> {
        let result = self.api.enumerate_networks(query);
        self.note(ENUMERATE_NETWORKS, String::new(), query, result)
    }

    fn query_network(&self, id: Uuid, query: &str) -> Result<String, Failure> {
        let result = self.api.query_network(id, query);
        self.note(QUERY_NETWORK, id.to_string(), query, result)
    }

    fn create_network(&self, id: Uuid, settings: &str) -> Result<(), Failure> {
        let result = self.api.create_network(id, settings);
        self.note_done(CREATE_NETWORK, id.to_string(), settings, result)
    }

    fn delete_network(&self, id: Uuid) -> Result<(), Failure> {
        let result = self.api.delete_network(id);
        self.note_done(DELETE_NETWORK, id.to_string(), "", result)
    }

    fn enumerate_endpoints(&self, query: &str) -> Result<String, Failure> {
        let result = self.api.enumerate_endpoints(query);
        self.note(ENUMERATE_ENDPOINTS, String::new(), query, result)
    }

    fn query_endpoint(&self, id: Uuid, query: &str) -> Result<String, Failure> {
        let result = self.api.query_endpoint(id, query);
        self.note(QUERY_ENDPOINT, id.to_string(), query, result)
    }

    fn create_endpoint(&self, network: Uuid, id: Uuid, settings: &str) -> Result<(), Failure> {
        let result = self.api.create_endpoint(network, id, settings);
        self.note_done(CREATE_ENDPOINT, id.to_string(), settings, result)
    }

    fn delete_endpoint(&self, id: Uuid) -> Result<(), Failure> {
        let result = self.api.delete_endpoint(id);
        self.note_done(DELETE_ENDPOINT, id.to_string(), "", result)
    }

    fn watch_networks(
        &self,
        on_event: Box<dyn Fn(NetworkEvent) + Send + Sync>,
    ) -> Result<Registration, Failure> {
        self.api.watch_networks(on_event)
    }
}

/// Answers as Windows did where the recording was made. What was not recorded is as if it were not there.
impl Api for Recording {
    fn enumerate_systems(&self, query: &str) -> Result<String, Failure> {
        self.replay(ENUMERATE_SYSTEMS, String::new(), query)
    }

    fn modify_system(&self, id: &str, configuration: &str) -> Result<(), Failure> {
        self.replay(MODIFY_SYSTEM, id.to_owned(), configuration)
            .map(drop)
    }

    fn watch_system(
        &self,
        _id: &str,
        _on_event: Box<dyn Fn(SystemEvent) + Send + Sync>,
    ) -> Result<Registration, Failure> {
        Ok(Box::new(()))
    }

    fn enumerate_networks(&self, query: &str) -> Result<String, Failure> {
        self.replay(ENUMERATE_NETWORKS, String::new(), query)
    }

    fn query_network(&self, id: Uuid, query: &str) -> Result<String, Failure> {
        self.replay(QUERY_NETWORK, id.to_string(), query)
    }

    fn create_network(&self, id: Uuid, settings: &str) -> Result<(), Failure> {
        self.replay(CREATE_NETWORK, id.to_string(), settings)
            .map(drop)
    }

    fn delete_network(&self, id: Uuid) -> Result<(), Failure> {
        self.replay(DELETE_NETWORK, id.to_string(), "").map(drop)
    }

    fn enumerate_endpoints(&self, query: &str) -> Result<String, Failure> {
        self.replay(ENUMERATE_ENDPOINTS, String::new(), query)
    }

    fn query_endpoint(&self, id: Uuid, query: &str) -> Result<String, Failure> {
        self.replay(QUERY_ENDPOINT, id.to_string(), query)
    }

    fn create_endpoint(&self, _network: Uuid, id: Uuid, settings: &str) -> Result<(), Failure> {
        self.replay(CREATE_ENDPOINT, id.to_string(), settings)
            .map(drop)
    }

    fn delete_endpoint(&self, id: Uuid) -> Result<(), Failure> {
        self.replay(DELETE_ENDPOINT, id.to_string(), "").map(drop)
    }

    fn watch_networks(
        &self,
        _on_event: Box<dyn Fn(NetworkEvent) + Send + Sync>,
    ) -> Result<Registration, Failure> {
        Ok(Box::new(()))
    }
}

impl Recording {
    fn replay(
        &self,
        function: &'static str,
        of: String,
        document: &str,
    ) -> Result<String, Failure> {
        let call = self.0.iter().find(|call| call.is(function, &of, document));
        match call.map(|call| &call.gave) {
            Some(Gave::Text(text)) => Ok(text.clone()),
            Some(Gave::Failure {
                hresult, record, ..
            }) => Err(Failure {
                call: function,
                hresult: *hresult,
                record: record.clone(),
            }),
            None => Err(Failure {
                call: function,
                hresult: HResult::ELEMENT_NOT_FOUND,
                record: Some("it was not recorded".to_owned()),
            }),
        }
    }
}

const ENUMERATE_SYSTEMS: &str = "HcsEnumerateComputeSystems";
const MODIFY_SYSTEM: &str = "HcsModifyComputeSystem";
const ENUMERATE_NETWORKS: &str = "HcnEnumerateNetworks";
const QUERY_NETWORK: &str = "HcnQueryNetworkProperties";
const CREATE_NETWORK: &str = "HcnCreateNetwork";
const DELETE_NETWORK: &str = "HcnDeleteNetwork";
const ENUMERATE_ENDPOINTS: &str = "HcnEnumerateEndpoints";
const QUERY_ENDPOINT: &str = "HcnQueryEndpointProperties";
const CREATE_ENDPOINT: &str = "HcnCreateEndpoint";
const DELETE_ENDPOINT: &str = "HcnDeleteEndpoint";
