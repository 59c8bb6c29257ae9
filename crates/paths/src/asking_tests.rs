use super::*;

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// A path that works, its clock, and what it is asked.
struct Scene {
    asking: Asking,
    standing: Standing,
    now: Instant,
}

impl Scene {
    fn idle() -> Self {
        let mut scene = Self::new();
        scene.asking.first = 0;
        scene
    }

    fn new() -> Self {
        let now = Instant::now();
        Self {
            asking: Asking::new(now),
            standing: Standing {
                up: true,
                unanswered: 0,
                overdue: ms(27),
                since: now,
                life: now,
                traffic: false,
                spare: false,
            },
            now,
        }
    }

    fn doubted(traffic: bool) -> Self {
        let mut scene = Self::idle();
        scene.standing.up = false;
        scene.standing.traffic = traffic;
        scene
    }

    fn data(&mut self) {
        self.asking.look(true, false, self.now);
        self.standing.life = self.now;
    }

    fn is_due(&mut self) -> bool {
        self.asking.is_due(self.standing, self.now)
    }

    /// When questions are due in this time, looked at every 5 ms, if all are answered at once.
    fn questions(&mut self, span: u64) -> Vec<u64> {
        let began = self.now;
        let steps = (0..span).step_by(5);
        steps
            .filter(|at| {
                self.now = began + ms(*at);
                self.is_due()
            })
            .collect()
    }
}

#[test]
fn a_new_path_is_asked_until_it_is_known_how_far_it_is() {
    let mut scene = Scene::new();
    assert_eq!(scene.questions(60_000), [0, 5, 10]);
    let mut spare = Scene::new();
    spare.standing.spare = true;
    assert_eq!(spare.questions(60_000), []);
}

#[test]
fn an_idle_path_is_not_asked() {
    assert_eq!(Scene::idle().questions(60_000), []);
}

#[test]
fn a_flow_that_stops_is_asked_about_once() {
    let mut scene = Scene::idle();
    scene.data();
    assert_eq!(scene.questions(60_000), [30]);
}

#[test]
fn data_that_gets_no_answer_is_asked_about_at_once() {
    let mut scene = Scene::idle();
    scene.now += ms(5000);
    scene.asking.look(false, true, scene.now);
    assert!(scene.is_due());
}

#[test]
fn a_slow_flow_is_given_twice_its_usual_gap() {
    let mut scene = Scene::idle();
    for _ in 0..100 {
        scene.now += ms(40);
        scene.data();
        assert!(!scene.is_due());
    }
    let asked = scene.questions(1000);
    assert!(matches!(asked[..], [75..=80]), "{asked:?}");
}

#[test]
fn a_path_is_asked_every_second_while_any_carries() {
    let mut scene = Scene::idle();
    scene.standing.traffic = true;
    assert_eq!(scene.questions(3500), [0, 1000, 2000, 3000]);
    let mut spare = Scene::idle();
    spare.standing.traffic = true;
    spare.standing.spare = true;
    assert_eq!(spare.questions(3500), []);
}

#[test]
fn the_second_question_comes_when_the_first_is_overdue_and_the_third_soon_after() {
    let mut scene = Scene::idle();
    scene.data();
    let mut asked = Vec::new();
    for at in (0..200).step_by(5) {
        scene.now = scene.standing.life + ms(at);
        if scene.is_due() {
            scene.standing.unanswered += 1;
            asked.push(at);
        }
    }
    assert_eq!(asked[..3], [30, 60, 70]);
}

#[test]
fn a_doubted_path_is_asked_often_at_first() {
    let asked = Scene::doubted(true).questions(3000);
    assert_eq!(asked[..5], [0, 100, 200, 300, 400]);
    assert_eq!(asked[asked.len() - 3..], [2650, 2775, 2900]);
}

#[test]
fn a_doubted_path_that_nobody_needs_is_asked_seldom() {
    let asked = Scene::doubted(false).questions(30_000);
    assert_eq!(asked[10..], [5900, 10_900, 15_900, 20_900, 25_900]);
}

#[test]
fn a_doubted_path_that_costs_is_asked_seldom() {
    let mut scene = Scene::doubted(true);
    scene.standing.spare = true;
    let asked = scene.questions(30_000);
    assert_eq!(asked[10..], [5900, 10_900, 15_900, 20_900, 25_900]);
}
