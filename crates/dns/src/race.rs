//! Asking one after the other until one has answered.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::answer::Answer;
use crate::ask::{self, Tunnel};
use crate::request::Question;
use crate::ways::{Area, Upstream, Ways};

/// How long one is waited for before the next is asked as well. Most names take a fraction of it, and
/// programs ask again after a second at the earliest. When all were asked, it doubles.
const PATIENCE: Duration = Duration::from_millis(300);

/// How long the tunnel is waited for that gives signs of life: then it is the name that takes long, and
/// that is no reason to tell others of it.
const LONG_PATIENCE: Duration = Duration::from_secs(2);

/// How long a question is asked in all. Programs wait for five seconds, then ask again.
const LONGEST: Duration = Duration::from_secs(8);

/// Who has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    Tunnel,
    Server,
    Zone,
}

type Asking = Pin<Box<dyn Future<Output = (By, io::Result<Answer>)> + Send>>;

/// One who can be asked.
#[derive(Clone, Debug)]
enum Candidate {
    Tunnel(Arc<Tunnel>),
    Server(Upstream, By),
}

/// The first good answer, or the last one of those that say that their server can't or won't. `None`: nobody
/// has said anything.
pub(crate) async fn race(
    mut ways: watch::Receiver<Arc<Ways>>,
    area: Area,
    question: Question,
) -> Option<(By, Answer)> {
    let began = Instant::now();
    let mut asking: FuturesUnordered<Asking> = FuturesUnordered::new();
    let mut round = Round::new(&ways.borrow_and_update(), &area);
    let mut unwilling = None;
    let mut next = began;
    loop {
        tokio::select! {
            Some((by, answered)) = asking.next(), if !asking.is_empty() => {
                match answered {
                    Ok(answer) if answer.is_good() => return Some((by, answer)),
                    Ok(answer) => unwilling = Some((by, answer)),
                    Err(error) => tracing::debug!(?by, %error, "a name server can't be asked"),
                }
                if asking.is_empty() {
                    if unwilling.is_some() && round.is_over() {
                        return unwilling;
                    }
                    // Whoever fails at once must not be asked all the time.
                    next = if round.is_over() { next } else { Instant::now() };
                }
            }
            () = sleep_until(next) => {
                next = Instant::now() + round.patience();
                if let Some(later) = round.waits_for_tunnel(began) {
                    next = later;
                } else if let Some(candidate) = round.next() {
                    asking.push(candidate.ask(question.clone(), round.is_repeated(&candidate)));
                    if round.has_little_hope() {
                        next = Instant::now();
                    }
                }
            }
            // What was asked by the ways before may still be answered.
            changed = ways.changed() => {
                changed.ok()?;
                round = Round::new(&ways.borrow_and_update(), &area);
                next = Instant::now();
            }
            () = sleep_until(began + LONGEST) => return unwilling,
        }
    }
}

/// The order in which candidates are asked, again and again.
struct Round {
    candidates: Vec<Candidate>,
    asked: usize,
}

impl Round {
    fn new(ways: &Ways, area: &Area) -> Self {
        let server = |by| move |server: &Upstream| Candidate::Server(*server, by);
        let candidates = match (area, &ways.tunnel) {
            (Some(zone), _) => zone.servers().iter().map(server(By::Zone)).collect(),
            (None, None) => ways.servers.iter().map(server(By::Server)).collect(),
            // Twice: one of its streams may be stuck where another one is not.
            (None, Some(tunnel)) => {
                let twice = [tunnel, tunnel].map(|it| Candidate::Tunnel(Arc::clone(it)));
                let others = ways.servers.iter().map(server(By::Server));
                twice.into_iter().chain(others).collect()
            }
        };
        Self {
            candidates,
            asked: 0,
        }
    }

    fn next(&mut self) -> Option<Candidate> {
        let place = self.asked.checked_rem(self.candidates.len())?;
        self.asked += 1;
        if let (Candidate::Server(_, By::Server), Some(tunnel)) =
            (&self.candidates[place], self.tunnel())
        {
            tunnel.fails();
        }
        Some(self.candidates[place].clone())
    }

    fn patience(&self) -> Duration {
        let rounds = self.asked.checked_div(self.candidates.len()).unwrap_or(0);
        PATIENCE * (1 << rounds.min(4))
    }

    /// Everybody was asked.
    fn is_over(&self) -> bool {
        self.asked >= self.candidates.len()
    }

    /// The tunnel was asked before.
    fn is_repeated(&self, candidate: &Candidate) -> bool {
        matches!(candidate, Candidate::Tunnel(_)) && self.asked > 1
    }

    fn tunnel(&self) -> Option<&Arc<Tunnel>> {
        match self.candidates.first() {
            Some(Candidate::Tunnel(tunnel)) => Some(tunnel),
            _ => None,
        }
    }

    /// It was the tunnel's turn and it did not do lately, so the others are asked at once.
    fn has_little_hope(&self) -> bool {
        let tunnels = self.candidates.iter();
        let tunnels = tunnels.take_while(|it| matches!(it, Candidate::Tunnel(_)));
        self.asked <= tunnels.count() && self.tunnel().is_some_and(|tunnel| tunnel.is_failing())
    }

    /// Until when others are not asked because the tunnel works, and the name just takes long.
    fn waits_for_tunnel(&self, began: Instant) -> Option<Instant> {
        let until = began + LONG_PATIENCE;
        let tunnel = self.tunnel()?;
        let is_next_other = matches!(self.candidates.get(self.asked), Some(Candidate::Server(..)));
        let waits = is_next_other && Instant::now() < until && tunnel.has_been_heard_since(began);
        waits.then_some(until)
    }
}

impl Candidate {
    fn ask(&self, question: Question, again: bool) -> Asking {
        match self.clone() {
            Self::Tunnel(tunnel) => {
                Box::pin(async move { (By::Tunnel, tunnel.ask(&question, again).await) })
            }
            Self::Server(server, by) => {
                Box::pin(async move { (by, ask::ask(&server, &question).await) })
            }
        }
    }
}
