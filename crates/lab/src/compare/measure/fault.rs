//! What a program feels when a link fails.

use std::time::{Duration, Instant};

use anyhow::Context;

use super::super::contender::Contender;
use super::median;
use super::stream::Stream;
use crate::link::LinkHandle;
use crate::traffic::message_gaps;

/// How a link fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The cable is pulled: the guest's interface loses its carrier.
    Carrier,
    /// It drops everything and looks as before.
    Silence,
}

/// Each fault is measured as often as this.
const ROUNDS: usize = 3;

/// Both links are in full use after this time.
const WARM_UP: Duration = Duration::from_millis(2500);

/// How long a link stays away.
const AWAY: Duration = Duration::from_secs(3);

/// Enough bytes to be the download's, and not those of DHCP and ARP.
const CARRIES: u64 = 100_000;

const LONGEST_RETURN: Duration = Duration::from_secs(20);

/// Messages that pause longer have broken off.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

const MESSAGE_EVERY: Duration = Duration::from_millis(10);
const MESSAGES_BEFORE: Duration = Duration::from_secs(1);
const MESSAGES_AFTER: Duration = Duration::from_secs(2);

/// Median in seconds of the time that a download stays weak after a link went silent.
pub(super) fn silence(contender: &Contender) -> anyhow::Result<f64> {
    let stalls = (0..ROUNDS).map(|_| Ok(Round::run(contender, Fault::Silence)?.stall_s()));
    median(stalls.collect::<anyhow::Result<_>>()?)
}

/// Medians in seconds: of the same after a cable was pulled, and of the time from its being plugged
/// in again until the link carries data of the same download.
pub(super) fn carrier_loss(contender: &Contender) -> anyhow::Result<[f64; 2]> {
    let rounds = (0..ROUNDS).map(|_| Round::run(contender, Fault::Carrier));
    let rounds: Vec<Round> = rounds.collect::<anyhow::Result<_>>()?;
    let returns = rounds.iter().map(|round| round.return_after.as_secs_f64());
    Ok([
        median(rounds.iter().map(Round::stall_s).collect())?,
        median(returns.collect())?,
    ])
}

/// One download with a fault in it.
struct Round {
    stall: Duration,
    /// At most [`LONGEST_RETURN`]. Zero after a silence: nobody wants to know.
    return_after: Duration,
}

impl Round {
    fn run(contender: &Contender, fault: Fault) -> anyhow::Result<Self> {
        let (link, other) = contender.place.two_links()?;
        let stream = Stream::start(contender, Instant::now(), true)?;
        let before = link.counters().down.bytes;
        std::thread::sleep(WARM_UP);
        anyhow::ensure!(
            link.counters().down.bytes - before > CARRIES,
            "the link that was to fail carried nothing before"
        );
        let at = Instant::now();
        let failed = Failed::new(link, fault)?;
        std::thread::sleep(AWAY);
        let until = Instant::now();
        drop(failed);
        let return_after = match fault {
            Fault::Carrier => wait_for_return(link).unwrap_or(LONGEST_RETURN),
            Fault::Silence => Duration::ZERO,
        };
        let series = stream.finish().context("the download broke")?;
        let half = other.profile().down.rate.get() as f64 / 2.0;
        Ok(Self {
            stall: series.time_below(half, at, until),
            return_after,
        })
    }

    fn stall_s(&self) -> f64 {
        self.stall.as_secs_f64()
    }
}

fn wait_for_return(link: &LinkHandle) -> Option<Duration> {
    let (start, before) = (Instant::now(), link.counters().down.bytes);
    while start.elapsed() < LONGEST_RETURN {
        if link.counters().down.bytes - before >= CARRIES {
            return Some(start.elapsed());
        }
        // Counters have no event.
        std::thread::sleep(Duration::from_millis(2));
    }
    None
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
    let link = InUse::watch(contender)?;
    let (gaps, link, at) = std::thread::scope(|scope| {
        let reader = scope.spawn(|| message_gaps(&mut client, MESSAGE_EVERY, count as u32));
        std::thread::sleep(MESSAGES_BEFORE);
        let link = link.busier();
        let at = Instant::now();
        let _failed = Failed::new(link, fault)?;
        let gaps = reader
            .join()
            .unwrap_or_else(|cause| std::panic::resume_unwind(cause));
        anyhow::Ok((gaps, link, at))
    })?;
    wait_until_usable(contender, link)?;
    let Ok(gaps) = gaps else {
        return Ok(LONGEST_PAUSE);
    };
    anyhow::ensure!(gaps.intact, "messages came in the wrong order");
    Ok(gaps.longest_since(at))
}

/// Finds out which link a connection uses.
struct InUse<'a> {
    links: [(&'a LinkHandle, u64); 2],
}

impl<'a> InUse<'a> {
    fn watch(contender: &'a Contender) -> anyhow::Result<Self> {
        let (one, other) = contender.place.two_links()?;
        Ok(Self {
            links: [one, other].map(|link| (link, link.counters().down.bytes)),
        })
    }

    /// The one that has carried more since then.
    fn busier(&self) -> &'a LinkHandle {
        let [one, other] = self
            .links
            .map(|(link, before)| link.counters().down.bytes - before);
        self.links[usize::from(other > one)].0
    }
}

/// Until the next round finds the link at work.
fn wait_until_usable(contender: &Contender, link: &LinkHandle) -> anyhow::Result<()> {
    let stream = Stream::start(contender, Instant::now(), true)?;
    let returned = wait_for_return(link);
    stream.finish()?;
    returned.map(drop).context("the link did not come back")
}

/// A failed link. Dropping this mends it, also after an error, for the measurements that follow.
struct Failed<'a> {
    link: &'a LinkHandle,
    fault: Fault,
}

impl<'a> Failed<'a> {
    fn new(link: &'a LinkHandle, fault: Fault) -> anyhow::Result<Self> {
        match fault {
            Fault::Carrier => link.carrier(false)?,
            Fault::Silence => link.silence(true),
        }
        Ok(Self { link, fault })
    }
}

impl Drop for Failed<'_> {
    fn drop(&mut self) {
        match self.fault {
            Fault::Silence => self.link.silence(false),
            Fault::Carrier => {
                // The measurements that follow find it out: the link carries nothing.
                if let Err(error) = self.link.carrier(true) {
                    tracing::warn!(%error, "cannot plug a link in again");
                }
            }
        }
    }
}
