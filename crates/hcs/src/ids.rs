//! What networks, endpoints, adapters and VMs are known by.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What our ids are derived from, so that they are the same in every run and nobody else's.
const NAMESPACE: Uuid = Uuid::from_u128(0x7d1c_3a52_8d5e_4c0b_9b6e_2f4a_61e0_93c7);

macro_rules! guid {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0.hyphenated(), f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            /// With or without braces, in capitals or not.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::try_parse(text).map(Self)
            }
        }
    };
}

guid! {
    /// A virtual switch.
    NetworkId
}
guid! {
    /// A port of a virtual switch.
    EndpointId
}
guid! {
    /// A VM's network adapter. The guest sees it: it is the VMBus instance, the last part of where
    /// `/sys/class/net/…/device` leads (WSL's `src/linux/init/GnsEngine.cpp:48`). We take the interface
    /// GUID of the network card, as WSL's mirrored mode does.
    AdapterId
}

impl NetworkId {
    /// The id of our switch on the network card with this interface GUID.
    pub fn for_nic(nic: Uuid) -> Self {
        Self(derive("network", nic))
    }
}

impl EndpointId {
    /// The id of our endpoint for the network card with this interface GUID.
    pub fn for_nic(nic: Uuid) -> Self {
        Self(derive("endpoint", nic))
    }
}

fn derive(role: &str, nic: Uuid) -> Uuid {
    Uuid::new_v5(
        &NAMESPACE,
        format!("{role} {}", nic.hyphenated()).as_bytes(),
    )
}

/// A VM, by the text that it is opened by. It is mostly its GUID in capitals, but `WSL-` and a GUID on
/// some Windows 10 (microsoft/WSL#4214). Case does not matter.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SystemId(String);

impl SystemId {
    /// As Windows gave it.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// As Windows gave it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for SystemId {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for SystemId {}

impl fmt::Display for SystemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NIC: &str = "{3F2504E0-4F89-11D3-9A0C-0305E82C3301}";

    #[test]
    fn guids_are_read_in_every_spelling_and_written_in_one() {
        let id: NetworkId = NIC.parse().unwrap();
        assert_eq!(id.to_string(), "3f2504e0-4f89-11d3-9a0c-0305e82c3301");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!("3F2504E0-4F89-11D3-9A0C".parse::<NetworkId>().is_err());
    }

    // Whoever changes these orphans the switches of everyone who has Manypath.
    #[test]
    fn derived_ids_stay_what_they_are() {
        let AdapterId(nic) = NIC.parse().unwrap();
        let network = NetworkId::for_nic(nic);
        let endpoint = EndpointId::for_nic(nic);
        assert_eq!(network.to_string(), "e5ceb5b3-10f2-5f02-a225-62bb73cb1076");
        assert_eq!(endpoint.to_string(), "fe6336a7-c739-5034-a263-86f387ef400b");
        assert_ne!(NetworkId::for_nic(Uuid::nil()), network);
    }

    #[test]
    fn systems_are_the_same_in_capitals_or_not() {
        assert_eq!(SystemId::new("WSL-AB"), SystemId::new("wsl-ab"));
        assert_ne!(SystemId::new("AB"), SystemId::new("AC"));
        assert_eq!(SystemId::new("WSL-AB").to_string(), "WSL-AB");
    }
}
