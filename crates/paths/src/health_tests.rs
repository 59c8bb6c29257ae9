use super::*;

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// A path and its clock.
struct Scene {
    health: Health,
    now: Instant,
}

impl Scene {
    /// Up, with a round trip of 15 ms.
    fn up() -> Self {
        let now = Instant::now();
        let mut scene = Self {
            health: Health::new(now),
            now,
        };
        scene.link(Link::Usable);
        scene.answers();
        assert!(scene.health.is_up());
        scene
    }

    /// No other path works, so that it need not prove anything.
    fn link(&mut self, link: Link) {
        self.health.link(link, false, self.now);
    }

    fn answers(&mut self) {
        self.health.probed(Probed::Answered(ms(15)), self.now);
    }

    fn ask(&mut self, times: u32) {
        (0..times).for_each(|_| self.health.ask(self.now));
    }

    fn pass(&mut self, span: Duration) {
        self.now += span;
        self.health.tick(self.now);
    }

    fn fall_silent(&mut self) {
        self.ask(ENOUGH);
        self.pass(self.health.patience.limit(self.now));
        assert!(self.health.is_silent());
    }

    /// Answers all the time until it is up.
    fn hold(&mut self) -> Duration {
        let began = self.now;
        while !self.health.is_up() {
            self.pass(ms(100));
            self.answers();
            assert!(self.now - began < LONGEST_HOLD * 2);
        }
        self.now - began
    }

    fn state(&self) -> State {
        self.health.state(self.now)
    }

    fn reason(&self) -> Reason {
        self.health.reason(self.now)
    }
}

#[test]
fn what_the_link_lacks_is_the_reason() {
    let mut scene = Scene::up();
    for (link, reason) in [
        (Link::NoCarrier, Reason::NoCarrier),
        (Link::NoAddress, Reason::NoAddress),
        (Link::NoGateway, Reason::NoGateway),
        (Link::Portal, Reason::Portal),
        (Link::Usable, Reason::Works),
    ] {
        scene.link(link);
        assert_eq!(scene.reason(), reason);
        let state = match link {
            Link::Usable => State::Up,
            Link::Portal => State::Portal,
            _ => State::Down,
        };
        assert_eq!(scene.state(), state);
    }
}

#[test]
fn what_fails_behind_a_portal_is_forgiven_when_somebody_has_logged_in() {
    let mut scene = Scene::up();
    for _ in 0..4 {
        scene.link(Link::NoCarrier);
        scene.link(Link::Usable);
    }
    assert_eq!(scene.state(), State::Suspect, "it has to hold first");
    scene.link(Link::Portal);
    scene.link(Link::Usable);
    assert_eq!(scene.reason(), Reason::Works);
}

#[test]
fn it_is_given_up_when_the_limit_is_over_and_not_before() {
    let mut scene = Scene::up();
    let limit = scene.health.patience.limit(scene.now);
    scene.ask(ENOUGH);
    scene.pass(limit - ms(1));
    assert!(scene.health.is_up());
    scene.pass(ms(1));
    assert_eq!(scene.state(), State::Suspect);
    assert_eq!(scene.reason(), Reason::Silent(limit));
}

#[test]
fn two_lost_questions_are_no_reason() {
    let mut scene = Scene::up();
    scene.ask(2);
    scene.pass(ms(10_000));
    assert!(scene.health.is_up());
}

#[test]
fn any_sign_of_life_answers_all_questions() {
    let mut scene = Scene::up();
    scene.ask(ENOUGH);
    scene.pass(ms(60));
    scene.health.lives(scene.now);
    assert_eq!(scene.health.questions().count, 0);
    scene.pass(ms(10_000));
    assert!(scene.health.is_up());
}

#[test]
fn who_cannot_be_asked_is_not_silent() {
    let mut scene = Scene::up();
    scene.ask(ENOUGH);
    scene.health.probed(Probed::Unasked, scene.now);
    scene.pass(ms(10_000));
    assert!(scene.health.is_up());
}

#[test]
fn a_long_silence_is_down() {
    let mut scene = Scene::up();
    scene.fall_silent();
    scene.pass(SURELY_DOWN - ms(1));
    assert_eq!(scene.state(), State::Suspect);
    scene.pass(ms(1));
    assert_eq!(scene.state(), State::Down);
    scene.answers();
    assert_eq!(scene.state(), State::Up);
}

#[test]
fn an_absence_excuses_what_was_asked_before_it() {
    let mut scene = Scene::up();
    let limit = scene.health.patience.limit(scene.now);
    scene.ask(ENOUGH);
    scene.now += ms(500);
    scene.health.excuse(ms(500), scene.now);
    scene.pass(limit - ms(1));
    assert!(scene.health.is_up());
    scene.pass(ms(1));
    assert!(scene.health.is_silent());
}

#[test]
fn an_absence_excuses_no_time_to_come() {
    let mut scene = Scene::up();
    let limit = scene.health.patience.limit(scene.now);
    scene.ask(ENOUGH);
    scene.now += ms(5);
    scene.health.excuse(ms(200), scene.now);
    scene.pass(limit);
    assert!(scene.health.is_silent());
}

#[test]
fn with_each_failure_beyond_bad_luck_it_is_held_back_for_twice_as_long() {
    let mut scene = Scene::up();
    let mut holds = Vec::new();
    for _ in 0..5 {
        scene.link(Link::NoCarrier);
        scene.link(Link::Usable);
        holds.push(scene.hold().as_secs());
    }
    assert_eq!(holds, [0, 0, 1, 2, 4]);
}

#[test]
fn failing_while_held_back_counts_too() {
    let mut scene = Scene::up();
    for _ in 0..4 {
        scene.link(Link::NoCarrier);
        scene.link(Link::Usable);
    }
    let reason = Reason::Flapping {
        times: 4,
        hold: ms(2000),
    };
    assert_eq!(scene.reason(), reason);
    assert_eq!(scene.state(), State::Suspect);
}

#[test]
fn the_longest_hold_is_bounded_and_failures_are_forgotten() {
    let mut scene = Scene::up();
    for _ in 0..1000 {
        scene.link(Link::NoCarrier);
        scene.link(Link::Usable);
    }
    assert_eq!(scene.hold(), LONGEST_HOLD);
    scene.link(Link::NoCarrier);
    scene.link(Link::Usable);
    assert!(scene.health.is_up());
}

#[test]
fn an_outage_is_one_failure_whatever_it_turns_out_to_be() {
    let mut scene = Scene::up();
    for _ in 0..2 {
        scene.fall_silent();
        scene.link(Link::NoCarrier);
        scene.link(Link::NoAddress);
        scene.link(Link::Usable);
        assert!(scene.health.is_up());
    }
}

#[test]
fn one_held_back_for_its_silences_has_to_answer_until_the_end() {
    let mut scene = Scene::up();
    for _ in 0..2 {
        scene.fall_silent();
        scene.answers();
    }
    scene.fall_silent();
    scene.answers();
    scene.pass(ms(100));
    assert!(!scene.health.is_up());
    scene.pass(FRESH + ms(1));
    assert!(!scene.health.is_up());
    scene.answers();
    assert!(scene.health.is_up());
}

#[test]
fn one_that_must_prove_itself_is_used_with_its_first_answer() {
    let mut scene = Scene::up();
    scene.link(Link::NoCarrier);
    scene.health.link(Link::Usable, true, scene.now);
    scene.pass(ms(10_000));
    assert_eq!(scene.reason(), Reason::Unproven);
    assert_eq!(scene.state(), State::Suspect);
    scene.answers();
    assert!(scene.health.is_up());
}

#[test]
fn without_anybody_to_ask_it_is_tried_again() {
    let mut scene = Scene::up();
    scene.fall_silent();
    scene.now += TRY_AGAIN - ms(1);
    scene.health.try_again(scene.now);
    assert!(scene.health.is_silent());
    scene.now += ms(1);
    scene.health.try_again(scene.now);
    assert!(scene.health.is_up());
}

#[test]
fn without_anybody_to_ask_a_hold_ends_by_itself() {
    let mut scene = Scene::up();
    for _ in 0..3 {
        scene.link(Link::NoCarrier);
        scene.link(Link::Usable);
    }
    scene.now += FIRST_HOLD - ms(1);
    scene.health.try_again(scene.now);
    assert_eq!(scene.state(), State::Suspect);
    scene.now += ms(1);
    scene.health.try_again(scene.now);
    assert!(scene.health.is_up());
}
