//! New kernels: tried, kept, or rolled back.

use serde_json::json;

use super::pc::{ANN, BOB, Pc, owner};
use super::running;
use crate::control::{Answer, Request};
use crate::kernels::Record;
use crate::kernels::shelf::Placed;
use crate::kernels::shelf::tests::Maker;

fn place(pc: &Pc, maker: &Maker, release: &str) -> Placed {
    pc.shelf()
        .place(&maker.make(release), &maker.key())
        .unwrap()
}

fn try_kernel(pc: &Pc, placed: &Placed) -> Answer {
    pc.ask(Request::TryKernel {
        id: placed.id.clone(),
    })
}

fn refusal(answer: Answer) -> String {
    match answer {
        Answer::Refused(why) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_kernel_that_works_is_kept_and_the_one_before_too() {
    let (pc, maker) = (running(), Maker::new());
    let (first, second, third) = (
        place(&pc, &maker, "6.18.1"),
        place(&pc, &maker, "6.18.2"),
        place(&pc, &maker, "6.18.3"),
    );
    assert!(matches!(try_kernel(&pc, &first), Answer::Done(_)));
    assert!(pc.config(ANN).contains("kernels") && pc.config(ANN).contains("6.18.1-"));
    assert!(
        pc.shelf().manifest(&second.id).is_err(),
        "what nobody uses is deleted"
    );
    let second = place(&pc, &maker, "6.18.2");
    assert!(matches!(try_kernel(&pc, &second), Answer::Done(_)));
    let kept = Record {
        current: Some(second.id.clone()),
        previous: Some(first.id.clone()),
        trying: None,
    };
    assert_eq!(pc.kernels(), kept);
    assert!(pc.shelf().kernel(&first.id).is_some() && pc.shelf().kernel(&third.id).is_none());
    let status = pc.status();
    assert_eq!(status["kernel"], "6.18.2");
    let expected = json!({
        "origin": "installed", "wanted": "6.18.2", "installed": "6.18.2", "previous": "6.18.1", "trying": false,
    });
    assert_eq!(status["kernels"], expected);
    pc.ask(Request::Remove);
    assert_eq!(pc.config(ANN), "[wsl2]\nmemory=4GB\n");
}

#[test]
fn a_kernel_that_does_not_come_up_makes_room_for_the_former_one() {
    let (pc, maker) = (running(), Maker::new());
    let first = place(&pc, &maker, "6.18.1");
    assert!(matches!(try_kernel(&pc, &first), Answer::Done(_)));
    let before = (pc.config(ANN), pc.kernels());
    pc.force_kernel("6.18-of-microsoft");
    let second = place(&pc, &maker, "6.18.2");
    let why = refusal(try_kernel(&pc, &second));
    assert!(
        why.contains("6.18-of-microsoft in place of 6.18.2"),
        "{why}"
    );
    assert!(why.contains("the former kernel is back"), "{why}");
    pc.until("an edge runs again", |pc| pc.status()["phase"] == "running");
    assert_eq!((pc.config(ANN), pc.kernels()), before);
}

#[test]
fn without_a_former_one_wsl_gets_what_came_with_the_program() {
    let (pc, maker) = (running(), Maker::new());
    let before = pc.config(ANN);
    pc.force_kernel("6.18-of-microsoft");
    refusal(try_kernel(&pc, &place(&pc, &maker, "6.18.1")));
    pc.until("an edge runs again", |pc| pc.status()["phase"] == "running");
    assert_eq!(pc.config(ANN), before);
    assert_eq!(pc.kernels(), Record::default());
}

#[test]
fn a_trial_that_the_services_end_broke_off_is_rolled_back() {
    let record = Record::default().with_trial("6.18.1-01234567".parse().unwrap());
    let pc = Pc::with(|store| store.set_kernels(&record).unwrap());
    assert_eq!(pc.kernels(), Record::default());
    pc.edge.boot("6.18.1".to_owned());
    pc.log_on(ANN);
    pc.until("the VM was ended", |pc| pc.status()["kernel"] == "6.18");
}

#[test]
fn what_cannot_be_tried_changes_nothing() {
    let (pc, maker) = (Pc::new(), Maker::new());
    let placed = place(&pc, &maker, "6.18.1");
    assert!(refusal(try_kernel(&pc, &placed)).contains("nobody is logged on"));
    pc.log_on(ANN);
    pc.until("an edge runs", |pc| pc.status()["phase"] == "running");
    let before = pc.config(ANN);
    let request = Request::TryKernel {
        id: placed.id.clone(),
    };
    let foreign = refusal(pc.ask_as(&owner(BOB), request));
    assert!(foreign.contains("administrator"), "{foreign}");
    let missing = refusal(pc.ask(Request::TryKernel {
        id: "6.1-00000000".parse().unwrap(),
    }));
    assert!(missing.contains("cannot read"), "{missing}");
    pc.write_settings("[guest]\nmanage_wslconfig = false\n");
    pc.until("the settings count", |pc| {
        pc.status()["kernels"]["origin"] == "theirs"
    });
    assert!(refusal(try_kernel(&pc, &placed)).contains("manage_wslconfig"));
    assert_eq!(
        (pc.config(ANN), pc.kernels(), pc.edge.starts()),
        (before, Record::default(), 1)
    );
}

#[test]
fn who_logs_off_breaks_a_trial_off() {
    let (pc, maker) = (running(), Maker::new());
    let placed = place(&pc, &maker, "6.18.1");
    std::thread::scope(|scope| {
        let trial = scope.spawn(|| try_kernel(&pc, &placed));
        pc.until("the trial is on", |pc| {
            pc.status()["kernels"]["trying"] == true || trial.is_finished()
        });
        pc.log_off(ANN);
        // It may have been over before.
        let answer = trial.join().unwrap();
        let is_kept = pc.kernels().current.is_some();
        assert_eq!(matches!(answer, Answer::Done(_)), is_kept, "{answer:?}");
    });
}
