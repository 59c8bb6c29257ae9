//! When to repeat a message that got no answer.

use std::time::{Duration, Instant};

/// Waits after the first, second, … message; the last one stays.
///
/// RFC 2131 4.1 proposes 4 s to 64 s. A person waits for this exchange, a lost packet on Wi-Fi is
/// common, and the network is one link, so the first repeats come early.
const WAITS: [Duration; 6] = [
    Duration::from_millis(250),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(16),
];
/// RFC 2131 4.4.5: no more than one request a minute while a lease is renewed …
const RENEWAL_PAUSE: Duration = Duration::from_secs(60);
/// … but a short lease needs more tries than that: at least this many parts of it.
const RENEWAL_PARTS: u32 = 16;

/// The wait after `attempt` (0 is the first message), randomized by up to a tenth either way so
/// that machines that started together drift apart (RFC 2131 4.1).
pub(super) fn wait(attempt: usize, random: &mut fastrand::Rng) -> Duration {
    let [.., longest] = WAITS;
    let wait = WAITS.get(attempt).copied().unwrap_or(longest);
    wait.mul_f64(0.9 + 0.2 * random.f64())
}

/// The wait while a lease of `duration` is renewed, `end` being when this phase ends: half of what
/// is left (RFC 2131 4.4.5).
pub(super) fn renewal_wait(duration: Duration, end: Instant, now: Instant) -> Duration {
    let left = end.saturating_duration_since(now);
    let least = RENEWAL_PAUSE.min(duration / RENEWAL_PARTS);
    (left / 2).max(least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_sixteen_seconds_and_stay_there() {
        let mut random = fastrand::Rng::with_seed(1);
        for (attempt, nominal) in [
            (0, 0.25),
            (1, 1.0),
            (5, 16.0),
            (6, 16.0),
            (usize::MAX, 16.0),
        ] {
            let wait = wait(attempt, &mut random).as_secs_f64();
            assert!(
                (nominal * 0.9..=nominal * 1.1).contains(&wait),
                "attempt {attempt}: {wait}"
            );
        }
    }

    #[test]
    fn renewals_are_spaced_by_half_of_what_is_left() {
        let now = Instant::now();
        let wait = |duration, left| {
            renewal_wait(
                Duration::from_secs(duration),
                now + Duration::from_secs(left),
                now,
            )
        };
        assert_eq!(wait(3600, 1350), Duration::from_secs(675));
        assert_eq!(wait(3600, 30), Duration::from_secs(60));
        assert_eq!(wait(16, 1), Duration::from_secs(1));
        assert_eq!(wait(2, 0), Duration::from_millis(125));
    }
}
