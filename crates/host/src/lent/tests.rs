use proptest::prelude::*;

use super::*;

/// A setting of two values, which are set one after the other.
type Pair = (u8, u8);

impl Lendable for Pair {
    fn is_between(&self, one: &Self, other: &Self) -> bool {
        (self.0 == one.0 || self.0 == other.0) && (self.1 == one.1 || self.1 == other.1)
    }
}

/// A setting, and what is written down of it.
#[derive(Clone, Debug, PartialEq)]
struct World {
    setting: Pair,
    record: Option<Lent<Pair>>,
}

const USERS: Pair = (0, 0);
const OURS: Pair = (1, 1);
const OTHER: Pair = (2, 3);

impl World {
    fn new() -> Self {
        Self {
            setting: USERS,
            record: None,
        }
    }

    /// Does so many steps; each value of the setting is one.
    fn steps(&mut self, wanted: &Wanted<Pair>, most: usize) -> usize {
        let steps = plan(wanted, &self.setting, self.record.as_ref());
        let mut left = most;
        let mut go_on = || {
            let goes_on = left > 0;
            left = left.saturating_sub(1);
            goes_on
        };
        let count = steps.len();
        for step in steps {
            match step {
                Step::Record(record) if go_on() => self.record = record,
                Step::Set((one, two)) => {
                    if go_on() {
                        self.setting.0 = one;
                    }
                    if go_on() {
                        self.setting.1 = two;
                    }
                }
                Step::Record(_) => {}
            }
        }
        count
    }

    fn bring(&mut self, wanted: &Wanted<Pair>) {
        self.steps(wanted, usize::MAX);
        assert_eq!(self.steps(wanted, 0), 0, "{self:?} {wanted:?}");
    }
}

#[test]
fn it_is_set_and_put_back() {
    let mut world = World::new();
    for back in [Wanted::Paused, Wanted::Gone] {
        world.bring(&Wanted::Ours(OURS));
        assert_eq!(world.setting, OURS);
        world.bring(&Wanted::Ours((1, 7)));
        assert_eq!(world.setting, (1, 7));
        world.bring(&back);
        assert_eq!(world, World::new());
    }
}

#[test]
fn what_is_there_already_is_not_lent() {
    let mut world = World::new();
    world.bring(&Wanted::Ours(USERS));
    assert_eq!(world, World::new());
}

#[test]
fn what_the_user_sets_meanwhile_stays_until_all_is_given_back() {
    // The former value, too: somebody wants it.
    for theirs in [OTHER, USERS] {
        let mut world = World::new();
        world.bring(&Wanted::Ours(OURS));
        world.setting = theirs;
        for wanted in [
            Wanted::Ours(OURS),
            Wanted::Paused,
            Wanted::Ours(OURS),
            Wanted::Gone,
        ] {
            world.bring(&wanted);
            assert_eq!(world.setting, theirs, "{wanted:?}");
        }
        assert_eq!(world.record, None);
        world.bring(&Wanted::Ours(OURS));
        assert_eq!(world.setting, OURS, "it was switched on anew");
    }
}

fn wanted() -> impl Strategy<Value = Wanted<Pair>> {
    prop_oneof![
        (0..3_u8, 1..3_u8).prop_map(Wanted::Ours),
        Just(Wanted::Paused),
        Just(Wanted::Gone),
    ]
}

proptest! {
    /// Whatever is wanted in whatever order, and wherever it is broken off.
    #[test]
    fn a_crash_between_any_steps_loses_nothing(
        rounds in prop::collection::vec((wanted(), 0..10_usize), 0..20),
    ) {
        let mut world = World::new();
        for (wanted, most) in rounds {
            world.steps(&wanted, most);
        }
        world.bring(&Wanted::Gone);
        prop_assert_eq!(world, World::new());
    }
}
