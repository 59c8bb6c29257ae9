use super::*;

const GOOD: PathId = PathId(1);
const POOR: PathId = PathId(2);

/// Bytes in a second.
const MEGABIT: u64 = 125_000;

struct Scene {
    drags: Drags,
    now: Instant,
    fit: bool,
    poor_trip: Duration,
    is_measured: bool,
}

impl Scene {
    /// The good path has carried 35 Mbit/s by itself.
    fn new() -> Self {
        let now = Instant::now();
        let mut scene = Self {
            drags: Drags::new(now),
            now,
            fit: true,
            poor_trip: Duration::from_millis(315),
            is_measured: true,
        };
        // It has had its chance, but in tests about that.
        scene.drags.known.insert(POOR);
        scene.drags.best.insert(POOR, 10.0 * MEGABIT as f64);
        scene.second(35, 0, 35);
        scene
    }

    /// Nobody knows what the poor path can carry.
    fn unknown() -> Self {
        let mut scene = Self::new();
        scene.drags.forget(POOR, scene.now);
        scene
    }

    /// The poor path has never carried much, and is far for what waits on it.
    fn of_little() -> Self {
        let mut scene = Self::new();
        scene.drags.best.remove(&POOR);
        scene.is_measured = false;
        scene
    }

    /// A second in which the paths carry, and so much comes through. Whether something changes.
    fn second(&mut self, good: u64, poor: u64, through: u64) -> bool {
        self.drags.carried(GOOD, good * MEGABIT, good * MEGABIT, 0);
        self.drags.carried(POOR, poor * MEGABIT, 1000, 5);
        self.drags.through(through * MEGABIT);
        self.now += BIN;
        let figures = |id, round_trip| Figures {
            id,
            fit: self.fit,
            round_trip,
            least: self.is_measured.then_some(round_trip),
        };
        let good_trip = Duration::from_millis(15);
        let paths = [figures(GOOD, good_trip), figures(POOR, self.poor_trip)];
        self.drags.tick(&paths, self.now)
    }

    /// A world in which the sum is `both`, and the good path alone has 35.
    fn seconds(&mut self, count: u32, both: u64) {
        for _ in 0..count {
            match self.drags.left_out() {
                Some(_) => self.second(35, 0, 35),
                None => self.second(both * 3 / 4, both / 4, both),
            };
        }
    }
}

#[test]
fn what_drags_is_left_out_and_said_why() {
    let mut scene = Scene::new();
    // It can carry more than little.
    scene.second(25, 15, 40);
    scene.seconds(2, 20);
    assert_eq!(scene.drags.left_out(), None, "not at once");
    scene.seconds(1, 20);
    assert_eq!(scene.drags.left_out(), Some(POOR), "tried without");
    assert_eq!(scene.drags.verdict(POOR), None);
    scene.seconds(2, 20);
    assert_eq!(scene.drags.left_out(), None, "tried with");
    scene.seconds(2, 20);
    assert_eq!(scene.drags.left_out(), Some(POOR));
    let drag = scene.drags.verdict(POOR).unwrap();
    let more = Cost::MoreWithout(75);
    assert_eq!((drag.cost, drag.slower), (more, Duration::from_millis(300)));
    assert_eq!(scene.drags.verdict(GOOD), None);
}

#[test]
fn what_adds_to_the_sum_is_never_left_out() {
    let mut scene = Scene::new();
    for _ in 0..600 {
        assert!(!scene.second(33, 8, 41));
    }
}

/// A try costs two seconds; the next ones come ever later.
#[test]
fn one_who_is_suspected_in_vain_is_seldom_tried() {
    let mut scene = Scene::new();
    let mut without = 0;
    for _ in 0..600 {
        // Both are slower than the good one once was.
        without += u32::from(scene.drags.left_out().is_some());
        scene.second(15, 5, 20);
    }
    assert!((2..=10).contains(&without), "{without} s of 600");
}

#[test]
fn one_who_drags_is_tried_again_later_and_later() {
    let mut scene = Scene::new();
    scene.seconds(7, 20);
    let mut leaves = Vec::new();
    for _ in 0..3 {
        let mut seconds = 0;
        while scene.drags.verdict(POOR).is_some() {
            scene.seconds(1, 20);
            seconds += 1;
        }
        leaves.push(seconds);
        scene.seconds(18, 20);
    }
    assert!(
        leaves[0] >= 55 && leaves[1] >= 110 && leaves[2] >= 220,
        "{leaves:?}"
    );
}

#[test]
fn it_is_used_again_when_it_does_not_drag_any_more() {
    let mut scene = Scene::new();
    scene.seconds(7, 20);
    assert!(scene.drags.verdict(POOR).is_some());
    scene.seconds(72, 50);
    assert_eq!(scene.drags.left_out(), None);
    scene.seconds(300, 50);
    assert_eq!(scene.drags.left_out(), None);
}

/// The poor path was good once. It must not cost the one that carries nearly all.
#[test]
fn who_carries_most_is_never_left_out() {
    let mut scene = Scene::new();
    scene.second(35, 50, 85);
    for _ in 0..300 {
        scene.second(33, 5, 38);
        assert_ne!(scene.drags.left_out(), Some(GOOD));
    }
}

#[test]
fn small_transfers_suspect_nobody() {
    let mut scene = Scene {
        poor_trip: Duration::from_millis(60),
        ..Scene::new()
    };
    for second in 0..600 {
        assert!(!scene.second(1, 0, second % 2), "{second}");
    }
}

#[test]
fn a_change_of_paths_ends_a_trial() {
    let mut scene = Scene::new();
    scene.seconds(3, 20);
    assert_eq!(scene.drags.left_out(), Some(POOR));
    scene.fit = false;
    assert!(scene.second(35, 0, 35));
    assert_eq!(scene.drags.left_out(), None);
}

#[test]
fn a_change_of_paths_is_no_reason_for_another_trial() {
    let mut scene = Scene::new();
    let mut tried = 0;
    for second in 0..50 {
        tried += u32::from(scene.second(15, 5, 20) && scene.drags.left_out().is_some());
        if second % 7 == 6 {
            scene.drags.interrupt(scene.now);
        }
    }
    assert_eq!(tried, 1);
}

/// Short transfers, one after the other, have pauses between them.
#[test]
fn transfers_with_pauses_suspect_nobody() {
    let mut scene = Scene {
        poor_trip: Duration::from_millis(60),
        ..Scene::new()
    };
    for second in 0..600 {
        let through = if second % 3 == 2 { 34 } else { 10 };
        assert!(!scene.second(through, 0, through), "{second}");
    }
}

#[test]
fn what_is_far_slower_and_adds_little_is_left_out() {
    let mut scene = Scene::of_little();
    assert!(!scene.second(35, 4, 39));
    assert!(scene.second(35, 4, 39));
    let drag = scene.drags.verdict(POOR).unwrap();
    assert_eq!(drag.cost, Cost::AddsOnly(11));
    assert_eq!(drag.slower, Duration::from_millis(300));
}

#[test]
fn a_long_path_has_time_to_show_what_it_can_carry() {
    let mut scene = Scene {
        poor_trip: Duration::from_millis(600),
        ..Scene::of_little()
    };
    // Its pace doubles in each round trip.
    for poor in [0, 2, 5] {
        assert!(!scene.second(35, poor, 35 + poor));
    }
    assert!(!scene.second(35, 15, 50));
    assert_eq!(scene.drags.left_out(), None);
}

#[test]
fn what_could_carry_more_does_not_add_little() {
    let mut scene = Scene::new();
    scene.second(35, 15, 50);
    for _ in 0..200 {
        // There is not much to carry.
        assert!(!scene.second(33, 2, 35));
    }
}

#[test]
fn what_was_asked_too_seldom_is_not_far() {
    let mut scene = Scene::unknown();
    scene.is_measured = false;
    assert!(!scene.second(0, 0, 0));
    assert!(!scene.second(35, 10, 45));
}

#[test]
fn a_far_slower_path_waits_for_a_long_transfer() {
    let mut scene = Scene::unknown();
    assert!(scene.second(0, 0, 0), "before there is any traffic");
    assert!(scene.drags.is_reserved(POOR));
    for _ in 0..50 {
        // Transfers of up to nine seconds.
        for _ in 0..9 {
            assert!(!scene.second(35, 0, 35));
        }
        assert!(!scene.second(1, 0, 1));
    }
    for _ in 0..9 {
        assert!(!scene.second(35, 0, 35));
    }
    assert!(scene.second(35, 0, 35));
    assert_eq!(scene.drags.left_out(), None);
}

/// Ten seconds of bulk data, and some in which the far slower path finds out that it can carry so much.
fn found_out(carries: u64) -> Scene {
    let mut scene = Scene::unknown();
    for _ in 0..11 {
        scene.second(35, 0, 35);
    }
    assert!(matches!(scene.drags.phase, Phase::Starting { .. }));
    for _ in 0..5 {
        scene.second(25, carries, 25);
    }
    assert!(!matches!(scene.drags.phase, Phase::Starting { .. }));
    scene
}

/// Then five seconds in which so much comes through with it.
fn proved_with(carries: u64, through: u64) -> Scene {
    let mut scene = found_out(carries);
    for _ in 0..5 {
        scene.second(35, carries, through);
    }
    scene
}

fn proved(through: u64) -> Scene {
    proved_with(10, through)
}

#[test]
fn one_that_harms_is_left_out_before_its_time() {
    let mut scene = found_out(10);
    scene.second(20, 4, 20);
    assert_eq!(scene.drags.left_out(), None);
    scene.second(20, 4, 20);
    assert_eq!(scene.drags.left_out(), Some(POOR));
}

#[test]
fn one_that_proves_little_is_left_out() {
    let scene = found_out(5);
    let drag = scene.drags.verdict(POOR).expect("it is judged");
    assert_eq!(drag.cost, Cost::AddsOnly(14));
}

/// It would cost the first seconds of each transfer.
#[test]
fn one_that_has_proved_little_stays_left_out() {
    let mut scene = found_out(5);
    for second in 0..230 {
        if second % 50 == 0 {
            scene.drags.interrupt(scene.now);
        }
        scene.second(35, 0, 35);
        assert!(scene.drags.verdict(POOR).is_some(), "{second}");
    }
    let more = (0..960).find(|_| {
        scene.second(35, 0, 35);
        scene.drags.is_reserved(POOR)
    });
    assert!(more.is_some(), "it is given another trial");
    scene.seconds(10, 45);
    assert_eq!(scene.drags.left_out(), None, "another trial");
}

#[test]
fn one_that_proves_itself_stays() {
    let mut scene = proved(45);
    for _ in 0..100 {
        assert!(!scene.second(35, 10, 45));
    }
    assert_eq!(scene.drags.left_out(), None);
}

/// Short transfers would wait for it.
#[test]
fn one_that_has_proved_itself_rests_while_there_is_no_long_transfer() {
    let mut scene = proved_with(15, 50);
    assert!(!scene.second(1, 0, 1), "a pause between two");
    scene.second(35, 15, 50);
    scene.second(1, 0, 1);
    assert!(scene.second(1, 0, 1));
    assert!(scene.drags.is_reserved(POOR));
    for _ in 0..20 {
        // Transfers of up to two seconds.
        assert!(!scene.second(35, 0, 35));
        assert!(!scene.second(35, 0, 35));
        assert!(!scene.second(1, 0, 1));
    }
    for _ in 0..30 {
        // One short transfer after the other.
        assert!(!scene.second(15, 0, 15));
    }
    for _ in 0..9 {
        assert!(!scene.second(35, 0, 35));
    }
    assert!(scene.second(35, 0, 35), "taken in, without a trial");
    for _ in 0..100 {
        assert!(!scene.second(35, 15, 50));
    }
    assert_eq!(scene.drags.left_out(), None);
}

#[test]
fn one_that_does_not_prove_itself_is_left_out_for_longer_and_longer() {
    let mut scene = proved(36);
    let drag = scene.drags.verdict(POOR).expect("it is judged");
    assert_eq!(drag.cost, Cost::AddsOnly(2));
    let mut taken_in = 0;
    for _ in 0..600 {
        let through = if scene.drags.left_out().is_some() {
            35
        } else {
            30
        };
        taken_in += u32::from(scene.drags.left_out().is_none());
        scene.second(through, 4, through);
    }
    assert!((4..60).contains(&taken_in), "{taken_in} of 600 seconds");
}

#[test]
fn one_that_was_alone_before_is_reserved_when_a_quicker_one_comes() {
    let mut scene = Scene::unknown();
    scene.drags.forget(GOOD, scene.now);
    scene.second(0, 5, 5);
    assert!(scene.drags.is_reserved(POOR));
    // It can carry much, as far as is known by now.
    let mut scene = Scene::unknown();
    scene.drags.forget(GOOD, scene.now);
    scene.second(0, 30, 30);
    for _ in 0..8 {
        assert!(!scene.second(35, 0, 35));
    }
    assert!(scene.second(35, 0, 35), "no trial is needed");
    assert_eq!(scene.drags.left_out(), None);
}

#[test]
fn one_that_has_carried_much_is_not_reserved() {
    let mut scene = Scene::unknown();
    scene.second(0, 30, 30);
    assert!(!scene.second(35, 30, 65));
    assert_eq!(scene.drags.left_out(), None);
}

#[test]
fn what_it_could_carry_elsewhere_does_not_count() {
    let mut scene = Scene::new();
    scene.second(35, 40, 75);
    scene.drags.forget(POOR, scene.now);
    assert!(scene.second(35, 4, 39));
    assert!(scene.drags.is_reserved(POOR));
}

#[test]
fn one_that_drags_and_can_add_little_is_not_tried_twice() {
    let mut scene = Scene::of_little();
    for _ in 0..3 {
        scene.second(20, 4, 24);
    }
    assert_eq!(scene.drags.left_out(), Some(POOR), "tried without");
    scene.second(35, 0, 35);
    scene.second(35, 0, 35);
    let drag = scene.drags.verdict(POOR).unwrap();
    assert_eq!(drag.cost, Cost::MoreWithout(45));
}
