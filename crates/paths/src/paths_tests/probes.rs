//! What asking costs.

use super::*;

/// How often the first of two paths is asked in a minute of this, while it works.
fn probes_in_a_minute(flow: Flow) -> usize {
    let mut bench = Bench::up(&[15, 40]);
    bench.wires[0].flow = flow;
    bench.run(60_000);
    assert_eq!(bench.count(Action::Apply), 0);
    bench.probes(0)
}

#[test]
fn without_traffic_nobody_is_asked() {
    let mut bench = Bench::up(&[15, 40]);
    bench.run(60_000);
    assert_eq!(bench.log, []);
}

#[test]
fn bulk_data_is_life_enough() {
    let probes = probes_in_a_minute(BULK);
    assert!((50..=61).contains(&probes), "{probes} probes");
}

#[test]
fn everyday_traffic_costs_no_more_than_the_budget() {
    let patterns: [(&str, Flow); 7] = [
        ("messages 10 ms apart", |at| at % 10 == 0),
        ("messages 100 ms apart", |at| at % 100 == 0),
        ("messages 700 ms apart", |at| at % 700 < 20),
        ("bursts 100 ms apart", |at| at % 150 < 50),
        ("bursts 250 ms apart", |at| at % 500 < 250),
        ("pages", |at| at % 3000 < 400 && at % 100 < 60),
        ("irregular", |at| {
            (at / 50).wrapping_mul(2_654_435_761) % 7 < 3
        }),
    ];
    for (name, flow) in patterns {
        let probes = probes_in_a_minute(flow);
        assert!(probes <= 2 * 60 + 4, "{name}: {probes} probes");
    }
}

/// A long pause is asked about even if the budget is spent.
#[test]
fn the_worst_traffic_costs_little_more_than_the_budget() {
    let patterns: [Flow; 4] = [
        |at| at % 260 < 100,
        |at| at % 300 < 100,
        |at| at % 360 < 160,
        |at| at % 400 < 200,
    ];
    for (place, flow) in patterns.into_iter().enumerate() {
        let probes = probes_in_a_minute(flow);
        assert!(probes <= 3 * 60, "{place}: {probes} probes");
    }
}

#[test]
fn a_metered_path_that_carries_nothing_is_not_asked() {
    let metered = Terms {
        role: Role::Backup,
        metered: true,
    };
    let mut bench = Bench::with(true, &[15, 40], &[Terms::default(), metered]).all_up();
    assert_eq!(bench.uses(), [Carries, Standby]);
    bench.wires[0].flow = BULK;
    bench.run(60_000);
    assert_eq!(bench.probes(1), 0);
}

#[test]
fn a_metered_path_that_never_answers_is_asked_seldom() {
    let metered = Terms {
        role: Role::Backup,
        metered: true,
    };
    let mut bench = Bench::with(true, &[15, 40], &[Terms::default(), metered]);
    bench.wires[1].dead = true;
    let mut bench = bench.all_up();
    bench.wires[0].flow = BULK;
    bench.run(60_000);
    assert!(bench.probes(1) <= 12, "{} probes", bench.probes(1));
}

#[test]
fn a_dead_path_is_asked_eight_times_a_second_at_most() {
    let mut bench = Bench::up(&[15, 40]);
    bench.wires[0].flow = BULK;
    bench.wires[1].dead = true;
    bench.until(|bench| bench.state(1) == State::Down);
    bench.log.clear();
    bench.run(60_000);
    let probes = bench.probes(1);
    assert!((300..=481).contains(&probes), "{probes} probes");
}

#[test]
fn nothing_is_looked_at_often_without_need() {
    let mut bench = Bench::up(&[15, 40]);
    let patience = |bench: &Bench| bench.paths.patience(bench.now);
    assert_eq!(patience(&bench), ms(200));
    bench.event(Event::Traffic);
    bench.run(500);
    assert_eq!(patience(&bench), ms(15));
    bench.wires[0].dead = true;
    bench.wires[0].flow = BULK;
    bench.until(|bench| bench.state(0) == State::Suspect);
    bench.wires[0].flow = NOTHING;
    bench.run(3000);
    assert_eq!(patience(&bench), ms(50));
    let off = Terms {
        role: Role::Off,
        ..Terms::default()
    };
    bench.set_terms(&[off, Terms::default()]);
    assert_eq!(patience(&bench), ms(200));
}
