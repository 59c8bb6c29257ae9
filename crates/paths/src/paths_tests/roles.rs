//! What the user wants of each path.

use super::*;

fn terms<const N: usize>(roles: [Role; N]) -> [Terms; N] {
    roles.map(|role| Terms {
        role,
        ..Terms::default()
    })
}

fn bench(roles: [Role; 3]) -> Bench {
    Bench::with(true, &[15, 40, 60], &terms(roles)).all_up()
}

#[test]
fn backups_take_over_in_their_order_and_give_back() {
    let mut bench = bench([Role::Active, Role::Backup, Role::Backup]);
    assert_eq!(bench.uses(), [Carries, Standby, Unused]);
    assert_eq!(bench.verdict(1).reason, Reason::Reserve);
    bench.link(0, Link::NoCarrier);
    assert_eq!(bench.uses(), [Unused, Carries, Standby]);
    assert_eq!(bench.verdict(1).reason, Reason::Works);
    bench.link(0, Link::Usable);
    bench.until(|bench| bench.uses() == [Carries, Standby, Unused]);
}

#[test]
fn a_path_that_is_off_is_neither_used_nor_asked() {
    let mut bench = bench([Role::Off, Role::Active, Role::Active]);
    bench.wires[1].flow = BULK;
    bench.run(10_000);
    bench.link(1, Link::NoCarrier);
    bench.link(2, Link::NoCarrier);
    bench.run(10_000);
    assert_eq!(bench.uses(), [Unused; 3]);
    assert_eq!(bench.verdict(0).reason, Reason::Off);
    assert_eq!(bench.probes(0), 0);
}

#[test]
fn questions_from_before_a_path_was_off_are_forgotten() {
    let mut bench = bench([Role::Active; 3]);
    bench.wires[0].flow = BULK;
    bench.wires[0].dead = true;
    bench.until(|bench| bench.paths.paths[0].health.questions().count == 2);
    bench.set_terms(&terms([Role::Off, Role::Active, Role::Active]));
    assert_eq!(bench.paths.paths[0].health.questions().count, 0);
    bench.run(5000);
    bench.wires[0].dead = false;
    bench.set_terms(&terms([Role::Active; 3]));
    bench.log.clear();
    bench.run(5000);
    assert_eq!(bench.count(Action::Apply), 0);
}

#[test]
fn changed_terms_keep_what_is_known_of_a_path() {
    let mut bench = bench([Role::Active; 3]);
    bench.link(1, Link::NoGateway);
    let before = bench.verdicts();
    bench.run(1000);
    bench.set_terms(&terms([Role::Active, Role::Active, Role::Backup]));
    let after = bench.verdicts();
    assert_eq!(bench.uses(), [Carries, Unused, Standby]);
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(
            (before.state, before.since, before.round_trip),
            (after.state, after.since, after.round_trip)
        );
    }
}

#[test]
fn paths_change_places_and_keep_what_is_known_of_them() {
    let mut bench = bench([Role::Active, Role::Backup, Role::Backup]);
    let [active, backup, _] = terms([Role::Active, Role::Backup, Role::Backup]);
    let all = [
        (PathId(2), backup),
        (PathId(0), active),
        (PathId(3), active),
    ];
    let actions = bench.paths.set_terms(&all, bench.now);
    assert_eq!(actions, [Action::Apply]);
    assert_eq!(bench.uses(), [Standby, Carries, Unused]);
    assert_eq!(bench.verdict(0).round_trip, Some(ms(60)));
    assert_eq!(bench.verdict(2).reason, Reason::NoAddress);
    assert_eq!(bench.paths.handle(Event::Tick, bench.now), []);
}

#[test]
fn what_is_told_of_unknown_paths_is_ignored() {
    let mut bench = bench([Role::Active; 3]);
    let before = bench.verdicts();
    assert_eq!(bench.link(7, Link::Usable), []);
    assert_eq!(bench.verdicts(), before);
}

#[test]
fn verdicts_read_well() {
    let mut bench = bench([Role::Active, Role::Backup, Role::Backup]);
    let says = |bench: &Bench| -> Vec<String> {
        let verdicts = bench.verdicts().into_iter();
        verdicts.map(|verdict| verdict.to_string()).collect()
    };
    assert_eq!(
        says(&bench),
        [
            "up, carries: it works",
            "up, stands by: it works, and is a backup while an active one works",
            "up, not used: it works, and is a backup while an active one works",
        ]
    );
    bench.link(0, Link::NoCarrier);
    assert_eq!(
        says(&bench)[0],
        "down, not used: no carrier: the cable is out, or the radio has no network"
    );
}
