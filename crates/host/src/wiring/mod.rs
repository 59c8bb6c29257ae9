//! How the network cards of the PC get into the VM.
//!
//! A card belongs to an external switch; on the switch there is an endpoint; the endpoint is plugged
//! into the VM as an adapter. [`plan`] says which of them are to be made and which are to go.

mod plan;
mod record;
mod step;
mod wirer;

#[cfg(test)]
mod plan_tests;
#[cfg(test)]
pub(crate) mod wirer_tests;

use hcs::{AdapterId, Endpoint, EndpointId, MacAddress, Network, NetworkId, SystemId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::plan::plan;
pub use self::record::{Record, Switch, Trace};
pub use self::step::Step;
pub use self::wirer::{CardReport, OtherWay, Report, Wirer};

/// A physical network card of the PC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// Its interface GUID, which stays when it is renamed or plugged in elsewhere.
    pub guid: Uuid,
    /// What Windows calls it, such as "Wi-Fi".
    pub alias: String,
    /// Its Ethernet address.
    pub mac: MacAddress,
    /// Whether it is an uplink by the settings.
    pub wanted: bool,
}

impl Card {
    /// The endpoint on its switch.
    pub fn endpoint(&self) -> EndpointId {
        EndpointId::for_nic(self.guid)
    }

    /// The adapter in the VM. WSL's Linux shows this id as the device's name on the VM bus, by which
    /// the edge knows the uplink.
    pub fn adapter(&self) -> AdapterId {
        AdapterId(self.guid)
    }
}

/// A VM of WSL that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vm {
    /// What it is opened by.
    pub system: SystemId,
    /// What some endpoints call it that are plugged into it.
    pub runtime: Option<Uuid>,
}

impl Vm {
    /// Whether it is what an endpoint calls its VM. HCN knows it by one of its two ids.
    fn is(&self, id: &SystemId) -> bool {
        let runtime = self.runtime.map(|id| SystemId::new(id.to_string()));
        self.system == *id || runtime.as_ref() == Some(id)
    }
}

/// Where an edge that runs says it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InVm(pub Option<String>);

impl InVm {
    /// Its VM: the one that it names, or else the only one.
    pub fn chosen(&self, vms: &[Vm]) -> Option<SystemId> {
        match (&self.0, vms) {
            (Some(id), _) => Some(SystemId::new(id.clone())),
            (None, [only]) => Some(only.system.clone()),
            (None, _) => None,
        }
    }
}

/// What there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// The physical cards.
    pub cards: Vec<Card>,
    /// The switches of the machine, whoever made them.
    pub networks: Vec<Network>,
    /// The endpoints of the machine, whoever made them.
    pub endpoints: Vec<Endpoint>,
    /// The VMs of all users.
    pub vms: Vec<Vm>,
    /// The one that the edge runs in, if it runs.
    pub chosen: Option<SystemId>,
    /// What was made for whom.
    pub record: Record,
    /// Which endpoints this service has plugged into which VM since it started.
    pub plugged: Vec<(EndpointId, SystemId)>,
    /// Cards whose switch could not be made lately. They are left alone until it is time to try again.
    pub on_hold: Vec<Uuid>,
}

impl Observed {
    /// The switch that owns the card: whoever made it, there can be no other.
    fn switch_of(&self, card: &Card) -> Option<&Network> {
        let by = |is: &dyn Fn(&Network) -> bool| self.networks.iter().find(|network| is(network));
        by(&|it| it.nic.as_deref() == Some(card.alias.as_str()))
            // HCN does not always say which card; then id and name tell that it is ours.
            .or_else(|| by(&|it| it.id == NetworkId::for_nic(card.guid)))
            .or_else(|| {
                let name = switch_name(card.guid, &card.alias);
                by(&|it| it.nic.is_none() && it.name == name)
            })
    }

    fn endpoint(&self, id: EndpointId) -> Option<&Endpoint> {
        self.endpoints.iter().find(|endpoint| endpoint.id == id)
    }

    fn chosen(&self) -> Option<&Vm> {
        let id = self.chosen.as_ref()?;
        self.vms.iter().find(|vm| vm.is(id))
    }

    /// The VM that an endpoint is plugged into, if it still runs.
    fn vm_of(&self, endpoint: &Endpoint) -> Option<&Vm> {
        let id = endpoint.system.as_ref()?;
        self.vms.iter().find(|vm| vm.is(id))
    }
}

/// How many UTF-16 units of a card's name the name of its switch takes. Windows calls its own adapter on that
/// "vEthernet (MPTCP - ...)", in 256 units at most (`IF_MAX_STRING_SIZE`).
const MOST_OF_ALIAS: usize = 200;

/// What a switch of ours is called. A name that is cut has something of the card's GUID in it: two long ones may
/// begin alike, and HCN makes no two networks of one name.
pub fn switch_name(card: Uuid, alias: &str) -> String {
    let mut length = 0;
    let fits = |character: &char| {
        length += character.len_utf16();
        length <= MOST_OF_ALIAS
    };
    let start: String = alias.chars().take_while(fits).collect();
    match start.len() == alias.len() {
        true => format!("MPTCP - {alias}"),
        false => format!("MPTCP - {start}... {:08x}", card.as_fields().0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut_and_stay_apart() {
        let (one, other) = (Uuid::from_u128(1 << 96), Uuid::from_u128(2 << 96));
        assert_eq!(switch_name(one, "it's \"5G\""), "MPTCP - it's \"5G\"");
        for letter in ["x", "\u{1f4f6}"] {
            let long = letter.repeat(256 / letter.encode_utf16().count());
            let name = switch_name(one, &long);
            assert_ne!(name, switch_name(other, &long));
            let adapter = format!("vEthernet ({name})");
            assert!(adapter.encode_utf16().count() <= 256, "{adapter}");
        }
    }
}
