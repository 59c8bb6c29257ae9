//! Which firewall a server has, and how its owner lets clients in. Nothing is opened here: that is the
//! owner's to decide.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::Value;

use super::place::Root;

/// What lets packets in, or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Firewall {
    /// Ubuntu's `ufw`.
    Ufw,
    /// `firewalld`.
    Firewalld,
    /// Rules of nftables, also those that `iptables` writes: the chains that could refuse clients.
    Nftables(BTreeSet<Chain>),
    /// None that was found.
    None,
}

/// A chain for incoming packets that drops or rejects what it has no rule for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Chain {
    family: String,
    table: String,
    name: String,
}

const FIREWALLD: &str = "/etc/systemd/system/multi-user.target.wants/firewalld.service";

/// Looks for a firewall. What can't be read counts as absent: this is for advice only.
pub fn observe(root: &Root) -> Firewall {
    let ufw = fs::read_to_string(root.path("/etc/ufw/ufw.conf")).unwrap_or_default();
    if ufw.lines().any(|line| line.trim() == "ENABLED=yes") {
        return Firewall::Ufw;
    }
    if root.path(FIREWALLD).symlink_metadata().is_ok() {
        return Firewall::Firewalld;
    }
    if root.image().is_some() {
        return Firewall::None;
    }
    let listed = Command::new("nft")
        .args(["--json", "list", "ruleset"])
        .output();
    let rules = listed
        .ok()
        .and_then(|it| serde_json::from_slice(&it.stdout).ok());
    match closed_chains(&rules.unwrap_or_default()) {
        chains if chains.is_empty() => Firewall::None,
        chains => Firewall::Nftables(chains),
    }
}

/// How edges come: connections, and datagrams of users.
const TRANSPORTS: [&str; 2] = ["tcp", "udp"];

/// What the owner has to run, if anything.
pub fn commands(firewall: &Firewall, ports: &BTreeSet<u16>) -> Vec<String> {
    let doors = ports
        .iter()
        .flat_map(|port| TRANSPORTS.map(|transport| (*port, transport)));
    let each = |command: fn((u16, &str)) -> String| doors.clone().map(command).collect();
    match firewall {
        Firewall::Ufw => each(|(port, transport)| format!("ufw allow {port}/{transport}")),
        Firewall::Firewalld => each(|(port, transport)| {
            format!(
                "firewall-cmd --permanent --add-port={port}/{transport} && firewall-cmd --reload"
            )
        }),
        Firewall::Nftables(chains) => {
            let pairs = doors.flat_map(|door| chains.iter().map(move |chain| (door, chain)));
            pairs.map(|(door, chain)| chain.opened(door)).collect()
        }
        Firewall::None => Vec::new(),
    }
}

impl Chain {
    fn opened(&self, (port, transport): (u16, &str)) -> String {
        // These are iptables' own; what it has not written itself, it refuses to list.
        let iptables = match (&*self.family, &*self.table, &*self.name) {
            ("ip", "filter", "INPUT") => "iptables",
            ("ip6", "filter", "INPUT") => "ip6tables",
            _ => {
                let Self {
                    family,
                    table,
                    name,
                } = self;
                return format!(
                    "nft insert rule {family} {table} {name} {transport} dport {port} accept"
                );
            }
        };
        format!("{iptables} -I INPUT -p {transport} --dport {port} -j ACCEPT")
    }
}

/// Chains at the input hook whose policy is drop, or in which a rule without a condition drops or
/// rejects. From what `nft --json list ruleset` prints (libnftables-json(5)).
fn closed_chains(rules: &Value) -> BTreeSet<Chain> {
    let objects = rules["nftables"].as_array().into_iter().flatten();
    let (mut input, mut closed) = (BTreeSet::new(), BTreeSet::new());
    for object in objects {
        let chain = &object["chain"];
        if chain["type"] == "filter" && chain["hook"] == "input" {
            input.extend(chain_of(chain, "name"));
            if chain["policy"] == "drop" {
                closed.extend(chain_of(chain, "name"));
            }
        }
        let rule = &object["rule"];
        if is_closing(rule["expr"].as_array().map_or(&[], Vec::as_slice)) {
            closed.extend(chain_of(rule, "chain"));
        }
    }
    // The edge's own table is for the edge's own listeners.
    closed.retain(|chain| input.contains(chain) && chain.table != "manypath");
    closed
}

fn chain_of(object: &Value, name: &str) -> Option<Chain> {
    let text = |key| object[key].as_str().map(str::to_owned);
    Some(Chain {
        family: text("family")?,
        table: text("table")?,
        name: text(name)?,
    })
}

/// `xt` is what nft shows for iptables' own extensions, REJECT among them.
fn is_closing(expressions: &[Value]) -> bool {
    let is = |value: &Value, keys: &[&str]| keys.iter().any(|key| value.get(key).is_some());
    let unconditional = ["counter", "log", "drop", "reject", "xt"];
    expressions.iter().all(|it| is(it, &unconditional))
        && expressions
            .iter()
            .any(|it| is(it, &["drop", "reject", "xt"]))
}

#[cfg(test)]
#[path = "firewall_tests.rs"]
mod tests;
