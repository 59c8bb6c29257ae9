use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::link::{Fraction, Rate};

const MS: Duration = Duration::from_millis(1);

/// A frame that takes exactly 1 ms at 8 Mb/s: 976 bytes and 24 of overhead.
const FRAME: usize = 976;

fn plain() -> Direction {
    Direction::new(Rate::mbit(8), 20 * MS)
}

/// A fake clock's start. Only differences from it are ever looked at.
fn start() -> Instant {
    Instant::now()
}

/// Everything that leaves, with its time, for a caller that always comes at `next_departure`.
fn run(engine: &mut Engine<usize>, start: Instant) -> Vec<(usize, Fate, Duration)> {
    let mut left = Vec::new();
    while let Some(now) = engine.next_departure() {
        while let Some(departure) = engine.pop_due(now) {
            left.push((departure.frame, departure.fate, now - start));
        }
    }
    left
}

fn fill(engine: &mut Engine<usize>, frames: usize, now: Instant) -> usize {
    (0..frames)
        .filter(|&frame| engine.enqueue(frame, FRAME, now).is_ok())
        .count()
}

#[test]
fn a_frame_takes_its_transmission_time_and_the_delay() {
    let t0 = start();
    let mut engine = Engine::new(plain(), 1, t0);
    engine.enqueue(7, FRAME, t0).unwrap();
    assert_eq!(engine.pop_due(t0 + 21 * MS - Duration::from_nanos(1)), None);
    let departure = Departure {
        frame: 7,
        fate: Fate::Delivered,
    };
    assert_eq!(engine.pop_due(t0 + 21 * MS), Some(departure));
    assert_eq!(engine.next_departure(), None);
}

#[test]
fn frames_follow_each_other_at_the_rate() {
    let t0 = start();
    let mut engine = Engine::new(plain(), 1, t0);
    fill(&mut engine, 5, t0);
    let times: Vec<_> = run(&mut engine, t0)
        .into_iter()
        .map(|(_, _, at)| at)
        .collect();
    assert_eq!(times, [21 * MS, 22 * MS, 23 * MS, 24 * MS, 25 * MS]);
}

#[test]
fn a_late_caller_loses_no_rate() {
    let t0 = start();
    let mut engine = Engine::new(plain(), 1, t0);
    fill(&mut engine, 50, t0);
    // Nobody looks for 40 ms: by then 20 frames have arrived.
    let late = t0 + 40 * MS;
    assert_eq!(std::iter::from_fn(|| engine.pop_due(late)).count(), 20);
    // The rest comes as if nothing had happened.
    assert_eq!(run(&mut engine, t0).last().unwrap().2, 70 * MS);
}

#[test]
fn an_idle_link_saves_up_nothing() {
    let t0 = start();
    let mut engine = Engine::new(plain(), 1, t0);
    fill(&mut engine, 2, t0 + 1000 * MS);
    let times: Vec<_> = run(&mut engine, t0)
        .into_iter()
        .map(|(_, _, at)| at)
        .collect();
    assert_eq!(times, [1021 * MS, 1022 * MS]);
}

#[test]
fn a_full_queue_drops_the_newest() {
    let t0 = start();
    for queue in [QueueLimit::Time(10 * MS), QueueLimit::Bytes(10_000)] {
        let mut engine = Engine::new(Direction { queue, ..plain() }, 1, t0);
        // One in transmission, ten waiting.
        assert_eq!(fill(&mut engine, 100, t0), 11);
        assert_eq!(engine.enqueue(100, FRAME, t0), Err(QueueFull(100)));
        // After 3 ms three more have begun.
        assert_eq!(fill(&mut engine, 100, t0 + 3 * MS), 3);
    }
}

#[test]
fn one_frame_may_always_wait() {
    let t0 = start();
    let queue = QueueLimit::Bytes(0);
    let mut engine = Engine::new(Direction { queue, ..plain() }, 1, t0);
    assert_eq!(fill(&mut engine, 3, t0), 2);
}

#[test]
fn a_new_rate_holds_from_the_next_frame_on() {
    let t0 = start();
    let mut engine = Engine::new(plain(), 1, t0);
    fill(&mut engine, 3, t0);
    engine.set_direction(
        Direction {
            rate: Rate::mbit(4),
            ..plain()
        },
        t0,
    );
    let times: Vec<_> = run(&mut engine, t0)
        .into_iter()
        .map(|(_, _, at)| at)
        .collect();
    assert_eq!(times, [21 * MS, 23 * MS, 25 * MS]);
}

#[test]
fn a_shorter_delay_does_not_reorder() {
    let t0 = start();
    let mut engine = Engine::new(plain(), 1, t0);
    fill(&mut engine, 1, t0);
    engine.set_direction(
        Direction {
            delay: MS,
            ..plain()
        },
        t0,
    );
    fill(&mut engine, 1, t0);
    let times: Vec<_> = run(&mut engine, t0)
        .into_iter()
        .map(|(_, _, at)| at)
        .collect();
    assert_eq!(times, [21 * MS, 21 * MS]);
}

#[test]
fn loss_costs_the_sender_but_does_not_arrive() {
    let t0 = start();
    let loss = Fraction::new(0.1).unwrap();
    let queue = QueueLimit::Bytes(u64::MAX);
    let mut engine = Engine::new(
        Direction {
            loss,
            queue,
            ..plain()
        },
        1,
        t0,
    );
    fill(&mut engine, 10_000, t0);
    let left = run(&mut engine, t0);
    let lost = left
        .iter()
        .filter(|(_, fate, _)| *fate == Fate::Lost)
        .count();
    // Four standard deviations of a binomial distribution are 120.
    assert!((880..=1120).contains(&lost), "{lost}");
    assert_eq!(left.last().unwrap().2, 10_020 * MS);
}

#[test]
fn one_seed_gives_one_pattern() {
    let pattern = |seed| {
        let t0 = start();
        let loss = Fraction::new(0.3).unwrap();
        let mut engine = Engine::new(
            Direction {
                loss,
                jitter: 5 * MS,
                ..plain()
            },
            seed,
            t0,
        );
        fill(&mut engine, 100, t0);
        run(&mut engine, t0)
    };
    assert_eq!(pattern(3), pattern(3));
    assert_ne!(pattern(3), pattern(4));
}

#[test]
fn jitter_spreads_evenly_and_keeps_order() {
    let t0 = start();
    let mut engine = Engine::new(
        Direction {
            jitter: 10 * MS,
            ..plain()
        },
        1,
        t0,
    );
    let mut delays = Vec::new();
    // Far apart, so that keeping the order doesn't change the delays.
    for frame in 0..2000 {
        let sent = t0 + frame as u32 * 100 * MS;
        engine.enqueue(frame, FRAME, sent).unwrap();
        delays.extend(run(&mut engine, sent).into_iter().map(|(_, _, at)| at));
    }
    let (least, most) = (delays.iter().min().unwrap(), delays.iter().max().unwrap());
    assert!(*least >= 11 * MS && *least < 12 * MS, "{least:?}");
    assert!(*most <= 31 * MS && *most > 30 * MS, "{most:?}");
    let mean = delays.iter().sum::<Duration>() / 2000;
    assert!(mean.abs_diff(21 * MS) < MS / 2, "{mean:?}");

    fill(&mut engine, 50, t0 + 1_000_000 * MS);
    let frames: Vec<_> = run(&mut engine, t0)
        .into_iter()
        .map(|(frame, ..)| frame)
        .collect();
    assert!(frames.is_sorted(), "{frames:?}");
}

#[test]
fn held_back_frames_are_overtaken() {
    let t0 = start();
    let reorder = Fraction::new(0.05).unwrap();
    let queue = QueueLimit::Bytes(u64::MAX);
    let mut engine = Engine::new(
        Direction {
            reorder,
            queue,
            ..plain()
        },
        1,
        t0,
    );
    fill(&mut engine, 1000, t0);
    let frames: Vec<_> = run(&mut engine, t0)
        .into_iter()
        .map(|(frame, ..)| frame)
        .collect();
    let overtaken = frames.windows(2).filter(|pair| pair[0] > pair[1]).count();
    assert!((25..=80).contains(&overtaken), "{overtaken}");
}

#[test]
fn a_pulled_plug_empties_the_link() {
    let t0 = start();
    let mut engine = Engine::new(plain(), 1, t0);
    fill(&mut engine, 50, t0);
    let now = t0 + 30 * MS;
    assert_eq!(std::iter::from_fn(|| engine.pop_due(now)).count(), 10);
    assert_eq!(engine.drain(now).count(), 40);
    assert_eq!(engine.next_departure(), None);
    // And it starts afresh.
    engine.enqueue(0, FRAME, now).unwrap();
    assert_eq!(run(&mut engine, now)[0].2, 21 * MS);
}

prop_compose! {
    fn any_direction()(
        rate in 1_u64..1_000_000_000,
        delay in 0_u64..500_000_000,
        jitter in 0_u64..500_000_000,
        loss in 0.0..=1.0,
        reorder in 0.0..=1.0,
        queue in 0_u64..1_000_000,
        by_time: bool,
    ) -> Direction {
        Direction {
            rate: Rate::bits_per_second(rate),
            delay: Duration::from_nanos(delay),
            jitter: Duration::from_nanos(jitter),
            loss: Fraction::new(loss).unwrap(),
            reorder: Fraction::new(reorder).unwrap(),
            queue: if by_time {
                QueueLimit::Time(Duration::from_micros(queue))
            } else {
                QueueLimit::Bytes(queue)
            },
        }
    }
}

proptest! {
    /// Whatever the link and whenever the caller comes: no frame is lost from sight or comes twice,
    /// none is early, and the bytes that left never exceed what the rate allows.
    #[test]
    fn frames_are_conserved_and_the_rate_is_kept(
        direction in any_direction(),
        seed: u64,
        arrivals in prop::collection::vec((0_u64..3_000_000, 14_usize..9000), 1..100),
    ) {
        let t0 = start();
        let mut engine = Engine::new(direction, seed, t0);
        let mut now = t0;
        let mut accepted = Vec::new();
        let mut left = Vec::new();
        for (frame, &(gap, length)) in arrivals.iter().enumerate() {
            now += Duration::from_nanos(gap);
            if engine.enqueue(frame, length, now).is_ok() {
                accepted.push((frame, now));
            }
            left.extend(std::iter::from_fn(|| engine.pop_due(now)).map(|d| (d.frame, now)));
        }
        while let Some(next) = engine.next_departure() {
            now = now.max(next);
            left.extend(std::iter::from_fn(|| engine.pop_due(now)).map(|d| (d.frame, now)));
        }
        left.sort_unstable();
        prop_assert_eq!(left.len(), accepted.len());
        let shortest = direction.delay.saturating_sub(direction.jitter);
        let mut transmitted = Duration::ZERO;
        for (&(frame, arrived), &(same, at)) in accepted.iter().zip(&left) {
            prop_assert_eq!(frame, same);
            let length = arrivals[frame].1;
            transmitted += direction.rate.transmission(length);
            prop_assert!(at >= arrived + direction.rate.transmission(length) + shortest);
            prop_assert!(at >= t0 + transmitted + shortest);
        }
    }

    /// `next_departure` is never later than a departure, and calling back then always gets there.
    #[test]
    fn next_departure_is_a_lower_bound_that_converges(direction in any_direction(), seed: u64) {
        let t0 = start();
        let mut engine = Engine::new(direction, seed, t0);
        for frame in 0..20 {
            // The queue may be full, which is as good a state as any.
            let _ = engine.enqueue(frame, 1514, t0);
        }
        let mut now = t0;
        let mut rounds = 0;
        while let Some(next) = engine.next_departure() {
            if next > now {
                prop_assert_eq!(engine.pop_due(next - Duration::from_nanos(1)), None);
            }
            now = now.max(next);
            while engine.pop_due(now).is_some() {}
            rounds += 1;
            prop_assert!(rounds < 100, "does not converge");
        }
    }
}
