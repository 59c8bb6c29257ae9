use super::machine::Machine;
use super::outcome::Outcome;
use super::quantity::{Better, Quantity};
use super::run::{Attempt, Run};
use super::site::StandardLink;
use super::{Chosen, Mode, Setup};

const STANDSTILL: &str = "standstill_s";

fn outcome(values: &[(Setup, f64)]) -> Outcome {
    outcome_of("download", Mode::Backup, values)
}

fn outcome_of(scenario: &str, mode: Mode, values: &[(Setup, f64)]) -> Outcome {
    let machine = Machine {
        date: "2026-01-01T00:00:00Z".into(),
        kernel: "Linux 6.18".into(),
        processor: "some".into(),
        processors: 2,
        packages: vec![("curl".into(), "7.88".into())],
    };
    let scenario = scenario.parse::<Chosen>().unwrap().scenario();
    let mut outcome = Outcome::new(machine, true);
    for (setup, value) in values {
        let mut run = Run::new(scenario, mode, *setup);
        run.values = vec![scenario.decisive(mode).one(*value)];
        outcome.add(run);
    }
    outcome
}

#[test]
fn where_manypath_is_not_ahead_the_summary_says_so() {
    let behind = outcome(&[(Setup::Prototype, 0.1), (Setup::Manypath, 0.4)]);
    let text = behind.summary_markdown();
    assert!(
        text.contains(
            "Not ahead: A file is downloaded, backup: 0.10 s with prototype of 2024, 0.40 s"
        ),
        "{text}"
    );
    let ahead = outcome(&[(Setup::Prototype, 1.4), (Setup::Manypath, 0.0)]);
    let text = ahead.summary_markdown();
    assert!(!text.contains("Not ahead"), "{text}");
}

#[test]
fn why_manypath_is_behind_is_told_where_it_is_known() {
    let values = [(Setup::Plain, 31.0), (Setup::Manypath, 49.0)];
    let text = outcome_of("desktop", Mode::Aggregation, &values).summary_markdown();
    assert!(
        text.contains("49 ms with Manypath. Linux' scheduler of MPTCP"),
        "{text}"
    );
}

#[test]
fn a_failure_is_told_everywhere() {
    let mut outcome = outcome(&[(Setup::Plain, 5.0)]);
    let scenario = outcome.scenarios()[0];
    let mut run = Run::new(scenario, Mode::Backup, Setup::Manypath);
    run.fail(&anyhow::anyhow!("the file came with wrong bytes"));
    outcome.add(run);
    assert!(outcome.has_failed());
    let json = outcome.to_json();
    assert_eq!(json["runs"][0]["values"][STANDSTILL]["value"], 5.0);
    assert_eq!(json["runs"][1]["failed"], "the file came with wrong bytes");
    for text in [outcome.to_string(), outcome.report().to_html()] {
        assert!(
            text.contains("download, backup, manypath: the file came with wrong bytes"),
            "{text}"
        );
    }
}

#[test]
fn the_better_link_is_taken_and_both_are_told() {
    let scenario = "download".parse::<Chosen>().unwrap().scenario();
    let quantity = scenario.decisive(Mode::Aggregation);
    let attempt = |value: Option<f64>| Attempt {
        values: value
            .map(|value| vec![quantity.one(value)])
            .ok_or_else(|| anyhow::anyhow!("it broke")),
        recording: None,
    };
    let run = |vdsl, lte| {
        let mut run = Run::new(scenario, Mode::Aggregation, Setup::Plain);
        run.consider(&[StandardLink::Vdsl], attempt(vdsl));
        run.consider(&[StandardLink::Lte], attempt(lte));
        run
    };
    let value = |run: &Run| run.value(quantity).map(|it| it.value);
    assert_eq!(value(&run(Some(32.0), Some(37.0))), Some(37.0));
    let better_first = run(Some(37.0), Some(32.0));
    assert_eq!(value(&better_first), Some(37.0));
    assert_eq!(better_first.to_json()["alone"]["lte"], 32.0);
    assert!(
        better_first
            .told_alone()
            .unwrap()
            .contains("goodput, 37.0 Mb/s over vdsl, 32.0 Mb/s over lte")
    );
    for one_fails in [run(None, Some(37.0)), run(Some(37.0), None)] {
        assert_eq!(value(&one_fails), Some(37.0));
        assert_eq!(one_fails.failed, None);
        assert!(one_fails.told_alone().unwrap().contains("failed over"));
    }
    assert_eq!(run(None, None).failed.as_deref(), Some("it broke"));
}

#[test]
fn keys_are_unique_and_end_with_their_unit() {
    let scenarios = Chosen::all();
    for one in &scenarios {
        let key = one.scenario().key();
        assert_eq!(
            scenarios
                .iter()
                .filter(|it| it.scenario().key() == key)
                .count(),
            1
        );
        for mode in one.scenario().modes() {
            let Quantity {
                key, unit, better, ..
            } = one.scenario().decisive(*mode);
            let end = match unit {
                "Mb/s" => "_mbps",
                "ms" => "_ms",
                "s" => "_s",
                other => panic!("{key} has the unit {other:?}"),
            };
            assert!(key.ends_with(end), "{key}");
            assert_eq!(better == Better::Higher, unit == "Mb/s", "{key}");
        }
    }
}
