//! The demo's phases, shortened. Root is needed for the namespaces.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

use std::time::Duration;

use lab::demo::{Demo, Event, Outcome};

fn short() -> Demo {
    Demo {
        alone: Duration::from_secs(1),
        both: Duration::from_secs(4),
        before: Duration::from_secs(2),
        pulled: Duration::from_secs(2),
        after: Duration::from_secs(2),
        ..Demo::new(env!("CARGO_BIN_EXE_manypath"))
    }
}

#[test]
fn both_links_add_up_and_a_pulled_one_ends_nothing() {
    let mut reports = 0;
    let outcome = short()
        .run(|event| reports += usize::from(matches!(event, Event::Goes { .. })))
        .unwrap();
    assert!(outcome.bytes_ok);
    assert!(reports > 10, "{reports}");
    both_links_carry_data(&outcome);
    the_pulled_link_carries_nothing_and_returns(&outcome);
    the_numbers_and_the_page_are_there(&outcome);
}

fn both_links_carry_data(outcome: &Outcome) {
    assert!(outcome.download_share > 0.7, "{}", outcome.download_share);
    assert!(outcome.both_links_mbps > 1.3 * outcome.single_link_mbps);
    for link in &outcome.links {
        assert!(link.used_share > 0.5, "{link:?}");
    }
}

fn the_pulled_link_carries_nothing_and_returns(outcome: &Outcome) {
    let pulled = outcome.recordings.last().unwrap();
    let [gone, back] = [&pulled.marks[0], &pulled.marks[1]];
    let link = &pulled.links[0];
    // What was on its way is lost with the cable, so after one reading of the counters nothing comes.
    let reading = Duration::from_millis(100);
    let silent = link.time_below(1.0, gone.at + reading, back.at - reading);
    let out = back.at - gone.at - 2 * reading;
    assert!(silent + reading >= out, "{silent:?} of {out:?}");
    assert!(outcome.return_s.is_some());
    assert!(outcome.stall_s.unwrap() < out.as_secs_f64());
}

fn the_numbers_and_the_page_are_there(outcome: &Outcome) {
    let json = serde_json::to_value(outcome).unwrap();
    assert!(json["download_share"].is_f64() && json["stall_s"].is_f64());
    assert_eq!(json["bytes_ok"], true);
    let page = outcome.report().to_html();
    assert!(page.contains("vdsl pulled") && page.contains("vdsl plugged in"));
}
