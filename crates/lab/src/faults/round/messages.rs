use std::io;
use std::time::{Duration, Instant};

use super::{Failed, Fault, carried};
use crate::link::LinkHandle;
use crate::traffic::{Direction, Error, Gaps};

pub(crate) const MESSAGE_EVERY: Duration = Duration::from_millis(10);

/// Messages that pause longer have broken off.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// Finds out which of two links a connection uses.
#[derive(Debug)]
pub(crate) struct InUse<'a> {
    direction: Direction,
    links: [(&'a LinkHandle, u64); 2],
}

impl<'a> InUse<'a> {
    pub(crate) fn watch(links: [&'a LinkHandle; 2], direction: Direction) -> Self {
        Self {
            direction,
            links: links.map(|link| (link, carried(link, direction))),
        }
    }

    /// The one that has carried more since then.
    pub(crate) fn busier(&self) -> &'a LinkHandle {
        let [one, other] = self
            .links
            .map(|(link, before)| carried(link, self.direction) - before);
        self.links[usize::from(other > one)].0
    }
}

/// The longest pause between two messages since their link failed, at most [`LONGEST_PAUSE`].
/// `messages` runs on a thread of its own. After `before`, `failing` says which link shall fail; it is
/// mended after `away`, or when the messages have ended. A connection that breaks is an error of
/// [`traffic`](crate::traffic)'s.
pub(crate) fn longest_gap<'a>(
    messages: impl FnOnce() -> Result<Gaps, Error> + Send,
    before: Duration,
    failing: impl FnOnce() -> &'a LinkHandle,
    fault: Fault,
    away: Option<Duration>,
) -> anyhow::Result<Duration> {
    let (gaps, at) = std::thread::scope(|scope| {
        let messages = scope.spawn(messages);
        std::thread::sleep(before);
        let link = failing();
        let at = Instant::now();
        let failed = Failed::new(link, fault)?;
        if let Some(away) = away {
            std::thread::sleep(away);
            drop(failed);
        }
        // Without `away` it is mended behind this.
        let gaps = messages
            .join()
            .unwrap_or_else(|cause| std::panic::resume_unwind(cause));
        anyhow::Ok((gaps, at))
    })?;
    match gaps {
        Ok(gaps) => {
            anyhow::ensure!(gaps.intact, "messages came wrong, or in the wrong order");
            Ok(gaps.longest_since(at).min(LONGEST_PAUSE))
        }
        Err(Error::Broken { source, .. }) if has_paused(&source) => Ok(LONGEST_PAUSE),
        Err(error) => Err(error.into()),
    }
}

/// The connection is there, and nothing came for so long.
fn has_paused(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}
