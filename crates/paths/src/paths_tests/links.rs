//! Links that come and go.

use super::*;

#[test]
fn the_first_path_is_used_at_once() {
    let mut bench = Bench::new(&[15, 40]);
    assert_eq!(bench.uses(), [Unused, Unused]);
    assert!(bench.link(1, Link::Usable).contains(&Action::Apply));
    assert_eq!(bench.uses(), [Unused, Carries]);
    assert_eq!(bench.state(1), State::Up);
}

#[test]
fn one_that_comes_up_beside_a_working_one_must_answer_first() {
    let mut bench = Bench::new(&[15, 40]);
    bench.link(0, Link::Usable);
    let actions = bench.link(1, Link::Usable);
    assert!(actions.contains(&Action::Probe(PathId(1))));
    assert_eq!(bench.uses(), [Carries, Unused]);
    let verdict = bench.verdict(1);
    assert_eq!(
        (verdict.state, verdict.reason),
        (State::Suspect, Reason::Unproven)
    );
    let took = bench.until(|bench| bench.uses() == [Carries, Carries]);
    assert_eq!(took, ms(40));
}

#[test]
fn one_that_never_answers_is_not_used_beside_a_working_one() {
    let mut bench = Bench::new(&[15, 40]);
    bench.wires[1].dead = true;
    bench.link(0, Link::Usable);
    bench.link(1, Link::Usable);
    bench.run(60_000);
    assert_eq!(bench.uses(), [Carries, Unused]);
}

#[test]
fn a_path_that_is_off_proves_nothing_about_others() {
    let off = Terms {
        role: Role::Off,
        ..Terms::default()
    };
    let mut bench = Bench::with(true, &[15, 40], &[off, Terms::default()]);
    bench.link(0, Link::Usable);
    bench.link(1, Link::Usable);
    assert_eq!(bench.state(1), State::Up);
}

#[test]
fn carrier_loss_acts_in_the_same_event() {
    let mut bench = Bench::up(&[15, 40]);
    let actions = bench.link(0, Link::NoCarrier);
    assert_eq!(actions, [Action::Apply]);
    assert_eq!(bench.uses(), [Unused, Carries]);
    assert_eq!(bench.verdict(0).reason, Reason::NoCarrier);
    assert_eq!(bench.link(0, Link::NoCarrier), []);
}

#[test]
fn a_link_that_is_told_twice_is_no_event() {
    let mut bench = Bench::up(&[15, 40]);
    let before = bench.verdict(0);
    bench.run(100);
    assert_eq!(bench.link(0, Link::Usable), []);
    assert_eq!(bench.verdict(0), before);
}

#[test]
fn a_link_that_comes_and_goes_every_second_is_held_back() {
    let mut bench = Bench::up(&[15, 40]);
    bench.wires[1].flow = BULK;
    for _ in 0..30 {
        bench.link(0, Link::NoCarrier);
        bench.run(1000);
        bench.link(0, Link::Usable);
        bench.run(1000);
    }
    // Twice bad luck, once more when the hold of a second is over, and then no more.
    let changes = bench.count(Action::Apply);
    assert!((4..=8).contains(&changes), "{changes} changes");
    assert!(matches!(bench.verdict(0).reason, Reason::Flapping { .. }));
    let took = bench.until(|bench| bench.uses() == [Carries, Carries]);
    assert!(took > ms(1000) && took < ms(8000), "{took:?}");
    bench.run(60_000);
    assert_eq!(bench.uses(), [Carries, Carries]);
}

#[test]
fn the_only_link_is_used_even_if_it_flaps() {
    let mut bench = Bench::up(&[15]);
    for _ in 0..10 {
        bench.link(0, Link::NoCarrier);
        bench.link(0, Link::Usable);
        assert_eq!(bench.uses(), [Carries]);
        bench.run(500);
    }
}

#[test]
fn one_that_flaps_by_falling_silent_is_held_back() {
    let mut bench = Bench::up(&[15, 40]);
    bench.wires[0].flow = BULK;
    bench.wires[1].flow = BULK;
    for second in 0..30 {
        bench.wires[0].dead = second % 2 == 0;
        bench.run(1000);
    }
    // Three outages, and after the hold of a second or two at most one more.
    let changes = bench.count(Action::Apply);
    assert!((5..=10).contains(&changes), "{changes} changes");
    bench.wires[0].dead = false;
    bench.until(|bench| bench.uses() == [Carries, Carries]);
}
