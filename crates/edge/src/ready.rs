//! Whether the host can send its traffic here.

use std::net::IpAddr;

use netcfg::Scope;
use settings::edge::Settings;

use crate::observed::Observed;
use crate::uplink::host_link;

/// Whether the host can send its traffic here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ready {
    /// The addresses at which traffic is taken in. None while it is not.
    pub gateways: Vec<IpAddr>,
    /// Whether a connection could leave by some uplink.
    pub online: bool,
}

impl Ready {
    /// By what was observed, with the listeners bound. Without the firewall nothing would be taken in, and
    /// the listeners would be open to the uplinks.
    pub fn new(settings: &Settings, observed: &Observed, online: bool) -> Self {
        let link = host_link(settings, observed).filter(|_| observed.firewall.is_some());
        let Some(link) = link else {
            return Self {
                gateways: Vec::new(),
                online,
            };
        };
        let its = observed
            .addresses
            .iter()
            .filter(|it| it.index == link.index && it.scope == Scope::Global)
            .filter(|it| !it.tentative && !it.deprecated);
        let addresses = its.map(|it| it.net.addr()).collect();
        Self {
            gateways: addresses,
            online,
        }
    }
}
