//! Whether the host can send its traffic here.

use channel::Ready;
use netcfg::Scope;
use settings::edge::Settings;

use crate::observed::Observed;
use crate::uplink::host_link;

/// By what was observed, with the listeners bound. Without the firewall nothing would be taken in, and the
/// listeners would be open to the uplinks.
pub fn ready(settings: &Settings, observed: &Observed, online: bool) -> Ready {
    let link = host_link(settings, observed).filter(|_| observed.firewall.is_some());
    let its = observed
        .addresses
        .iter()
        .filter(|it| link.is_some_and(|link| link.index == it.index))
        .filter(|it| it.scope == Scope::Global && !it.tentative && !it.deprecated);
    Ready {
        gateways: its.map(|it| it.net.addr()).collect(),
        online,
    }
}
