//! Notices whether Windows lets several connections be.

use winnet::{Minimize, Policy};

use super::{Service, note};
use crate::cards;
use crate::causes::with_causes;

impl Service {
    /// It is changed with the user's yes only, by `doctor --fix` and `install`.
    pub(super) fn see_connections(&mut self) {
        let problem = match self.policy.policy() {
            Ok(policy) => self.minimizes(policy).map(str::to_owned),
            Err(error) => Some(with_causes(&error)),
        };
        note(&mut self.problems.connections, problem);
    }

    fn minimizes(&self, policy: Policy) -> Option<&'static str> {
        let settings = self.config.settings()?;
        let cards = cards::cards(&self.interfaces, settings);
        let is_concerned = cards::can_be_minimized(&self.interfaces, &cards);
        match (policy.in_force(), policy.is_forced()) {
            (Minimize::Never, _) => None,
            _ if !is_concerned => None,
            (_, false) => Some(
                "Windows leaves Wi-Fi and mobile networks as long as Ethernet is there (fMinimizeConnections); \
                 manypath doctor --fix has it keep them",
            ),
            (_, true) => Some(
                "the administrator of this PC has Windows leave Wi-Fi and mobile networks as long as Ethernet is \
                 there; have fMinimizeConnections set to 0 in the group policy",
            ),
        }
    }
}
