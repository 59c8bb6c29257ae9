//! `manypath lab evaluate`, shortened. Needs root, and Debian's nginx, curl, openssl and the prototype's
//! programs.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn evaluate(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_manypath"))
        .args(["lab", "evaluate"])
        .args(arguments)
        .output()
        .expect("the program starts")
}

#[test]
fn a_short_evaluation() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("evaluation");
    let output = evaluate(&[
        "--quick",
        "--only",
        "latency,download",
        "--json",
        "--out",
        out.to_str().unwrap(),
    ]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let runs = json["runs"].as_array().expect("runs");
    // Five set-ups of latency; three of a download in each of two modes.
    assert_eq!(runs.len(), 5 + 6, "{errors}");
    for run in runs {
        assert!(run["failed"].is_null(), "{run:#}");
    }
    times_are_times(runs);
    the_better_link_is_plain(runs);
    both_links_carry(run(runs, "download", "aggregation", "manypath"));
    the_other_link_takes_over(run(runs, "download", "backup", "manypath"));
    files_are_complete(&out);
}

fn run<'a>(runs: &'a [Value], scenario: &str, mode: &str, setup: &str) -> &'a Value {
    let names = [scenario, mode, setup];
    let is_it = |run: &&Value| {
        ["scenario", "mode", "setup"].map(|key| run[key].as_str()) == names.map(Some)
    };
    runs.iter()
        .find(is_it)
        .unwrap_or_else(|| panic!("no run {names:?}"))
}

/// Plain TCP needs a round trip of 15 ms to connect and one more to the first byte; a kept connection
/// needs one.
fn times_are_times(runs: &[Value]) {
    let plain = &run(runs, "latency", "aggregation", "plain")["values"];
    let value = |key: &str| plain[key]["value"].as_f64().expect("a number");
    assert!(value("connect_ms") >= 15.0, "{plain}");
    assert!(value("first_byte_ms") >= 30.0, "{plain}");
    assert!(value("exchange_ms") >= 15.0, "{plain}");
    for setup in ["prototype-single", "single", "prototype", "manypath"] {
        let values = &run(runs, "latency", "aggregation", setup)["values"];
        let exchange = &values["exchange_ms"];
        assert_eq!(exchange["samples"], 40);
        assert!(
            exchange["value"].as_f64() >= Some(15.0),
            "{setup}: {exchange}"
        );
    }
}

/// To connect and to fetch takes two of lte's round trips of 40 ms.
fn the_better_link_is_plain(runs: &[Value]) {
    for (scenario, key) in [("latency", "first_byte_ms"), ("download", "goodput_mbps")] {
        let plain = run(runs, scenario, "aggregation", "plain");
        let [vdsl, lte] = ["vdsl", "lte"].map(|link| plain["alone"][link].as_f64().expect(link));
        let better = match scenario {
            "latency" => vdsl.min(lte),
            _ => vdsl.max(lte),
        };
        assert_eq!(plain["values"][key]["value"], better);
        assert!(scenario != "latency" || lte >= 80.0, "{lte}");
    }
    let manypath = run(runs, "download", "aggregation", "manypath");
    assert_eq!(manypath["alone"], serde_json::json!({}));
}

fn both_links_carry(run: &Value) {
    for link in run["links"].as_array().expect("links") {
        let carried = link["down_bytes"].as_u64().expect("a number");
        assert!(carried > 2_000_000, "{} carried {carried}", link["name"]);
    }
}

/// Before the fault nothing but a little goes over the link that waits; while the other one is away,
/// everything does.
fn the_other_link_takes_over(run: &Value) {
    let [first, second] = [0, 1].map(|link| {
        let rates = run["links"][link]["down_mbps"].as_array().expect("rates");
        let rates = rates.iter().map(|rate| rate.as_f64().expect("a number"));
        rates.collect::<Vec<_>>()
    });
    let [pulled, back] = [0, 1].map(|end| run["fault_s"][end].as_f64().expect("a time"));
    let megabits = |rates: &[f64], from: f64, until: f64| {
        let steps = rates.iter().enumerate();
        let inside = steps.filter(|(step, _)| (from..until).contains(&(*step as f64 * 0.1)));
        inside.map(|(_, rate)| rate * 0.1).sum::<f64>()
    };
    assert!(megabits(&first, 0.0, pulled) > 8.0, "{first:?}");
    assert!(megabits(&second, 0.0, pulled - 0.1) < 4.0, "{second:?}");
    assert!(
        megabits(&first, pulled + 0.1, back - 0.1) < 0.1,
        "{first:?}"
    );
    assert!(megabits(&second, pulled, back) > 4.0, "{second:?}");
}

fn files_are_complete(out: &Path) {
    let read = |name: &str| std::fs::read_to_string(out.join(name)).expect(name);
    let page = read("report.html");
    assert!(page.ends_with("</html>\n"));
    for text in [
        "A file is downloaded",
        "Latency",
        "vdsl pulled",
        "vdsl back",
        "each link by itself",
        "Linux ",
    ] {
        assert!(page.contains(text), "{text}");
    }
    assert_eq!(page.matches("<svg").count(), 6 + 1);
    for name in ["download.svg", "latency.svg"] {
        assert!(read(name).ends_with("</svg>\n"), "{name}");
    }
    let json: Value = serde_json::from_str(&read("results.json")).expect("JSON");
    assert_eq!(json["runs"].as_array().map(Vec::len), Some(11));
    let results = read("results.csv");
    assert!(
        results.contains("\ndownload,backup,manypath,standstill_s,"),
        "{results}"
    );
    let series = read("series.csv");
    assert!(series.lines().count() > 100);
    let columns = |line: &str| line.split(',').count();
    assert!(series.lines().all(|line| columns(line) == 7));
    assert!(results.lines().all(|line| columns(line) == 8));
}

#[test]
fn an_unknown_scenario_is_refused_with_the_list() {
    let output = evaluate(&["--only", "download,speed"]);
    assert_eq!(output.status.code(), Some(2));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(
        errors.contains("no scenario \"speed\"; there are latency, download,"),
        "{errors}"
    );
}

#[test]
fn missing_packages_are_named_before_anything_is_started() {
    let script = "mount -t tmpfs none /usr/sbin && exec \"$0\" lab evaluate --only download";
    let program = env!("CARGO_BIN_EXE_manypath");
    let output = Command::new("unshare")
        .args(["--mount", "/bin/sh", "-c", script, program])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        errors,
        "error: these scenarios need nginx-light redsocks of Debian; install with: \
         apt-get install nginx-light redsocks\n"
    );
}
