//! A limit of bytes per second that many connections share.

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// How much may go at once after a pause, as time: short enough for an even flow, long enough that a
/// full buffer of a fast user does not wait.
const BURST: Duration = Duration::from_millis(50);

/// The least that [`Throttle::portion`] gives: below it, system calls would cost more than the bytes.
const LEAST_PORTION: usize = 4 * 1024;

/// [`Throttle::bytes_per_second`] without a limit.
const NO_LIMIT: u64 = 0;

/// A token bucket. Who takes waits in the order of asking, so that connections which all want more
/// than there is get equal shares of it. The limit may come, change and go at any time.
#[derive(Debug)]
pub struct Throttle {
    bytes_per_second: AtomicU64,
    ledger: Mutex<Ledger>,
    /// The limit is another one.
    changed: Notify,
}

/// What has been taken.
#[derive(Debug)]
struct Ledger {
    /// When everything that has been taken so far is paid for.
    paid: Instant,
    /// How often the limit was changed. What was claimed under another limit counts no more.
    changes: u64,
}

/// What a connection's two directions have to heed; no limit, without.
#[derive(Clone, Debug, Default)]
pub struct Rates {
    /// Bytes from the client onwards.
    pub up: Option<Arc<Throttle>>,
    /// Bytes to the client.
    pub down: Option<Arc<Throttle>>,
}

impl Throttle {
    /// A limit of so many bytes per second, with a burst of 50 ms.
    pub fn new(bytes_per_second: NonZeroU64) -> Self {
        let throttle = Self::unlimited();
        throttle.set(Some(bytes_per_second));
        throttle
    }

    /// No limit for now.
    pub fn unlimited() -> Self {
        Self {
            bytes_per_second: NO_LIMIT.into(),
            ledger: Mutex::new(Ledger {
                paid: Instant::now(),
                changes: 0,
            }),
            changed: Notify::new(),
        }
    }

    /// Changes the limit, also for those who wait. `None`: there is none.
    pub fn set(&self, bytes_per_second: Option<NonZeroU64>) {
        let rate = bytes_per_second.map_or(NO_LIMIT, NonZeroU64::get);
        let mut ledger = self.ledger();
        if self.bytes_per_second.swap(rate, Ordering::Relaxed) == rate {
            return;
        }
        // Who waits asks again, in the same order.
        ledger.paid = Instant::now();
        ledger.changes += 1;
        drop(ledger);
        self.changed.notify_waiters();
    }

    /// Waits until `bytes` may be passed on. Cancelled while waiting, it takes nothing.
    pub async fn take(&self, bytes: usize) {
        while self.rate().is_some() {
            let changed = self.changed.notified();
            let Some(claim) = self.claim(bytes) else {
                return;
            };
            tokio::select! {
                () = sleep_until(claim.due) => return claim.settle(),
                () = changed => {}
            }
        }
    }

    /// Takes `bytes` if they may be passed on at once. For what is better lost than late.
    pub fn try_take(&self, bytes: usize) -> bool {
        // A claim that is dropped gives back what it took.
        self.claim(bytes).is_none()
    }

    /// How many bytes should be taken at once, so that nobody waits long behind one of many.
    pub fn portion(&self) -> usize {
        let Some(rate) = self.rate() else {
            return usize::MAX;
        };
        let burst = rate.get() / per_second(BURST);
        usize::try_from(burst / 2)
            .unwrap_or(usize::MAX)
            .max(LEAST_PORTION)
    }

    /// Takes the bytes; what to wait for, if they are more than there are.
    fn claim(&self, bytes: usize) -> Option<Claim<'_>> {
        let mut ledger = self.ledger();
        let cost = cost(bytes, self.rate()?);
        let now = Instant::now();
        // A pause is worth no more than a burst.
        let least = now.checked_sub(BURST).unwrap_or(now);
        ledger.paid = ledger.paid.max(least) + cost;
        let due = ledger.paid;
        (due > now).then(|| Claim {
            throttle: self,
            changes: ledger.changes,
            cost,
            due,
        })
    }

    fn rate(&self) -> Option<NonZeroU64> {
        NonZeroU64::new(self.bytes_per_second.load(Ordering::Relaxed))
    }

    /// A panic elsewhere leaves the time whole.
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes that have been taken and not passed on yet. Dropped before that, it gives them back: a page
/// load that the user stops must not hold up the next one.
struct Claim<'a> {
    throttle: &'a Throttle,
    /// [`Ledger::changes`] when it was taken.
    changes: u64,
    cost: Duration,
    due: Instant,
}

impl Claim<'_> {
    fn settle(mut self) {
        self.cost = Duration::ZERO;
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let mut ledger = self.throttle.ledger();
        if ledger.changes == self.changes {
            ledger.paid = ledger.paid.checked_sub(self.cost).unwrap_or(ledger.paid);
        }
    }
}

fn cost(bytes: usize, rate: NonZeroU64) -> Duration {
    const NANOS: u128 = 1_000_000_000;
    let nanos = bytes as u128 * NANOS / u128::from(rate.get());
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

fn per_second(time: Duration) -> u64 {
    u64::try_from(Duration::from_secs(1).as_nanos() / time.as_nanos()).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const RATE: u64 = 1_000_000;

    fn throttle() -> Throttle {
        Throttle::new(NonZeroU64::new(RATE).expect("not 0"))
    }

    /// tokio's timers have a granularity of a millisecond.
    fn assert_about(time: Duration, expected: Duration) {
        let off = time.abs_diff(expected);
        assert!(off <= Duration::from_millis(2), "{time:?} for {expected:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_holds_whatever_the_pieces() {
        for pieces in [1, 7, 1000] {
            let throttle = throttle();
            let began = Instant::now();
            for _ in 0..pieces {
                throttle.take(RATE as usize / pieces).await;
            }
            assert_about(began.elapsed(), Duration::from_secs(1));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_is_worth_one_burst() {
        let throttle = throttle();
        tokio::time::sleep(Duration::from_secs(60)).await;
        let burst = RATE as usize / 20;
        assert!(throttle.take(burst).now_or_never().is_some());
        let began = Instant::now();
        throttle.take(burst).await;
        assert_about(began.elapsed(), BURST);
    }

    #[tokio::test(start_paused = true)]
    async fn connections_get_equal_shares() {
        let throttle = Arc::new(throttle());
        let greedy = |piece: usize| {
            let throttle = Arc::clone(&throttle);
            async move {
                let mut got = 0;
                let until = Instant::now() + Duration::from_secs(2);
                while Instant::now() < until {
                    throttle.take(piece).await;
                    got += piece;
                }
                got
            }
        };
        let portion = throttle.portion();
        let (a, b, c) = tokio::join!(greedy(portion), greedy(portion), greedy(portion));
        let most = a.max(b).max(c);
        let least = a.min(b).min(c);
        assert!(most - least <= portion, "{a} {b} {c}");
        let all = (a + b + c) as u64;
        assert!(all.abs_diff(2 * RATE) <= 4 * portion as u64, "{all}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_passed_on_is_given_back() {
        let throttle = throttle();
        let given_up = throttle.take(60 * RATE as usize).now_or_never();
        assert!(given_up.is_none());
        let began = Instant::now();
        throttle.take(RATE as usize / 10).await;
        assert_about(began.elapsed(), Duration::from_millis(100));
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_that_comes_and_goes_counts_at_once() {
        let rate = |rate| NonZeroU64::new(rate);
        let throttle = Throttle::unlimited();
        assert_eq!(throttle.portion(), usize::MAX);
        assert!(throttle.take(usize::MAX).now_or_never().is_some());
        throttle.set(rate(RATE));
        let began = Instant::now();
        throttle.take(RATE as usize / 2).await;
        assert_about(began.elapsed(), Duration::from_millis(500));

        // Who waits for long is heard again, and what it had claimed is forgotten.
        let waiting = async {
            let all = throttle.take(60 * RATE as usize);
            let more = throttle.take(RATE as usize);
            tokio::join!(all, more);
            Instant::now()
        };
        let changing = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            throttle.set(rate(61 * RATE));
            Instant::now()
        };
        let (ended, changed) = tokio::join!(waiting, changing);
        assert_about(ended - changed, Duration::from_secs(1));

        let waiting = async {
            throttle.take(6000 * RATE as usize).await;
            Instant::now()
        };
        let freeing = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            throttle.set(None);
            Instant::now()
        };
        let (ended, freed) = tokio::join!(waiting, freeing);
        assert_about(ended - freed, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn what_can_not_wait_is_refused_and_costs_nothing() {
        let throttle = throttle();
        let burst = RATE as usize / 20;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(throttle.try_take(burst));
        for _ in 0..100 {
            assert!(!throttle.try_take(burst));
        }
        tokio::time::sleep(BURST).await;
        assert!(throttle.try_take(burst));
    }

    #[test]
    fn a_portion_is_half_a_burst() {
        let portion = |rate| Throttle::new(NonZeroU64::new(rate).expect("not 0")).portion();
        assert_eq!(portion(10_000_000), 250_000);
        assert_eq!(portion(1), LEAST_PORTION);
    }
}
