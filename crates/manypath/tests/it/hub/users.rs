//! The hub's users file changes while an edge runs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use lab::rig::Rig;

use super::{assert_works_at_once, hub, ready, wait_for_hub, wait_until_ready};
use crate::support::{LIMIT, eventually, proxy_spec, socks5};

fn file(rig: &Rig) -> PathBuf {
    rig.folder().join("hub.users.toml")
}

/// Replaces the users file, and waits until the hub has read it.
fn replace(rig: &Rig, text: &str) {
    let log = rig.hub().unwrap().log();
    let read = || {
        let log = fs::read_to_string(log).unwrap();
        log.matches("the users file was read").count()
    };
    let before = read();
    let draft = rig.folder().join("draft");
    fs::write(&draft, text).unwrap();
    fs::set_permissions(&draft, fs::Permissions::from_mode(0o600)).unwrap();
    fs::rename(draft, file(rig)).unwrap();
    eventually("the hub reads its users", || {
        (read() > before).then_some(())
    });
}

/// How many connections the user may have open at once.
pub fn set_limit(rig: &Rig, limit: usize) {
    let text = fs::read_to_string(file(rig)).unwrap();
    let unlimited = "max_connections = 100000";
    assert!(text.contains(unlimited), "{text}");
    replace(
        rig,
        &text.replace(unlimited, &format!("max_connections = {limit}")),
    );
}

#[test]
fn an_edge_whose_user_was_removed_says_so() {
    let rig = ready(proxy_spec());
    let mut running = rig.connect(LIMIT).unwrap();
    let text = fs::read_to_string(file(&rig)).unwrap();
    replace(&rig, "");
    // A removed user's connections end, also those that are in use.
    running.download(50_000_000, |_| {}).unwrap_err();
    let reason = "the hub 203.0.113.2:443 knows no user with the link's secret";
    wait_for_hub(&rig, "say why there are no connections", |hub| {
        hub["state"] == "failing" && hub["idle"] == 0 && hub["in_use"] == 0
    });
    let status = rig.edge_status().unwrap();
    let trouble = status["hub_connections"]["trouble"].as_str().unwrap();
    assert!(trouble.starts_with(reason), "{trouble}");
    let problems = status["problems"].as_array().unwrap();
    let says = |problem: &serde_json::Value| problem.as_str().unwrap().contains(reason);
    assert!(problems.iter().any(says), "{problems:#?}");
    // General failure: the destination is not to blame.
    assert_eq!(socks5(&rig, "203.0.113.18", 80).unwrap(), 1);

    replace(&rig, &text);
    assert_works_at_once(&rig, "the user is back");
    wait_until_ready(&rig);
    assert_eq!(hub(&rig)["trouble"], serde_json::Value::Null);
}
