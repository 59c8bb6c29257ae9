//! `manypath lab up`, `exec`, `link`, `status` and `down`, as a person at a terminal uses them.
#![cfg(target_os = "linux")]

use std::process::{Command, Output};

use serde_json::Value;

/// A lab of this test's own name; taken down also when the test fails.
struct Held(String);

impl Held {
    fn up(more: &[&str]) -> Self {
        let held = Self(format!("test-{}-{}", std::process::id(), more.len()));
        let output = held.lab(&[&["up"], more].concat());
        assert!(output.status.success(), "{output:?}");
        held
    }

    fn lab(&self, arguments: &[&str]) -> Output {
        let (command, rest) = arguments.split_first().expect("a command");
        Command::new(env!("CARGO_BIN_EXE_manypath"))
            .args(["lab", command, "--name", &self.0])
            .args(rest)
            .output()
            .expect("manypath runs")
    }

    fn state(&self) -> Value {
        serde_json::from_slice(&self.lab(&["status", "--json"]).stdout).expect("a status")
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.lab(&["down"]);
    }
}

#[test]
fn a_lab_stays_up_between_commands() {
    let held = Held::up(&[]);
    let url = "http://203.0.113.18/bytes/300000";
    let output = held.lab(&[
        "exec",
        "windows",
        "curl",
        "-sS",
        "-o",
        "/dev/null",
        "-w",
        "%{size_download}",
        url,
    ]);
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "300000",
        "{output:?}"
    );
    let state = held.state();
    assert_eq!(state["links"].as_array().unwrap().len(), 2);
    let down = state["links"]
        .as_array()
        .unwrap()
        .iter()
        .map(|link| link["down_bytes"].as_u64().unwrap());
    assert!(down.sum::<u64>() > 300_000);

    let socket = state["edge_socket"].as_str().unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_manypath"))
        .args(["status", "--json", "--socket", socket])
        .output()
        .unwrap();
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status["uplinks"][0]["state"], "up");

    assert!(
        held.lab(&["link", "2", "--carrier", "false", "--profile", "10mbit,5ms"])
            .status
            .success()
    );
    let link = &held.state()["links"][1];
    assert_eq!(
        (&link["carrier"], &link["profile"]),
        (&Value::Bool(false), &"10mbit,5ms".into())
    );

    assert!(held.lab(&["down"]).status.success());
    let after = held.lab(&["status"]);
    assert!(!after.status.success());
    assert!(
        String::from_utf8_lossy(&after.stderr).contains("manypath lab up"),
        "{after:?}"
    );
}

#[test]
fn a_bare_lab_has_links_as_asked_for_and_errors_say_what_to_do() {
    let held = Held::up(&[
        "--bare",
        "--link",
        "5mbit,10ms",
        "--link",
        "6mbit,10ms",
        "--link",
        "7mbit,10ms",
    ]);
    let state = held.state();
    assert_eq!(state["links"].as_array().unwrap().len(), 3);
    assert_eq!(state["manypath"], false);
    let output = held.lab(&["exec", "access3", "ip", "-br", "link"]);
    assert!(
        String::from_utf8_lossy(&output.stdout).contains("lan"),
        "{output:?}"
    );
    let output = held.lab(&["exec", "origin", "sh", "-c", "exit 7"]);
    assert_eq!(output.status.code(), Some(7));

    for (arguments, says) in [
        (&["exec", "nowhere", "true"][..], "windows, guest"),
        (&["exec", "guest", "no-such-program"], "can't be run"),
        (&["link", "4", "--carrier", "false"], "there are 3"),
        (&["link", "1"], "--profile"),
        (&["up", "--bare"], "lab down"),
    ] {
        let output = held.lab(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(
            !output.status.success() && error.contains(says),
            "{arguments:?}: {error}"
        );
    }
}
