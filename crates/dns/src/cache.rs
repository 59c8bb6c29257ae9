//! Answers that may be given again.

use std::sync::Arc;
use std::time::Duration;

use lru::LruCache;
use tokio::time::Instant;

use crate::answer::Answer;
use crate::request::Question;
use crate::ways::Area;

/// The most memory for answers that are kept, in bytes and roughly: for some 20,000 usual ones.
const MOST_BYTES: usize = 16 << 20;

/// What is known, the least lately used first to go. Names of a network's own are kept for that network.
#[derive(Debug)]
pub(crate) struct Cache {
    kept: LruCache<(Area, Question), Kept>,
    bytes: usize,
    most: usize,
}

#[derive(Debug)]
struct Kept {
    answer: Arc<Answer>,
    since: Instant,
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            kept: LruCache::unbounded(),
            bytes: 0,
            most: MOST_BYTES,
        }
    }
}

impl Cache {
    /// An answer that still counts, and how old it is.
    pub(crate) fn get(
        &mut self,
        area: &Area,
        question: &Question,
        now: Instant,
    ) -> Option<(Arc<Answer>, Duration)> {
        let key = (area.clone(), question.clone());
        let kept = self.kept.get(&key)?;
        let age = now.saturating_duration_since(kept.since);
        if age < Duration::from_secs(kept.answer.lifetime.into()) {
            return Some((Arc::clone(&kept.answer), age));
        }
        if let Some(old) = self.kept.pop(&key) {
            self.bytes -= old.answer.weight();
        }
        None
    }

    /// Keeps an answer for as long as it may be kept.
    pub(crate) fn put(
        &mut self,
        area: Area,
        question: Question,
        answer: &Arc<Answer>,
        now: Instant,
    ) {
        if answer.lifetime == 0 {
            return;
        }
        let kept = Kept {
            answer: Arc::clone(answer),
            since: now,
        };
        self.bytes += answer.weight();
        if let Some(old) = self.kept.put((area, question), kept) {
            self.bytes -= old.answer.weight();
        }
        while self.bytes > self.most
            && let Some((_, oldest)) = self.kept.pop_lru()
        {
            self.bytes -= oldest.answer.weight();
        }
    }

    /// How many are kept.
    pub(crate) fn len(&self) -> usize {
        self.kept.len()
    }
}

#[cfg(test)]
mod tests {
    use hickory_proto::rr::rdata::A;
    use hickory_proto::rr::{Name, RData, RecordType};

    use super::*;

    fn question(number: u32) -> Question {
        Question {
            name: Name::from_ascii(format!("n{number}.test.")).unwrap(),
            kind: RecordType::A,
            dnssec: false,
            unchecked: false,
        }
    }

    fn answer(number: u32, lifetime: u32) -> Arc<Answer> {
        let data = RData::A(A(number.into()));
        let mut answer = Answer::with(question(number).name, data, lifetime);
        answer.lifetime = lifetime;
        Arc::new(answer)
    }

    #[test]
    fn answers_are_kept_as_long_as_they_may_be() {
        let (mut cache, now) = (Cache::default(), Instant::now());
        cache.put(None, question(1), &answer(1, 10), now);
        cache.put(None, question(2), &answer(2, 0), now);
        let later = |seconds| now + Duration::from_secs(seconds);
        let (kept, age) = cache.get(&None, &question(1), later(9)).unwrap();
        assert_eq!((kept, age), (answer(1, 10), Duration::from_secs(9)));
        assert_eq!(cache.get(&None, &question(2), now), None);
        let other = Question {
            dnssec: true,
            ..question(1)
        };
        assert_eq!(cache.get(&None, &other, now), None);
        assert_eq!(cache.get(&None, &question(1), later(10)), None);
        assert_eq!((cache.len(), cache.bytes), (0, 0));
    }

    #[test]
    fn what_was_least_lately_used_goes_when_there_is_too_much() {
        let (mut cache, now) = (Cache::default(), Instant::now());
        cache.most = 10 * answer(0, 1).weight();
        for number in 0..100 {
            cache.put(None, question(number), &answer(number, 60), now);
            assert!(cache.get(&None, &question(0), now).is_some());
            // The same again takes no more room.
            cache.put(None, question(0), &answer(0, 60), now);
        }
        assert_eq!((cache.len(), cache.bytes), (10, cache.most));
        assert!(cache.get(&None, &question(91), now).is_some());
        assert!(cache.get(&None, &question(90), now).is_none());
    }
}
