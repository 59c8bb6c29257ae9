//! What is said on the daemon's socket: a line of JSON each way.

use serde::{Deserialize, Serialize};

/// What a client wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// To know how it is.
    State,
    /// To change a link.
    Change(Change),
    /// To end it. The answer comes when everything is gone.
    Down,
}

/// A change of one link; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// 1 for `eth1` and so on.
    pub uplink: u8,
    /// A profile such as `20mbit,300ms,loss=0.5%`.
    pub profile: Option<String>,
    /// Everything is dropped, carrier untouched.
    pub silent: Option<bool>,
    /// The cable is in.
    pub carrier: Option<bool>,
}

/// What the daemon says.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Response {
    /// It was done, and this is how it is now.
    State(State),
    /// It was not done, and why.
    Refused(String),
}

/// A running lab.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    /// The process that holds it.
    pub pid: u32,
    /// Edge, hub and origin run in it.
    pub manypath: bool,
    /// The edge's control socket, where it runs.
    pub edge_socket: Option<String>,
    /// Its machines.
    pub nodes: Vec<NodeState>,
    /// Its emulated links.
    pub links: Vec<LinkState>,
}

/// A machine of the lab.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NodeState {
    /// `windows`, `guest`, `access1` and so on.
    pub name: String,
    /// Descriptor of its namespace in the daemon's process.
    pub descriptor: i32,
}

/// An emulated link.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LinkState {
    /// 1 for `eth1` and so on.
    pub uplink: u8,
    /// Its profile.
    pub profile: String,
    /// The cable is in.
    pub carrier: bool,
    /// Everything is dropped.
    pub silent: bool,
    /// Bytes to the guest so far.
    pub down_bytes: u64,
    /// Bytes from the guest so far.
    pub up_bytes: u64,
}
