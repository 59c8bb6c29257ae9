//! `manypath rules`

use std::fs;
use std::process::Command;

use lab::rig::Rig;

use super::{rule, with_rules};
use crate::support::{LIMIT, PROGRAM, Ran};

fn manypath(arguments: &[&str]) -> Ran {
    Command::new(PROGRAM)
        .arg("rules")
        .args(arguments)
        .output()
        .unwrap()
        .into()
}

#[test]
fn which_rule_counts_and_why() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("edge.toml");
    let path = file.to_str().unwrap();
    let rules = rule("192.0.2.0/24", "uplink Wi-Fi 2") + &rule("example.com", "direct");
    fs::write(&file, format!("[[uplink]]\ninterface = \"eth1\"\n{rules}")).unwrap();
    let said = manypath(&["test", "www.example.com:443", "--settings", path]).ok();
    assert_eq!(
        said,
        "rule 2: direct, because www.example.com is below example.com\n"
    );
    let json = manypath(&["test", "192.0.2.7:443", "--json", "--settings", path]).ok();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let expected = serde_json::json!({
        "destination": "192.0.2.7:443", "rule": 1, "action": "uplink Wi-Fi 2",
        "because": "the address is in 192.0.2.0/24",
    });
    assert_eq!(json, expected);
    assert_eq!(
        manypath(&["test", "example.com", "--settings", path]).code,
        2
    );
    fs::write(
        &file,
        "[[uplink]]\ninterface = \"eth1\"\n[[rule]]\naction = \"drop\"\n",
    )
    .unwrap();
    let wrong = manypath(&["test", "example.com:443", "--settings", path]);
    assert_eq!(wrong.code, 2);
    assert!(
        wrong.err.contains("edge.toml:4:10: rule[0].action:"),
        "{wrong:?}"
    );
}

#[test]
fn a_running_edge_lists_what_they_have_done() {
    let rig = Rig::up(with_rules(&rule("203.0.113.0/24", "direct"))).unwrap();
    let mut client = rig.connect(LIMIT).unwrap();
    assert!(client.download(1000, |_| {}).unwrap().intact);
    let socket = rig.edge_socket();
    let listed = manypath(&["list", "--socket", socket.to_str().unwrap()]).ok();
    assert_eq!(
        listed,
        "  rule 1  direct  everything to 203.0.113.0/24  1 connection\n"
    );
    let json = manypath(&["--json", "--socket", socket.to_str().unwrap()]).ok();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json[0]["action"], "direct");
}
