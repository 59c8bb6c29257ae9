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
const AWAY: Duration = Duration::from_secs(4);

/// Enough bytes to be the download's, and not those of DHCP and ARP.
const CARRIES: u64 = 100_000;

const LONGEST_RETURN: Duration = Duration::from_secs(20);

const MESSAGE_EVERY: Duration = Duration::from_millis(10);
const MESSAGES_BEFORE: Duration = Duration::from_millis(1500);
const MESSAGES_AFTER: Duration = Duration::from_secs(2);

/// Medians in seconds: of the stall, and of the time until a plugged-in link carries data again.
pub(super) fn download(
    contender: &Contender,
    fault: Fault,
) -> anyhow::Result<[anyhow::Result<f64>; 2]> {
    let (mut stalls, mut returns) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let round = Round::run(contender, fault)?;
        stalls.push(round.stall.as_secs_f64());
        returns.push(round.return_after);
    }
    let in_time: Option<Vec<f64>> = returns
        .into_iter()
        .map(|after| after.map(|time| time.as_secs_f64()))
        .collect();
    let returns = in_time
        .with_context(|| {
            format!(
                "the link carried nothing for {} s",
                LONGEST_RETURN.as_secs()
            )
        })
        .and_then(median);
    Ok([median(stalls), returns])
}

/// One download with a fault in it.
struct Round {
    stall: Duration,
    return_after: Option<Duration>,
}

impl Round {
    fn run(contender: &Contender, fault: Fault) -> anyhow::Result<Self> {
        let (link, other) = contender.place.two_links()?;
        let stream = Stream::start(contender, true)?;
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
        let return_after = wait_for_return(link);
        let series = stream.finish().context("the download broke")?;
        let half = other.profile().down.rate.get() as f64 / 2.0;
        Ok(Self {
            stall: series.time_below(half, at, until),
            return_after,
        })
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
    let (link, _) = contender.place.two_links()?;
    let count = (MESSAGES_BEFORE + MESSAGES_AFTER).as_millis() / MESSAGE_EVERY.as_millis();
    let mut client = contender.connect(Duration::from_secs(20))?;
    let (gaps, at) = std::thread::scope(|scope| {
        let reader = scope.spawn(|| message_gaps(&mut client, MESSAGE_EVERY, count as u32));
        std::thread::sleep(MESSAGES_BEFORE);
        let at = Instant::now();
        let failed = Failed::new(link, fault)?;
        let gaps = reader
            .join()
            .unwrap_or_else(|cause| std::panic::resume_unwind(cause));
        drop(failed);
        anyhow::Ok((gaps.context("the messages broke off")?, at))
    })?;
    anyhow::ensure!(gaps.intact, "messages came in the wrong order");
    wait_until_usable(contender)?;
    Ok(gaps.longest_since(at))
}

/// Until the next round finds both links at work.
fn wait_until_usable(contender: &Contender) -> anyhow::Result<()> {
    let (link, _) = contender.place.two_links()?;
    let stream = Stream::start(contender, true)?;
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
