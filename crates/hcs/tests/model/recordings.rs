//! What was recorded on one PC answers on another as Windows did.

use hcs::{Recorder, Recording};

use super::*;

/// A PC whose calls are recorded.
fn recorded() -> (Pc, Arc<Recorder>) {
    let mut pc = Pc::new();
    let recorder = Arc::new(Recorder::new(Arc::new(Fake::new(pc.model.clone()))));
    pc.hcs = Hcs::with_clock(recorder.clone(), pc.clock.clone());
    (pc, recorder)
}

fn replayed(recorder: &Recorder) -> Hcs {
    let text = serde_json::to_string(&recorder.recording()).expect("JSON");
    let recording: Recording = serde_json::from_str(&text).expect("the same");
    Hcs::new(Arc::new(recording))
}

#[test]
fn switches_endpoints_and_vms_are_as_they_were() {
    let (pc, recorder) = recorded();
    pc.model().start_system(VM);
    pc.hcs.create_network(&new_network()).unwrap();
    pc.hcs.create_endpoint(&new_endpoint()).unwrap();
    let seen = |hcs: &Hcs| {
        let endpoints = hcs.endpoints().unwrap();
        (hcs.systems().unwrap(), hcs.networks().unwrap(), endpoints)
    };
    let before = seen(&pc.hcs);
    assert_eq!(before.0.len() + before.1.len() + before.2.len(), 3);
    assert_eq!(seen(&replayed(&recorder)), before);
}

#[test]
fn what_failed_fails_with_the_same_code_and_words() {
    let (pc, recorder) = recorded();
    pc.model()
        .fail_next("HcnCreateNetwork", 1, 0x803B_0006, "the card is taken");
    let first = pc.hcs.create_network(&new_network()).unwrap_err();
    let again = replayed(&recorder).create_network(&new_network());
    assert_eq!(chain(&again.unwrap_err()), chain(&first));
    assert!(chain(&first).contains("0x803B0006") && chain(&first).contains("the card is taken"));
}

#[test]
fn of_repeated_calls_the_last_counts() {
    let (pc, recorder) = recorded();
    assert_eq!(pc.hcs.networks().unwrap(), []);
    pc.hcs.create_network(&new_network()).unwrap();
    let now = pc.hcs.networks().unwrap();
    assert_eq!(replayed(&recorder).networks().unwrap(), now);
    let recording = serde_json::to_value(recorder.recording()).unwrap();
    let calls = recording.as_array().unwrap().iter();
    let listed = calls.filter(|call| call["function"] == "HcnEnumerateNetworks");
    let times: Vec<_> = listed.map(|call| call["times"].clone()).collect();
    assert_eq!(times, [2]);
}

#[test]
fn a_recording_does_not_grow_for_ever() {
    let (pc, recorder) = recorded();
    for number in 0..1000 {
        let id = NetworkId(Uuid::from_u128(number));
        // There is none with this id, which is no error.
        pc.hcs.delete_network(id).unwrap();
    }
    let recording = serde_json::to_value(recorder.recording()).unwrap();
    assert_eq!(recording.as_array().unwrap().len(), 500);
}

fn chain(error: &HcsError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}
