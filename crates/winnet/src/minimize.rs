//! Whether Windows keeps Wi-Fi and mobile networks connected beside Ethernet.
//!
//! Windows' Connection Manager leaves the less preferred of several connections, unless the value
//! `fMinimizeConnections` says otherwise. An administrator of many PCs sets it below the key
//! `GroupPolicy` (`WCM.admx`), which then counts alone; what is set on the PC itself is below `Local`.

use serde::{Deserialize, Serialize};

use crate::PolicyError;

/// What Windows does with several connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Minimize {
    /// 0: it keeps all of them. What Manypath and the like need.
    Never,
    /// 1, and where nothing is set: it leaves Wi-Fi when Ethernet is there, and mobile networks when either
    /// is. What the user has connected by hand stays for the session.
    LessPreferred,
    /// 2: the same, but mobile networks stay connected for what needs them.
    KeepCellular,
    /// 3: the same, and users can't connect Wi-Fi by hand, either.
    NoWifiOnEthernet,
    /// A value that has no meaning yet.
    Other(u32),
}

impl Minimize {
    /// From the value in the registry.
    pub fn from_raw(value: u32) -> Self {
        match value {
            0 => Self::Never,
            1 => Self::LessPreferred,
            2 => Self::KeepCellular,
            3 => Self::NoWifiOnEthernet,
            other => Self::Other(other),
        }
    }
}

/// What the registry says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Set by an administrator of many PCs.
    pub group: Option<u32>,
    /// Set on this PC.
    pub local: Original,
}

impl Policy {
    /// What counts.
    pub fn in_force(self) -> Minimize {
        let local = match self.local {
            Original::Value(value) => Some(value),
            Original::NoKey | Original::NoValue => None,
        };
        let value = self.group.or(local);
        value.map_or(Minimize::LessPreferred, Minimize::from_raw)
    }

    /// Whether it is out of this PC's hands.
    pub fn is_forced(self) -> bool {
        self.group.is_some()
    }
}

/// What is below the key `Local`: what to write down before it is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Original {
    /// Not even the key.
    NoKey,
    /// The key, perhaps with other values.
    NoValue,
    /// This one.
    Value(u32),
}

/// Where it is kept.
pub trait PolicyStore: Send + Sync {
    /// Reads both places.
    ///
    /// # Errors
    /// When Windows refuses, or a value is no number.
    fn policy(&self) -> Result<Policy, PolicyError>;

    /// Writes the place that belongs to the PC.
    ///
    /// # Errors
    /// When Windows refuses: without an administrator's rights.
    fn set_local(&self, value: Original) -> Result<(), PolicyError>;
}

const ALLOWED: Original = Original::Value(0);

/// Has Windows keep all connections. Whether it does so before it restarts is Windows' affair.
///
/// # Errors
/// When Windows refuses: without an administrator's rights.
pub fn allow_all(store: &dyn PolicyStore) -> Result<(), PolicyError> {
    store.set_local(ALLOWED)
}

/// Puts back what was there before [`allow_all`], unless somebody has changed it since.
///
/// # Errors
/// When Windows refuses: without an administrator's rights.
pub fn restore(store: &dyn PolicyStore, original: Original) -> Result<(), PolicyError> {
    if store.policy()?.local == ALLOWED {
        store.set_local(original)?;
    }
    Ok(())
}
