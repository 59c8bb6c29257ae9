//! Whether the host can send its traffic here.

use channel::Ready;
use netcfg::{InterfaceIndex, Scope};
use settings::edge::Settings;

use crate::observed::Observed;
use crate::uplink::{Way, host_link};

/// By what was observed, with the listeners bound. Without the firewall nothing would be taken in, and the
/// listeners would be open to the uplinks.
///
/// A host that has no IPv6 of its own is offered none: its programs would try what was never there. `ways` are
/// those that connections can leave by.
pub fn ready(settings: &Settings, observed: &Observed, ways: &[(InterfaceIndex, Way)]) -> Ready {
    let link = host_link(settings, observed).filter(|_| observed.firewall.is_some());
    let its = observed
        .addresses
        .iter()
        .filter(|it| link.is_some_and(|link| link.index == it.index))
        .filter(|it| it.scope == Scope::Global && !it.tentative && !it.deprecated);
    let has_v6 = ways.iter().any(|(_, way)| way.address.addr().is_ipv6());
    let its = its.map(|it| it.net.addr());
    Ready {
        gateways: its.filter(|it| it.is_ipv4() || has_v6).collect(),
        online: !ways.is_empty(),
    }
}
