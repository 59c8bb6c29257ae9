use super::*;

/// A supervisor and what happens to it, by a clock that only goes on when told to.
struct World {
    supervisor: Supervisor<&'static str>,
    now: Instant,
}

impl World {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            supervisor: Supervisor::new(now),
            now,
        }
    }

    fn running() -> Self {
        let mut world = Self::new();
        world.tell(Event::Wanted(Some("ann")));
        world.tell(Event::Launched);
        world.tell(Event::Greeted);
        assert_eq!(world.tell(ready()), [Action::Reroute]);
        world
    }

    fn tell(&mut self, event: Event<&'static str>) -> Vec<Action<&'static str>> {
        self.supervisor.handle(event, self.now)
    }

    /// Lets time pass until the supervisor wants to be called.
    fn wait(&mut self) -> (Duration, Vec<Action<&'static str>>) {
        let deadline = self.supervisor.deadline().expect("it waits for something");
        let waited = deadline - self.now;
        self.now = deadline;
        (waited, self.tell(Event::Tick))
    }
}

fn ready() -> Event<&'static str> {
    Event::Ready(vec!["172.20.5.6".parse().unwrap()])
}

fn ended(words: &str) -> Event<&'static str> {
    Event::Ended(Some(words.to_owned()))
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn an_edge_runs_for_whoever_is_logged_on() {
    let mut world = World::new();
    assert_eq!(world.supervisor.deadline(), None);
    assert_eq!(
        world.tell(Event::Wanted(Some("ann"))),
        [Action::Start("ann")]
    );
    assert_eq!(world.tell(Event::Wanted(Some("ann"))), []);
    assert!(world.supervisor.gateways().is_empty());
    world.tell(Event::Launched);
    world.tell(Event::Greeted);
    assert!(
        world.supervisor.gateways().is_empty(),
        "it has not said that it is ready"
    );
    assert_eq!(world.tell(ready()), [Action::Reroute]);
    assert_eq!(world.supervisor.gateways().len(), 1);
    assert_eq!(world.tell(Event::Ready(Vec::new())), [Action::Reroute]);
    assert!(world.supervisor.gateways().is_empty());
}

#[test]
fn no_route_outlives_the_edge() {
    let mut world = World::running();
    assert_eq!(world.tell(ended("killed")), [Action::Reroute]);
    assert!(world.supervisor.gateways().is_empty());
    assert_eq!(world.supervisor.trouble(), Some("killed"));
    assert_eq!(world.wait(), (SECOND, vec![Action::Start("ann")]));
}

#[test]
fn routes_go_from_a_silent_edge_in_time_and_come_back_with_its_next_word() {
    let mut world = World::running();
    let (waited, actions) = world.wait();
    assert!(waited < 2 * SECOND);
    assert_eq!(actions, [Action::Reroute]);
    assert_eq!(world.tell(Event::Heard), [Action::Reroute]);
    assert_eq!(world.supervisor.gateways().len(), 1);
}

#[test]
fn an_edge_that_stays_silent_is_ended_and_started_anew() {
    let mut world = World::running();
    world.wait();
    let (_, actions) = world.wait();
    assert_eq!(actions, [Action::Kill]);
    assert_eq!(world.tell(ended("killed")), []);
    assert_eq!(world.supervisor.trouble(), Some("it said nothing any more"));
    assert_eq!(world.wait(), (SECOND, vec![Action::Start("ann")]));
}

#[test]
fn an_edge_that_never_greets_is_ended() {
    let mut world = World::new();
    world.tell(Event::Wanted(Some("ann")));
    world.now += GREETING * 2;
    world.tell(Event::Launched);
    let (waited, actions) = world.wait();
    assert_eq!((waited, actions), (GREETING, vec![Action::Kill]));
    assert!(world.supervisor.trouble().is_some());
}

#[test]
fn pauses_grow_and_a_good_run_makes_them_short_again() {
    let mut world = World::new();
    world.tell(Event::Wanted(Some("ann")));
    let mut pauses = Vec::new();
    for _ in 0..9 {
        world.tell(ended("no"));
        pauses.push(world.wait().0.as_secs());
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    world.tell(Event::Launched);
    world.tell(Event::Greeted);
    world.now += GOOD_RUN;
    world.tell(Event::Ended(None));
    assert_eq!(world.wait().0, SECOND);
}

#[test]
fn another_user_gets_an_edge_when_the_first_ones_has_ended() {
    let mut world = World::running();
    let stop = world.tell(Event::Wanted(Some("bob")));
    assert_eq!(stop, [Action::Reroute, Action::Stop]);
    // What it still says counts no more.
    assert_eq!(world.tell(ready()), []);
    assert_eq!(world.tell(Event::Ended(None)), [Action::Start("bob")]);
    assert!(world.supervisor.gateways().is_empty());
}

#[test]
fn an_edge_that_does_not_stop_is_ended_by_force() {
    let mut world = World::running();
    world.tell(Event::Wanted(None));
    assert_eq!(world.wait(), (STOPPING, vec![Action::Kill]));
    assert_eq!(world.tell(Event::Ended(None)), []);
    assert_eq!(*world.supervisor.phase(), Phase::Idle);
    assert_eq!(world.supervisor.deadline(), None);
}

#[test]
fn somebody_who_logs_on_does_not_wait_for_anothers_pause() {
    let mut world = World::new();
    world.tell(Event::Wanted(Some("ann")));
    for _ in 0..7 {
        world.tell(ended("no"));
        world.wait();
    }
    world.tell(ended("no"));
    assert_eq!(
        world.tell(Event::Wanted(Some("bob"))),
        [Action::Start("bob")]
    );
    assert_eq!(world.supervisor.trouble(), None);
}

#[test]
fn who_comes_back_while_the_edge_stops_gets_it_again() {
    let mut world = World::running();
    world.tell(Event::Wanted(None));
    assert_eq!(world.tell(Event::Wanted(Some("ann"))), []);
    assert_eq!(world.tell(Event::Ended(None)), [Action::Start("ann")]);
}

#[test]
fn one_that_is_to_start_anew_does_so_without_a_pause() {
    let mut world = World::running();
    assert_eq!(world.tell(Event::Restart), [Action::Reroute, Action::Stop]);
    assert_eq!(world.tell(Event::Restart), []);
    assert_eq!(world.tell(Event::Ended(None)), [Action::Start("ann")]);
    assert_eq!(world.supervisor.trouble(), None);
}
