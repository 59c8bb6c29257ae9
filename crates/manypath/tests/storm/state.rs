//! What edge and kernel hold when nothing is going on.

use std::time::{Duration, Instant};

use lab::rig::{Rig, uplinks_in_use};
use lab::topology::{Lab, Node};

/// How long everything may take to be as before: a lease that has another address is found out at its
/// renewal.
const CALM: Duration = Duration::from_secs(15);

/// How long a connection may stay whose other end has gone without a way to say so: the kernel keeps one that
/// has no subflow left for a minute (`net.mptcp.close_timeout`).
const FORGOTTEN: Duration = Duration::from_secs(75);

/// Without the ids of endpoints, which are others each time, and without times that run down.
const DUMP: &str = r#"
ip -o addr show scope global | sed -E 's/ +/ /g; s/^[0-9]+: //; s/valid_lft.*//'
ip rule; ip -6 rule
ip -4 route show table all
ip -6 route show table all | sed -E 's/ expires [0-9]+sec//'
ip mptcp endpoint | sed -E 's/ id [0-9]+//'
ip mptcp limits
nft list ruleset
"#;

/// The guest's network once both families of both uplinks are in use.
pub fn settled(rig: &Rig) -> Vec<String> {
    rig.wait_for_edge("use both families of both uplinks", |status| {
        let endpoints = status["uplinks"]
            .to_string()
            .matches("\"endpoint\":")
            .count();
        uplinks_in_use(status) == 2 && endpoints == 4
    })
    .expect("a whole network");
    dump(rig.lab())
}

/// Waits until the guest's network is as it was.
pub fn assert_back(rig: &Rig, before: &[String]) {
    let is_back = || {
        let now = dump(rig.lab());
        let new = now.iter().filter(|line| !before.contains(line));
        let gone = before.iter().filter(|line| !now.contains(line));
        let different: Vec<_> = new
            .map(|line| format!("new: {line}"))
            .chain(gone.map(|line| format!("gone: {line}")))
            .collect();
        if different.is_empty() {
            Ok(())
        } else {
            Err(different.join("\n"))
        }
    };
    eventually(CALM, is_back);
    let status = rig.edge_status().expect("the edge answers");
    assert_eq!(status["problems"], serde_json::json!([]));
    assert_eq!(status["settings"]["error"], serde_json::Value::Null);
}

/// Waits until nobody has a connection but those to the hub that are kept for the next requests. The
/// hub itself may have more of these: nobody could tell it that they had ended, and it waits for its
/// `idle_timeout`.
pub fn assert_nothing_left(rig: &Rig) {
    eventually(FORGOTTEN, || {
        let status = rig.edge_status().expect("the edge answers");
        let open = status["connections"].as_array().expect("a list").len();
        let kept = status["hub_connections"]["idle"].as_u64();
        let kept = usize::try_from(kept.expect("a number")).expect("few");
        let guests = established(rig.lab(), Node::Guest, "-HMn");
        let to_hub = established(rig.lab(), Node::Origin, "-Htn");
        if open == 0 && guests.len() == kept && to_hub.is_empty() {
            Ok(())
        } else {
            Err(format!(
                "{open} in the edge's list, {kept} are kept, the guest has {guests:#?}, the origin \
                 {to_hub:#?}"
            ))
        }
    });
}

fn eventually(within: Duration, check: impl Fn() -> Result<(), String>) {
    let deadline = Instant::now() + within;
    while let Err(error) = check() {
        assert!(Instant::now() < deadline, "after {within:?}: {error}");
        // Most of it has no event.
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn dump(lab: &Lab) -> Vec<String> {
    let output = lab.command(Node::Guest, "sh").args(["-ec", DUMP]).output();
    let output = output.expect("a shell, ip and nft are there");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout);
    let mut lines: Vec<_> = text
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect();
    lines.sort();
    lines
}

/// The established connections of a node, one a line. What its program has closed is not among them:
/// the kernel keeps that for a minute when it can't tell the other end any more.
fn established(lab: &Lab, node: Node, kind: &str) -> Vec<String> {
    let output = lab.command(node, "ss").arg(kind).output();
    let output = output.expect("ss is there");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout);
    let lines = text.lines().filter(|line| line.starts_with("ESTAB"));
    lines.map(str::to_owned).collect()
}
