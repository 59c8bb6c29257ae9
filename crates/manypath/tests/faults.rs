//! `manypath lab faults` with one fault. Needs root.
#![cfg(target_os = "linux")]

use std::process::{Command, Output};

use serde_json::Value;

fn faults(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_manypath"));
    command
        .args(["lab", "faults"])
        .args(arguments)
        .output()
        .expect("the program starts")
}

#[test]
fn one_fault_as_json() {
    let only = "carrier,download,messages-up,aggregate,first,busier";
    let output = faults(&["--repeat", "1", "--only", only, "--json"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    // Wrong bytes or a broken connection would be a failure.
    assert!(output.status.success(), "{errors}");
    let json: Value = serde_json::from_slice(&output.stdout).expect("manypath runs");
    let cells = json["cells"].as_array().expect("manypath runs");
    let [download, messages] = cells.as_slice() else {
        panic!("{json:#}");
    };
    for (cell, traffic) in [(download, "download"), (messages, "messages-up")] {
        assert_eq!(cell["fault"], "carrier");
        assert_eq!(cell["traffic"], traffic);
        assert_eq!(cell["mode"], "aggregate");
        assert_eq!(cell["failed"], Value::Array(Vec::new()));
    }
    let value = |cell: &Value, key: &str| {
        let values = cell[key]["values"].as_array().map(Vec::as_slice);
        match values {
            Some([value]) => value.as_f64().expect("a number"),
            _ => panic!("no value for {key}: {json:#}"),
        }
    };
    // The link is away for 3 s, and the other one goes on long before that.
    let stall = value(download, "stall_s");
    assert!((0.0..2.5).contains(&stall), "{stall}");
    let back = value(download, "return_s");
    assert!(back > 0.0 && back < 5.0, "{back}");
    // Messages come every 10 ms at best.
    let gap = value(messages, "gap_ms");
    assert!((9.0..3_000.0).contains(&gap), "{gap}");
}

#[test]
fn unknown_words_and_words_that_exclude_each_other_are_refused() {
    let output = faults(&["--only", "carrier,cable"]);
    assert_eq!(output.status.code(), Some(2));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(
        errors.contains("no cell is \"cable\"; the words are carrier, silence,"),
        "{errors}"
    );
    let output = faults(&["--only", "messages-up,aggregate,first"]);
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(errors, "error: no fault fits all of these words\n");
}
