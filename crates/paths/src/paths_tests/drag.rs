//! A path that makes the sum slower.

use super::*;

const GOOD: PathId = PathId(0);
const POOR: PathId = PathId(1);
const SECOND: Duration = Duration::from_secs(1);

/// Two paths, whose data asks the questions.
fn scene(now: Instant) -> Paths {
    let mut paths = Paths::new(false, now);
    paths.set_terms(&[(GOOD, Terms::default()), (POOR, Terms::default())], now);
    for (id, round_trip) in [(GOOD, ms(15)), (POOR, ms(300))] {
        paths.handle(Event::Link(id, Link::Usable), now);
        paths.handle(Event::Probed(id, Probed::Answered(round_trip)), now);
    }
    paths
}

/// A second of bulk data, of which so much gets through.
fn second(paths: &mut Paths, through: u64, now: Instant) -> Vec<Action> {
    for (id, carried) in [(GOOD, 4_000_000), (POOR, 500_000)] {
        let look = Look {
            life: true,
            carried,
            ..Look::default()
        };
        paths.handle(Event::Look(id, look), now);
    }
    paths.handle(Event::Through(through), now);
    paths.handle(Event::Tick, now)
}

fn uses(paths: &Paths, now: Instant) -> Vec<Use> {
    paths.verdicts(now).iter().map(|it| it.used).collect()
}

#[test]
fn what_is_under_way_on_a_path_that_is_left_out_is_sent_again() {
    let mut now = Instant::now();
    let mut paths = scene(now);
    let mut actions = Vec::new();
    for _ in 0..5 {
        now += SECOND;
        // It has come, and waits for what comes by the slow path.
        actions.extend(second(&mut paths, 1000, now));
    }
    assert_eq!(uses(&paths, now), [Use::Carries, Use::Standby]);
    let renewed = actions.iter().filter(|it| matches!(it, Action::Renew(_)));
    assert_eq!(renewed.collect::<Vec<_>>(), [&Action::Renew(POOR)]);
}

#[test]
fn a_link_that_was_away_for_long_is_judged_anew() {
    let mut now = Instant::now();
    let mut paths = scene(now);
    for _ in 0..4 {
        now += SECOND;
        second(&mut paths, 4_500_000, now);
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
