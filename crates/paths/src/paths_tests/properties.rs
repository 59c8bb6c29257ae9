//! What holds whatever happens.

use proptest::prelude::*;

use super::*;
use crate::patience::RoundTrip;

const PATHS: u32 = 3;

#[derive(Debug, Clone)]
enum Input {
    Event(Event),
    Later(u64),
    Terms(Vec<(PathId, Terms)>),
    CanAsk(bool),
}

fn events() -> impl Strategy<Value = Event> {
    let id = || (0..PATHS).prop_map(PathId);
    let links = [
        Link::Usable,
        Link::NoCarrier,
        Link::NoAddress,
        Link::NoGateway,
        Link::Portal,
    ];
    let round_trip = (0..3000_u64, 0..3000_u64).prop_map(|(smoothed, deviation)| RoundTrip {
        smoothed: ms(smoothed),
        deviation: ms(deviation),
    });
    let look = (
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        prop::option::of(round_trip),
    )
        .prop_map(|(life, waiting, stuck, round_trip)| Look {
            life,
            waiting,
            stuck,
            round_trip,
            ..Look::default()
        });
    let probed = prop_oneof![
        4 => (0..3000_u64).prop_map(|after| Probed::Answered(ms(after))),
        1 => Just(Probed::Unasked),
    ];
    prop_oneof![
        3 => (id(), prop::sample::select(links.to_vec())).prop_map(|(id, it)| Event::Link(id, it)),
        4 => (id(), look).prop_map(|(id, look)| Event::Look(id, look)),
        2 => (id(), probed).prop_map(|(id, probed)| Event::Probed(id, probed)),
        1 => Just(Event::Traffic),
        1 => id().prop_map(Event::Came),
        8 => Just(Event::Tick),
    ]
}

fn terms() -> impl Strategy<Value = Vec<(PathId, Terms)>> {
    let roles = prop::sample::select(vec![Role::Active, Role::Backup, Role::Off]);
    let one = (roles, any::<bool>()).prop_map(|(role, metered)| Terms { role, metered });
    let places = Just((0..PATHS).collect::<Vec<_>>()).prop_shuffle();
    (places, prop::collection::vec(one, 0..=PATHS as usize))
        .prop_map(|(places, terms)| places.into_iter().map(PathId).zip(terms).collect())
}

fn inputs() -> impl Strategy<Value = Vec<Input>> {
    let input = prop_oneof![
        12 => events().prop_map(Input::Event),
        4 => (0..60_u64).prop_map(Input::Later),
        1 => (0..100_000_u64).prop_map(Input::Later),
        1 => terms().prop_map(Input::Terms),
        1 => any::<bool>().prop_map(Input::CanAsk),
    ];
    prop::collection::vec(input, 0..120)
}

/// What of each path that stays is used, by its id.
fn uses(paths: &Paths, now: Instant) -> Vec<(PathId, Use)> {
    let verdicts = paths.verdicts(now).into_iter();
    verdicts.map(|it| (it.id, it.used)).collect()
}

proptest! {
    /// Whatever happens: something carries while anything can, what is off does nothing, and the
    /// caller is told when uses change, and only then.
    #[test]
    fn what_can_carry_carries(first in terms(), can_ask: bool, inputs in inputs()) {
        let mut now = Instant::now();
        let mut paths = Paths::new(can_ask, now);
        paths.set_terms(&first, now);
        for input in inputs {
            let before = uses(&paths, now);
            let actions = match input {
                Input::Event(event) => paths.handle(event, now),
                Input::Terms(terms) => paths.set_terms(&terms, now),
                Input::Later(span) => { now += ms(span); paths.handle(Event::Tick, now) }
                Input::CanAsk(can_ask) => { paths.set_can_ask(can_ask); Vec::new() }
            };
            let verdicts = paths.verdicts(now);
            let now_used = |id| verdicts.iter().find(|it| it.id == id).map(|it| it.used);
            let was_used = |id| before.iter().find(|(it, _)| *it == id).map(|(_, used)| *used);
            let is_news = verdicts.iter().any(|it| it.used != was_used(it.id).unwrap_or(Unused));
            prop_assert_eq!(actions.contains(&Action::Apply), is_news);

            let carries = verdicts.iter().any(|it| it.used == Carries);
            let can_carry = |path: &Path| path.health.has_link() && path.terms.role != Role::Off;
            prop_assert_eq!(carries, paths.paths.iter().any(can_carry));
            prop_assert!(verdicts.iter().filter(|it| it.used == Standby).count() <= 1);
            for path in paths.paths.iter().filter(|path| !can_carry(path)) {
                prop_assert_eq!(path.used, Unused);
                prop_assert!(!actions.contains(&Action::Probe(path.id)));
            }
            for action in &actions {
                if let Action::Renew(id) = action {
                    prop_assert_eq!(now_used(*id), Some(Carries));
                }
            }
            prop_assert!(paths.patience(now) >= STEP);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever was before: paths that have a link and answer all carry in the end.
    #[test]
    fn who_answers_comes_back(inputs in inputs()) {
        let mut bench = Bench::new(&[15; PATHS as usize]);
        for input in inputs {
            match input {
                Input::Event(event) => { bench.event(event); }
                Input::Later(span) => bench.now += ms(span),
                Input::Terms(_) | Input::CanAsk(_) => {}
            }
        }
        for place in 0..PATHS as usize {
            bench.link(place, Link::Usable);
        }
        bench.wires[0].flow = BULK;
        bench.run(40_000);
        prop_assert_eq!(bench.uses(), [Carries; PATHS as usize]);
    }
}
