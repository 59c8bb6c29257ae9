//! Which uplinks the edge's settings make of this machine's interfaces. Pure: no I/O.

use netcfg::{InterfaceIndex, Link};
use settings::edge::Settings;
use settings::{Guid, InterfaceMatch, MacAddress};

/// An uplink of the settings.
#[derive(Clone, Debug)]
pub struct Found<'a> {
    /// The name from the settings, or the interface's.
    pub name: String,
    /// The number of its rule in the settings, from 0 on.
    pub rule: usize,
    /// Its interface; `None` where there is none that fits the settings.
    pub link: Option<&'a Link>,
}

/// All of them, in the order of the settings. A pattern that fits no interface makes none.
pub fn find<'a>(settings: &Settings, links: &'a [Link]) -> Vec<Found<'a>> {
    let host = settings.host.as_ref();
    let host = host.and_then(|host| links.iter().find(|it| fits(&host.interface, it)));
    let mut taken: Vec<InterfaceIndex> = host.map(|link| link.index).into_iter().collect();
    let mut found = Vec::new();
    for (number, rule) in settings.uplinks.iter().enumerate() {
        let mut add = |interface: &str, link| {
            let name = rule.name.as_ref().map(ToString::to_string);
            found.push(Found {
                name: name.unwrap_or_else(|| interface.to_owned()),
                rule: number,
                link,
            });
        };
        let mut missing = !rule.interface.is_pattern();
        for link in links.iter().filter(|it| fits(&rule.interface, it)) {
            missing = false;
            if !link.loopback && !taken.contains(&link.index) {
                taken.push(link.index);
                add(link.name.as_str(), Some(link));
            }
        }
        if missing {
            add(&rule.interface.to_string(), None);
        }
    }
    found
}

fn fits(wanted: &InterfaceMatch, link: &Link) -> bool {
    let mac = link.mac.map(|mac| MacAddress::from(mac.0));
    let vmbus: Option<Guid> = link.vmbus.as_deref().and_then(|id| id.parse().ok());
    wanted.matches(link.name.as_ref(), mac, vmbus)
}
