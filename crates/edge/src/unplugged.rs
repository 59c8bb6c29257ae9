//! Links whose card is not connected to anything, as the host says: a virtual switch in between keeps their
//! carrier up.

use std::collections::BTreeSet;

use channel::Mac;
use netcfg::Link;

/// Them, by their MAC addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unplugged(BTreeSet<Mac>);

impl From<Vec<Mac>> for Unplugged {
    fn from(macs: Vec<Mac>) -> Self {
        Self(macs.into_iter().collect())
    }
}

impl Unplugged {
    /// Takes the carrier of these links for what it is worth.
    pub fn mark(&self, links: &mut [Link]) {
        let is_unplugged = |link: &Link| link.mac.is_some_and(|mac| self.0.contains(&Mac(mac.0)));
        for link in links.iter_mut().filter(|link| is_unplugged(link)) {
            link.carrier = false;
        }
    }
}
