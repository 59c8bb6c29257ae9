//! Which network cards the PC has, which of them are uplinks, and where it meets WSL's VMs: from what
//! Windows lists, in the terms of the other parts.

use channel::Mac;
use settings::host::{Adapter, Settings};
use settings::{Guid, InterfaceMatch};
use winnet::{Address, Interface, Kind};

use crate::routing::Link;
use crate::wiring::Card;

#[cfg(test)]
pub(crate) mod tests;

/// What the host's own ends of WSL's networks are called: "vEthernet (WSL)" and "vEthernet (WSL
/// (Hyper-V firewall))" (WSL `src/windows/common/WslCoreConfig.cpp:505-521`).
const WSL_LINK: &str = "vEthernet (WSL";

/// The physical cards, each with whether it is an uplink by the settings. One that has no address yet, since
/// it is switched off, is left out until it has.
pub fn cards(interfaces: &[Interface], settings: &Settings) -> Vec<Card> {
    let adapters = adapters(interfaces);
    let uplinks = settings.uplinks(&adapters);
    physical(interfaces)
        .map(|(interface, mac)| Card {
            guid: interface.id.0,
            alias: interface.alias.clone(),
            mac,
            wanted: uplinks.iter().any(|it| it.adapter.id == guid(interface)),
        })
        .collect()
}

/// The same for the settings of the edge, which knows each card by the address that it has in the VM: every
/// Windows can give that, while only newer ones give adapters an id.
pub fn adapters(interfaces: &[Interface]) -> Vec<Adapter> {
    let adapter = |(interface, mac): (&Interface, hcs::MacAddress)| Adapter {
        id: guid(interface),
        alias: interface.alias.clone(),
        guest: InterfaceMatch::Mac(settings::MacAddress::from(mac.locally_administered().0)),
    };
    physical(interfaces).map(adapter).collect()
}

/// The cards that are not connected to anything, as the edge knows them: behind a virtual switch it can't see that.
pub fn unplugged(interfaces: &[Interface]) -> Vec<Mac> {
    let cards = physical(interfaces).filter(|(interface, _)| !interface.media_connected);
    cards
        .map(|(_, mac)| Mac(mac.locally_administered().0))
        .collect()
}

/// Whether Windows would leave one of several connections where it minimises them: Wi-Fi or a mobile network
/// that is an uplink beside another one.
pub fn can_be_minimized(interfaces: &[Interface], cards: &[Card]) -> bool {
    let wanted = || cards.iter().filter(|card| card.wanted);
    let is_wireless = |card: &Card| {
        let mut interfaces = interfaces.iter().filter(|it| it.id.0 == card.guid);
        interfaces.any(|it| matches!(it.kind, Kind::WiFi | Kind::Wwan))
    };
    wanted().count() > 1 && wanted().any(is_wireless)
}

/// Where the PC meets WSL's VMs.
pub fn links(interfaces: &[Interface], addresses: &[Address]) -> Vec<Link> {
    let is_wsl = |it: &&Interface| it.alias.starts_with(WSL_LINK);
    let link = |interface: &Interface| {
        let its = addresses.iter().filter(|it| it.interface == interface.luid);
        Link {
            luid: interface.luid,
            networks: its.map(|it| it.net).collect(),
        }
    };
    interfaces.iter().filter(is_wsl).map(link).collect()
}

fn physical(interfaces: &[Interface]) -> impl Iterator<Item = (&Interface, hcs::MacAddress)> {
    let cards = interfaces.iter().filter(|it| it.is_physical());
    cards.filter_map(|it| Some((it, hcs::MacAddress(it.mac?.0))))
}

fn guid(interface: &Interface) -> Guid {
    Guid::from(interface.id.0.as_u128())
}
