//! `manypath lab sweep`, as short as it can be. Needs root.
#![cfg(target_os = "linux")]

use std::process::{Command, Output};

use serde_json::Value;

fn sweep(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_manypath"));
    command
        .args(["lab", "sweep"])
        .args(arguments)
        .output()
        .expect("the program starts")
}

#[test]
fn one_second_link_as_json_and_as_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("sweep.html");
    let output = sweep(&[
        "--only=30mbit,15ms",
        "--direction=down",
        "--seconds=1",
        "--idle=0",
        "--begin-only",
        "--json",
        "--out",
        page.to_str().unwrap(),
    ]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let json: Value = serde_json::from_slice(&output.stdout).expect("manypath runs");
    assert_eq!(json["notes"], serde_json::json!([]), "{errors}");
    let [line] = json["lines"].as_array().expect("manypath runs").as_slice() else {
        panic!("not one line: {json}");
    };
    assert_eq!(line["link"], "30mbit,15ms");
    assert_eq!(line["direction"], "down");
    let value = |key: &str| {
        line[key]
            .as_f64()
            .unwrap_or_else(|| panic!("no {key}: {json}"))
    };
    let (first, second, both) = (
        value("first_mbps"),
        value("second_mbps"),
        value("both_mbps"),
    );
    // No link carries more than its rate, and each carries what can be seen.
    assert!((5.0..35.0).contains(&first), "{json}");
    assert!((5.0..30.0).contains(&second), "{json}");
    assert!((5.0..65.0).contains(&both), "{json}");
    assert!(
        (value("ratio") - both / first.max(second)).abs() < 1e-9,
        "{json}"
    );
    assert_eq!(json["summary"]["count"], 1);
    assert_eq!(line["moment"], "begin");

    let html = std::fs::read_to_string(page).unwrap();
    let cell = format!(
        "30 Mb/s, 15 ms, loss 0 %, queue 100 ms: first link {first:.1}, second {second:.1}, both \
         {both:.1} Mb/s"
    );
    assert!(html.contains(&cell), "no cell {cell:?}");
    assert!(html.contains("<h2>Downloads, from 3 s on</h2>") && !html.contains("<h2>Uploads"));
}

#[test]
fn what_is_no_link_is_refused() {
    let output = sweep(&["--only=fast"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("`fast` is no link"), "{errors}");
}
