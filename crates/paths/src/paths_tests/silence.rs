//! Paths that fall silent while their link stays.

use super::*;

/// How long after the last life a path that dies in bulk data is given up.
fn given_up_after(round_trip: u64) -> Duration {
    let mut bench = Bench::up(&[round_trip, 20]);
    bench.wires[0].flow = BULK;
    bench.run(1000);
    bench.wires[0].dead = true;
    let last = bench.paths.paths[0].health.life();
    bench.until(|bench| bench.uses() == [Unused, Carries]);
    assert_eq!(bench.state(0), State::Suspect);
    bench.now - last
}

#[test]
fn a_near_path_is_given_up_within_120_ms_and_a_far_one_within_180() {
    assert!(given_up_after(15) < ms(120), "{:?}", given_up_after(15));
    assert!(given_up_after(40) < ms(180), "{:?}", given_up_after(40));
}

#[test]
fn a_flow_that_stops_is_asked_about_after_30_ms_and_then_twice() {
    let mut bench = Bench::up(&[15, 20]);
    bench.wires[0].flow = BULK;
    // Not when the question of each second is due.
    bench.run(1500);
    bench.log.clear();
    bench.wires[0].dead = true;
    let last = bench.paths.paths[0].health.life();
    bench.until(|bench| bench.state(0) != State::Up);
    let given_up = bench.now;
    let questions = bench
        .log
        .iter()
        .filter(|(at, action)| *action == Action::Probe(PathId(0)) && *at < given_up);
    let asked: Vec<u128> = questions.map(|(at, _)| (*at - last).as_millis()).collect();
    assert!(
        matches!(asked[..], [30..=45, 57..=75, 67..=85]),
        "{asked:?}"
    );
}

#[test]
fn one_that_dies_at_rest_is_given_up_as_soon_as_it_is_needed() {
    let mut bench = Bench::up(&[15, 20]);
    bench.run(10_000);
    bench.wires[0].dead = true;
    bench.wires[0].flow = BULK;
    let took = bench.until(|bench| bench.uses() == [Unused, Carries]);
    // The next look at rest, and the limit.
    assert!(took <= ms(200 + 80), "{took:?}");
}

#[test]
fn one_that_carries_nothing_is_given_up_within_a_second_and_a_half() {
    let mut bench = Bench::up(&[15, 40]);
    bench.wires[0].flow = BULK;
    bench.run(1000);
    bench.wires[1].dead = true;
    let took = bench.until(|bench| bench.uses() == [Carries, Unused]);
    assert!(took < ms(1500), "{took:?}");
}

#[test]
fn a_path_that_pauses_and_lives_is_not_given_up() {
    for (round_trip, jitter) in [(5, 10), (40, 20), (40, 100), (300, 200)] {
        let mut bench = Bench::up(&[15, 15]);
        bench.wires[1].round_trip = ms(round_trip);
        bench.wires[1].jitter = ms(jitter);
        bench.wires[1].flow = |at| at % 400 < 200;
        // The change is news to it.
        bench.run(10_000);
        bench.log.clear();
        bench.run(60_000);
        assert_eq!(bench.count(Action::Apply), 0, "{round_trip} ms {jitter} ms");
        assert_eq!(bench.state(1), State::Up);
    }
}

#[test]
fn two_lost_questions_change_nothing() {
    for lost in 1..=2 {
        let mut bench = Bench::up(&[15, 40]);
        bench.wires[0].flow = BULK;
        bench.run(1000);
        bench.wires[0].flow = NOTHING;
        bench.wires[0].loses = lost;
        bench.run(10_000);
        assert_eq!(bench.wires[0].loses, 0);
        assert_eq!(bench.count(Action::Apply), 0, "{lost} lost");
    }
}

#[test]
fn the_last_one_keeps_carrying_and_is_renewed_on_its_return() {
    let mut bench = Bench::up(&[15, 40]);
    bench.wires.iter_mut().for_each(|wire| {
        wire.flow = BULK;
        wire.dead = true;
    });
    bench.run(5000);
    assert_eq!(bench.state(0), State::Down);
    let carries = bench.uses().iter().position(|it| *it == Carries).unwrap();
    assert_eq!(bench.uses().iter().filter(|it| **it == Carries).count(), 1);
    bench.wires[carries].dead = false;
    bench.run(1000);
    assert_eq!(bench.state(carries), State::Up);
    assert_eq!(bench.count(Action::Renew(PathId(carries as u32))), 1);
    bench.wires[1 - carries].dead = false;
    bench.run(1000);
    assert_eq!(bench.uses(), [Carries, Carries]);
    assert_eq!(bench.count(Action::Renew(PathId(1 - carries as u32))), 0);
}

#[test]
fn one_whose_subflows_were_closed_needs_no_renewal() {
    let mut bench = Bench::up(&[15, 40]);
    bench.wires[0].flow = BULK;
    bench.wires[0].dead = true;
    bench.run(3000);
    bench.wires[0].dead = false;
    bench.until(|bench| bench.uses() == [Carries, Carries]);
    assert_eq!(bench.count(Action::Renew(PathId(0))), 0);
}

#[test]
fn after_a_short_silence_nothing_is_renewed() {
    let mut bench = Bench::up(&[15]);
    bench.wires[0].flow = BULK;
    bench.wires[0].dead = true;
    bench.until(|bench| bench.state(0) == State::Suspect);
    bench.run(50);
    bench.wires[0].dead = false;
    bench.until(|bench| bench.state(0) == State::Up);
    assert_eq!(bench.count(Action::Renew(PathId(0))), 0);
}

#[test]
fn the_only_path_is_renewed_as_often_as_it_comes_back() {
    let mut bench = Bench::up(&[15]);
    bench.wires[0].flow = BULK;
    for outage in 1..=5 {
        bench.wires[0].dead = true;
        bench.run(1000);
        bench.wires[0].dead = false;
        bench.run(300);
        assert_eq!(bench.uses(), [Carries]);
        assert_eq!(bench.count(Action::Renew(PathId(0))), outage);
    }
}

#[test]
fn nobody_is_given_up_by_a_caller_who_was_absent() {
    let mut bench = Bench::up(&[15, 40]);
    bench.absence = ms(500);
    bench.wires[0].flow = BULK;
    bench.wires[0].dead = true;
    bench.run(10_000);
    assert_eq!(bench.count(Action::Apply), 0);
    bench.absence = Duration::ZERO;
    let took = bench.until(|bench| bench.uses() == [Unused, Carries]);
    assert!(took < ms(120), "{took:?}");
}

/// Looks at a path's sockets, and at the clock, every 15 ms.
fn look(bench: &mut Bench, times: usize, look: Look) {
    for _ in 0..times {
        bench.now += ms(15);
        bench.event(Event::Look(PathId(0), look));
        bench.event(Event::Tick);
    }
}

const STUCK: Look = Look {
    life: false,
    waiting: true,
    stuck: true,
    round_trip: None,
    carried: 0,
    sent: (0, 0),
};

#[test]
fn with_nobody_to_ask_stuck_data_gives_a_path_up_and_it_is_tried_again() {
    let mut bench = Bench::with(false, &[15, 40], &[Terms::default(); 2]);
    bench.link(0, Link::Usable);
    bench.link(1, Link::Usable);
    assert_eq!(bench.uses(), [Carries, Carries]);
    look(&mut bench, 70, STUCK);
    assert_eq!(bench.uses(), [Unused, Carries]);
    let took = bench.until(|bench| bench.uses() == [Carries, Carries]);
    assert!(took > ms(1500) && took < ms(2500), "{took:?}");
    assert_eq!(bench.probes(0) + bench.probes(1), 0);
}

#[test]
fn with_nobody_to_ask_data_that_is_stuck_no_more_is_forgotten() {
    let mut bench = Bench::with(false, &[15, 40], &[Terms::default(); 2]);
    bench.link(0, Link::Usable);
    bench.link(1, Link::Usable);
    look(&mut bench, 5, STUCK);
    bench.log.clear();
    look(&mut bench, 200, Look::default());
    assert_eq!(bench.log, []);
}

#[test]
fn nobody_waits_for_answers_of_those_who_cannot_be_asked_any_more() {
    let mut bench = Bench::up(&[15]);
    bench.wires[0].flow = BULK;
    bench.wires[0].dead = true;
    bench.until(|bench| bench.probes(0) > 0);
    bench.paths.set_can_ask(false);
    bench.wires[0].flow = NOTHING;
    bench.run(3000);
    assert_eq!(bench.state(0), State::Up);
    assert_eq!(bench.paths.patience(bench.now), ms(200));
}

/// Fifty datagrams a second, past the hub.
const CALL: Flow = |at| at.is_multiple_of(20);

#[test]
fn a_call_past_the_hub_is_asked_about_as_soon_as_nothing_comes() {
    for (round_trip, limit) in [(15, 140), (40, 200)] {
        let mut bench = Bench::up(&[round_trip, 20]);
        bench.wires[0].call = CALL;
        // Not when the question of each second is due.
        bench.run(2500);
        assert_eq!(bench.uses(), [Carries, Carries]);
        bench.wires[0].dead = true;
        let last = bench.paths.paths[0].health.life();
        bench.until(|bench| bench.uses() == [Unused, Carries]);
        let took = bench.now - last;
        assert!(took < ms(limit), "{took:?}");
    }
}

#[test]
fn who_sends_past_the_hub_and_hears_nothing_is_asked_about_each_second() {
    let mut bench = Bench::up(&[15, 20]);
    bench.wires[0].dead = true;
    let began = bench.now;
    while bench.uses() != [Unused, Carries] {
        bench.event(Event::Traffic);
        bench.run(20);
        assert!(bench.now - began < ms(1500), "{:?}", bench.verdicts());
    }
}

#[test]
fn a_call_past_the_hub_costs_no_more_questions_than_tcp_does() {
    let questions = |set: fn(&mut Wire)| {
        let mut bench = Bench::up(&[15, 20]);
        set(&mut bench.wires[0]);
        bench.run(10_000);
        bench.probes(0)
    };
    let (by_call, by_tcp) = (
        questions(|it| it.call = CALL),
        questions(|it| it.flow = CALL),
    );
    assert!(by_call <= by_tcp + 1, "{by_call}, {by_tcp}");
}

#[test]
fn what_comes_past_the_hub_says_nothing_of_the_hub() {
    let mut bench = Bench::up(&[15, 20]);
    let waiting = Look {
        waiting: true,
        ..Look::default()
    };
    // The hub is cut off on this path alone, and the rest of the Internet is there.
    bench.wires[0].dead = true;
    let began = bench.now;
    while bench.uses() != [Unused, Carries] {
        bench.event(Event::Traffic);
        bench.event(Event::Look(PathId(0), waiting));
        bench.event(Event::Came(PathId(0)));
        bench.run(15);
        assert!(bench.now - began < ms(300), "{:?}", bench.verdicts());
    }
    for _ in 0..100 {
        bench.event(Event::Came(PathId(0)));
        bench.run(15);
    }
    assert_eq!(bench.uses(), [Unused, Carries]);
}
