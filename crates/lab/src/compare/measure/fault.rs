//! What a program feels when a link fails.

use std::time::{Duration, Instant};

use anyhow::Context;

use super::super::contender::Contender;
use super::median;
use crate::faults::round::{
    Bulk, Fault, InUse, LONGEST_PAUSE, MESSAGE_EVERY, longest_gap, wait_for_return,
};
use crate::link::LinkHandle;
use crate::traffic::{self, Direction, message_gaps};

/// Each fault is measured as often as this.
const ROUNDS: usize = 3;

const MESSAGES_BEFORE: Duration = Duration::from_secs(1);
const MESSAGES_AFTER: Duration = Duration::from_secs(2);

/// Median in seconds of the time that a download stays weak after a link went silent.
pub(super) fn silence(contender: &Contender) -> anyhow::Result<f64> {
    let stall = || stall_s(contender, fault(contender, Fault::Silence)?);
    median(
        (0..ROUNDS)
            .map(|_| stall())
            .collect::<anyhow::Result<_>>()?,
    )
}

/// Medians in seconds: of the same after a cable was pulled, and of the time from its being plugged
/// in again until the link carries data of the same download.
pub(super) fn carrier_loss(contender: &Contender) -> anyhow::Result<[f64; 2]> {
    let (mut stalls, mut returns) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let download = fault(contender, Fault::Carrier)?;
        returns.push(download.return_after().as_secs_f64());
        stalls.push(stall_s(contender, download)?);
    }
    Ok([median(stalls)?, median(returns)?])
}

/// A download with a fault of its first link in it.
fn fault(contender: &Contender, fault: Fault) -> anyhow::Result<Bulk<'_>> {
    let (link, _) = contender.place.two_links()?;
    let flow = contender.download(Instant::now(), true)?;
    Bulk::run(flow, Direction::Down, link, fault, Duration::ZERO)
}

fn stall_s(contender: &Contender, download: Bulk<'_>) -> anyhow::Result<f64> {
    let (_, other) = contender.place.two_links()?;
    Ok(download.finish(other)?.as_secs_f64())
}

/// Median in milliseconds of the longest silence in a stream of messages to the client.
pub(super) fn message_gap_ms(contender: &Contender, fault: Fault) -> anyhow::Result<f64> {
    let rounds =
        (0..ROUNDS).map(|_| message_gap(contender, fault).map(|gap| gap.as_secs_f64() * 1e3));
    median(rounds.collect::<anyhow::Result<_>>()?)
}

fn message_gap(contender: &Contender, fault: Fault) -> anyhow::Result<Duration> {
    let count = (MESSAGES_BEFORE + MESSAGES_AFTER).as_millis() / MESSAGE_EVERY.as_millis();
    let mut client = contender.connect(LONGEST_PAUSE)?;
    let (one, other) = contender.place.two_links()?;
    let in_use = InUse::watch([one, other], Direction::Down);
    let mut failing = one;
    let gap = longest_gap(
        || message_gaps(&mut client, MESSAGE_EVERY, count as u32),
        MESSAGES_BEFORE,
        || {
            failing = in_use.busier();
            failing
        },
        fault,
        None,
    );
    wait_until_usable(contender, failing)?;
    match gap {
        // Messages that break off pause for ever.
        Err(error) if error.is::<traffic::Error>() => Ok(LONGEST_PAUSE),
        gap => gap,
    }
}

/// Until the next round finds the link at work.
pub(super) fn wait_until_usable(contender: &Contender, link: &LinkHandle) -> anyhow::Result<()> {
    let flow = contender.download(Instant::now(), true)?;
    let returned = wait_for_return(link, Direction::Down);
    flow.finish()?;
    returned.map(drop).context("the link did not come back")
}
