//! Rules for where traffic goes, as users write them.

mod captured;
mod command;
mod datagrams;
mod forwarded;
mod proxied;

use std::fs;

use lab::rig::{Rig, RigSpec};
use lab::topology::Node;

use crate::support::{Ran, run, shell, spec};

/// The standard rig with these rules: `to`, what else is a condition, and `action`.
fn with_rules(rules: &str) -> RigSpec {
    let mut spec = spec();
    spec.edge_settings = rules.to_owned();
    spec
}

fn rule(to: &str, action: &str) -> String {
    format!("[[rule]]\nto = [\"{to}\"]\naction = \"{action}\"\n")
}

fn curl(rig: &Rig, arguments: &[&str]) -> Ran {
    let quiet = ["-sSf", "--max-time", "10"];
    run(
        rig.lab(),
        Node::Windows,
        "curl",
        &[&quiet, arguments].concat(),
    )
}

/// curl(1), "EXIT CODES": nothing, or a reset, where an answer should be.
fn is_reset(ran: &Ran) -> bool {
    [35, 52, 56].contains(&ran.code) && ran.err.contains("reset")
}

/// How many connections each rule has decided, as the status says it.
fn counts(rig: &Rig) -> Vec<u64> {
    let status = rig.edge_status().unwrap();
    let rules = status["rules"].as_array().unwrap().iter();
    rules
        .map(|it| it["connections"].as_u64().unwrap())
        .collect()
}

/// Replaces the rules of a running edge.
fn replace_rules(rig: &Rig, rules: &str) {
    let file = rig.folder().join("edge.toml");
    let mut settings: toml::Table = fs::read_to_string(&file).unwrap().parse().unwrap();
    settings.remove("rule");
    settings.extend(rules.parse::<toml::Table>().unwrap());
    fs::write(&file, settings.to_string()).unwrap();
    let count = |status: &serde_json::Value| status["settings"]["count"].as_u64();
    let was = count(&rig.edge_status().unwrap());
    let edge = rig.edge().unwrap().id();
    shell(rig.lab(), Node::Guest, &format!("kill -HUP {edge}")).ok();
    rig.wait_for_edge("read its settings again", |status| count(status) > was)
        .unwrap();
    assert!(rig.edge_status().unwrap()["settings"]["error"].is_null());
}
