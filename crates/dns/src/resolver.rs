//! What the listeners ask: what is known, what others ask already, or the network.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::answer::Answer;
use crate::cache::Cache;
use crate::counters::{Counters, Counts};
use crate::race::{By, race};
use crate::request::{Question, Refusal, Request};
use crate::seen::Seen;
use crate::special;
use crate::ways::{Area, Ways};

/// How many different questions may be asked at once.
const MOST: usize = 1024;

/// Answers queries. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Resolver(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    ways: watch::Sender<Arc<Ways>>,
    cache: Mutex<Cache>,
    under_way: Mutex<HashMap<(Area, Question), watch::Receiver<Outcome>>>,
    counters: Counters,
    seen: Seen,
}

/// `None` while it is asked; then the answer, if there is one.
type Outcome = Option<Option<Arc<Answer>>>;

/// Where a message came by, which decides how long an answer may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Intake {
    Datagram,
    Stream,
}

impl Resolver {
    /// One that asks by `ways`.
    pub fn new(ways: Ways) -> Self {
        Self::noting(ways, Seen::default())
    }

    /// One that notes in `seen`, too, which names it has given addresses of.
    pub fn noting(ways: Ways, seen: Seen) -> Self {
        Self(Arc::new(Shared {
            ways: watch::Sender::new(Arc::new(ways)),
            cache: Mutex::default(),
            under_way: Mutex::default(),
            counters: Counters::default(),
            seen,
        }))
    }

    /// Asks by others from here on. Questions that are under way are asked there, too, at once.
    pub fn set_ways(&self, ways: Ways) {
        self.0.ways.send_if_modified(|it| {
            let is_new = **it != ways;
            if is_new {
                *it = Arc::new(ways);
            }
            is_new
        });
    }

    /// What was done so far.
    pub fn counts(&self) -> Counts {
        let kept = self.0.cache().len();
        self.0.counters.counts(kept)
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.0.counters
    }

    /// The message to answer with; `None`: nothing is to be said.
    pub(crate) async fn answer(&self, bytes: &[u8], intake: Intake) -> Option<Vec<u8>> {
        self.0.counters.queries.add();
        let request = match Request::parse(bytes) {
            Ok(request) => request,
            Err(Refusal::Answer(bytes)) => return Some(bytes),
            Err(Refusal::Silent) => return None,
        };
        let most = match intake {
            Intake::Datagram => request.most_by_udp(),
            Intake::Stream => u16::MAX.into(),
        };
        Some(match self.look_up(request.question()).await {
            Some((answer, age)) => {
                let name = request.question().name.to_ascii();
                self.0.seen.note(&name, answer.addresses());
                request.reply(&answer, age, most)
            }
            None => {
                self.0.counters.failed.add();
                request.failure()
            }
        })
    }

    async fn look_up(&self, question: &Question) -> Option<(Arc<Answer>, Duration)> {
        let shared = &self.0;
        let area = shared.ways.borrow().area(question);
        if area.is_none()
            && let Some(answer) = special::answer(question)
        {
            return Some((Arc::new(answer), Duration::ZERO));
        }
        if let Some(known) = shared.cache().get(&area, question, Instant::now()) {
            shared.counters.from_cache.add();
            return Some(known);
        }
        let mut outcome = self.ask(area, question)?;
        let outcome = outcome.wait_for(Option::is_some).await.ok()?.clone();
        outcome.flatten().map(|answer| (answer, Duration::ZERO))
    }

    /// Joins those who ask already, or begins to ask. It goes on if nobody waits any more: the answer will be
    /// asked for again soon. `None`: too much is asked for already.
    fn ask(&self, area: Area, question: &Question) -> Option<watch::Receiver<Outcome>> {
        let key = (area, question.clone());
        let mut under_way = self.0.under_way();
        if let Some(outcome) = under_way.get(&key) {
            self.0.counters.joined.add();
            return Some(outcome.clone());
        }
        if under_way.len() >= MOST {
            self.0.counters.over_limit.add();
            return None;
        }
        let (sender, outcome) = watch::channel(None);
        under_way.insert(key.clone(), outcome.clone());
        drop(under_way);
        let this = self.clone();
        tokio::spawn(async move {
            // Also if hickory should panic: nobody must find it there for ever.
            let _left = Leave(&this, &key);
            let answer = this.run(&key).await;
            sender.send_replace(Some(answer));
        });
        Some(outcome)
    }

    async fn run(&self, (area, question): &(Area, Question)) -> Option<Arc<Answer>> {
        let shared = &self.0;
        let ways = shared.ways.subscribe();
        let (by, answer) = race(ways, area.clone(), question.clone()).await?;
        match by {
            By::Tunnel => shared.counters.by_tunnel.add(),
            By::Zone => shared.counters.by_zones.add(),
            By::Server => {
                shared.counters.by_servers.add();
                if shared.ways.borrow().tunnel.is_some() {
                    shared.counters.fallbacks.add();
                }
            }
        }
        let answer = Arc::new(answer);
        let (area, question) = (area.clone(), question.clone());
        shared.cache().put(area, question, &answer, Instant::now());
        Some(answer)
    }
}

struct Leave<'a>(&'a Resolver, &'a (Area, Question));

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.0.under_way().remove(self.1);
    }
}

impl Shared {
    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn under_way(&self) -> MutexGuard<'_, HashMap<(Area, Question), watch::Receiver<Outcome>>> {
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
