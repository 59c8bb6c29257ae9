use proptest::prelude::*;

use super::*;

const NEW: &str = "6.18.20.1-microsoft-standard-WSL2-manypath";
const OLD: &str = "6.18.20.1-microsoft-standard-WSL2";

fn release() -> Release {
    NEW.parse().unwrap()
}

/// A trial, and the time that goes by in it.
struct Bench {
    trial: Trial,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            trial: Trial::new(release(), now),
            now,
        }
    }

    fn after(&mut self, seconds: u64, event: Event<'_>) -> Option<Action> {
        self.now += Duration::from_secs(seconds);
        self.trial.handle(&event, self.now)
    }

    /// The VM is being started.
    fn launched() -> Self {
        let mut bench = Self::new();
        assert!(!bench.trial.wants_edge());
        assert_eq!(bench.after(3, Event::Idle), Some(Action::Boot));
        assert!(bench.trial.wants_edge());
        assert_eq!(bench.after(20, Event::Launched), None);
        bench
    }

    /// The former kernel comes back, for this reason.
    fn goes_back(&mut self, action: Option<Action>) -> Failure {
        assert_eq!(action, Some(Action::RollBack));
        assert!(!self.trial.wants_edge());
        assert_eq!(
            self.after(1, Event::Tick),
            None,
            "the edge has to end first"
        );
        match self.after(1, Event::Idle) {
            Some(Action::Finish(failure)) => failure,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn who_says_hello_from_the_new_kernel_in_time_has_it_kept() {
    let mut bench = Bench::launched();
    assert_eq!(bench.after(59, Event::Tick), None);
    assert_eq!(bench.after(0, Event::Greeted(NEW)), Some(Action::Keep));
}

#[test]
fn a_vm_that_does_not_come_up_has_sixty_seconds() {
    let mut bench = Bench::launched();
    // It ended, and is started again: that gives it no more time.
    assert_eq!(bench.after(30, Event::Launched), None);
    assert_eq!(bench.after(29, Event::Tick), None);
    let action = bench.after(1, Event::Tick);
    assert_eq!(bench.goes_back(action), Failure::Silent(release()));
}

#[test]
fn a_trial_that_does_not_even_begin_ends_too() {
    let mut bench = Bench::new();
    assert_eq!(bench.after(119, Event::Tick), None);
    let action = bench.after(1, Event::Tick);
    assert_eq!(bench.goes_back(action), Failure::Slow(release()));
    let mut bench = Bench::new();
    bench.after(100, Event::Idle);
    let action = bench.after(20, Event::Tick);
    assert_eq!(bench.goes_back(action), Failure::Slow(release()));
}

#[test]
fn another_kernel_is_not_it() {
    let mut bench = Bench::launched();
    let action = bench.after(5, Event::Greeted(OLD));
    let failure = bench.goes_back(action);
    assert!(failure.to_string().contains("policy"), "{failure}");
    let found = OLD.to_owned();
    assert_eq!(
        failure,
        Failure::Other {
            wanted: release(),
            found
        }
    );
}

#[test]
fn what_breaks_it_off_has_the_former_one_back() {
    let mut bench = Bench::launched();
    let action = bench.after(5, Event::Idle);
    assert_eq!(bench.goes_back(action), Failure::Abandoned(release()));
    let mut bench = Bench::new();
    bench.after(1, Event::Idle);
    let action = bench.after(1, Event::Failed("no WSL"));
    assert_eq!(
        bench.goes_back(action),
        Failure::Unprepared(release(), "no WSL".to_owned())
    );
}

#[test]
fn a_hello_from_before_is_no_proof() {
    let mut bench = Bench::new();
    assert_eq!(bench.after(1, Event::Greeted(NEW)), None);
}

proptest! {
    /// Whatever happens: nothing is kept without a hello from it, and no trial lasts for ever.
    #[test]
    fn every_trial_ends_and_only_a_hello_keeps_it(events in prop::collection::vec((0_u8..6, 0_u64..40), 0..40)) {
        let mut bench = Bench::new();
        for (event, seconds) in events {
            let event = match event {
                0 => Event::Idle,
                1 => Event::Launched,
                2 => Event::Failed("x"),
                3 => Event::Greeted(OLD),
                4 => Event::Greeted(NEW),
                _ => Event::Tick,
            };
            match bench.after(seconds, event.clone()) {
                Some(Action::Keep) => {
                    prop_assert_eq!(event, Event::Greeted(NEW));
                    return Ok(());
                }
                Some(Action::Finish(_)) => return Ok(()),
                _ => {}
            }
        }
        let mut left = vec![bench.after(200, Event::Tick), bench.after(0, Event::Idle)];
        left.push(bench.after(200, Event::Tick));
        left.push(bench.after(0, Event::Idle));
        let is_end = |it: &Option<Action>| matches!(it, Some(Action::Finish(_)));
        prop_assert!(left.iter().any(is_end), "{:?}", left);
    }
}
