//! A path that makes the sum slower.

use super::*;

const GOOD: PathId = PathId(0);
const POOR: PathId = PathId(1);
const SECOND: Duration = Duration::from_secs(1);

/// Two paths, whose data asks the questions.
fn scene(answers: u32, now: Instant) -> Paths {
    let mut paths = Paths::new(false, now);
    paths.set_terms(&[(GOOD, Terms::default()), (POOR, Terms::default())], now);
    for (id, round_trip) in [(GOOD, ms(15)), (POOR, ms(300))] {
        paths.handle(Event::Link(id, Link::Usable), now);
        for _ in 0..answers {
            paths.handle(Event::Probed(id, Probed::Answered(round_trip)), now);
        }
    }
    paths
}

/// A second of bulk data.
fn second(paths: &mut Paths, now: Instant) {
    for (id, carried) in [(GOOD, 4_000_000), (POOR, 500_000)] {
        let look = Look {
            life: true,
            carried,
            ..Look::default()
        };
        paths.handle(Event::Look(id, look), now);
    }
    paths.handle(Event::Through(4_500_000), now);
    paths.handle(Event::Tick, now);
}

fn uses(paths: &Paths, now: Instant) -> Vec<Use> {
    paths.verdicts(now).iter().map(|it| it.used).collect()
}

#[test]
fn a_link_that_was_away_for_long_is_judged_anew() {
    let mut now = Instant::now();
    let mut paths = scene(1, now);
    for _ in 0..4 {
        now += SECOND;
        second(&mut paths, now);
    }
    assert_eq!(uses(&paths, now)[1], Use::Standby);
    let mut replug = |away: u32| {
        paths.handle(Event::Link(POOR, Link::NoCarrier), now);
        now += away * SECOND;
        paths.handle(Event::Link(POOR, Link::Usable), now);
        uses(&paths, now)[1]
    };
    assert_eq!(replug(1), Use::Standby, "a cable that shakes");
    assert_eq!(replug(6), Use::Carries);
}

#[test]
fn a_far_path_waits_for_long_transfers() {
    let mut now = Instant::now();
    let mut paths = scene(3, now);
    let reason = |paths: &Paths, now| paths.verdicts(now)[1].reason.to_string();
    for _ in 0..9 {
        now += SECOND;
        second(&mut paths, now);
        assert_eq!(uses(&paths, now)[1], Use::Standby);
        assert!(reason(&paths, now).contains("long transfers"));
    }
    now += SECOND;
    second(&mut paths, now);
    assert_eq!(uses(&paths, now)[1], Use::Carries);
    // It finds out what it can carry in sixteen round trips.
    for _ in 0..5 {
        assert_eq!(uses(&paths, now)[1], Use::Carries);
        now += SECOND;
        second(&mut paths, now);
    }
    assert_eq!(uses(&paths, now)[1], Use::Standby);
    assert!(reason(&paths, now).contains("it adds"));
}

/// What a new path is used for after each answer that took so long, beside a good one.
fn uses_of_a_new_one(answer: Duration, answers: usize) -> Vec<Use> {
    let now = Instant::now();
    let mut paths = Paths::new(true, now);
    paths.set_terms(&[(GOOD, Terms::default()), (POOR, Terms::default())], now);
    paths.handle(Event::Link(GOOD, Link::Usable), now);
    for _ in 0..3 {
        paths.handle(Event::Probed(GOOD, Probed::Answered(ms(15))), now);
    }
    paths.handle(Event::Link(POOR, Link::Usable), now);
    let answered = (0..answers).map(|_| {
        paths.handle(Event::Probed(POOR, Probed::Answered(answer)), now);
        uses(&paths, now)[1]
    });
    answered.collect()
}

#[test]
fn a_new_path_is_not_used_until_it_is_known_how_far_it_is() {
    let near = uses_of_a_new_one(ms(40), 3);
    assert_eq!(near, [Use::Unused, Use::Unused, Use::Carries]);
    let far = uses_of_a_new_one(ms(300), 4);
    assert_eq!(far, [Use::Unused, Use::Unused, Use::Standby, Use::Standby]);
}

#[test]
fn one_that_does_not_tell_is_used_after_a_while() {
    let now = Instant::now();
    let mut paths = Paths::new(true, now);
    paths.set_terms(&[(GOOD, Terms::default()), (POOR, Terms::default())], now);
    for id in [GOOD, POOR] {
        paths.handle(Event::Link(id, Link::Usable), now);
    }
    for (id, times) in [(GOOD, 3), (POOR, 1)] {
        for _ in 0..times {
            paths.handle(Event::Probed(id, Probed::Answered(ms(20))), now);
        }
    }
    assert_eq!(uses(&paths, now)[1], Use::Unused);
    let reason = paths.verdicts(now)[1].reason.to_string();
    assert!(reason.contains("asked how far"), "{reason}");
    // Both answer what they are asked meanwhile, but for that.
    let later = now + MEASURED_WITHIN;
    paths.handle(Event::Traffic, later);
    assert_eq!(uses(&paths, later)[1], Use::Carries);
}
