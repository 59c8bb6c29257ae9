//! What the kernel has translated to an uplink's address when the uplink is used no more.

use std::collections::BTreeSet;
use std::net::IpAddr;

use netcfg::conntrack::{ConntrackError, forget};
use paths::{State, Verdict};
use relay::with_causes;

use crate::health::verdict_of;
use crate::numbers::FROM_HOST;
use crate::uplink::Uplink;

/// Whether what leaves by an uplink arrives, though it may be better to begin nothing new there: one that has just come
/// up is not used until it is known how far it is.
pub(super) fn works(uplink: &Uplink<'_>, verdicts: &[Verdict]) -> bool {
    let verdict = verdict_of(verdicts, uplink);
    let is_up = verdict.is_some_and(|it| matches!(it.state, State::Up | State::Degraded));
    uplink.is_used() || is_up
}

/// The addresses that flows of the host's may have been given.
///
/// What is done to them hangs on what has changed, and not on what is there: a flow that a rule sends by an uplink
/// that is not used otherwise is right where it is.
#[derive(Debug, Default)]
pub(super) struct Flows {
    working: BTreeSet<IpAddr>,
}

impl Flows {
    /// The addresses of uplinks that work.
    pub(super) fn addresses(uplinks: &[Uplink<'_>], verdicts: &[Verdict]) -> BTreeSet<IpAddr> {
        let working = uplinks.iter().filter(|uplink| works(uplink, verdicts));
        working
            .flat_map(|uplink| uplink.ways.iter().map(|way| way.address.addr()))
            .collect()
    }

    /// Only these work from now on, and routes lead there. Flows that were given another go on by what is left,
    /// with their next packet. Masquerading would find out by itself, and drop that packet.
    pub(super) fn follow(&mut self, working: BTreeSet<IpAddr>) {
        let gone = &self.working - &working;
        self.working = working;
        if !gone.is_empty() {
            // The kernel goes through all that it has room for, which takes some 10 ms: TCP must not wait for it.
            tokio::task::spawn_blocking(move || leave(&gone));
        }
    }
}

fn leave(gone: &BTreeSet<IpAddr>) {
    match forget(FROM_HOST, gone) {
        Ok(0) => {}
        Ok(count) => tracing::info!("{count} flows of the host's leave {gone:?}"),
        Err(error @ ConntrackError::Unsupported(_)) => tracing::debug!("{}", with_causes(&error)),
        Err(error) => tracing::warn!("{}", with_causes(&error)),
    }
}
