//! `manypath rules`: what the rules of the settings say of a destination.

use std::fmt;
use std::net::IpAddr;

use serde::Serialize;
use serde_json::Value;
use settings::edge::Bypass;
use settings::rule::{self, Protocol, Rule, Subject, Target};
use wire::{Destination, Host};

use super::status_text::describe_rules;
use crate::Failure;

/// What is asked.
#[derive(Debug, clap::Args)]
pub struct Question {
    /// Where a program connects to, such as example.com:443 or 203.0.113.7:22.
    destination: Destination,
    /// The address of a destination that is given by name. Captured connections have both.
    #[arg(long)]
    address: Option<IpAddr>,
    /// Ask for UDP, of which the edge knows addresses and ports only.
    #[arg(long)]
    udp: bool,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// The answer.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Verdict {
    /// What was asked for.
    destination: String,
    /// Number of the rule that counts, from 1 on; none if no rule matches, or none is asked.
    rule: Option<usize>,
    /// What becomes of the traffic, in the words of the settings; `bypass` is what `[bypass]` says.
    action: String,
    /// Why.
    because: String,
}

/// Prints the rules of a status.
pub fn print_rules(rules: &Value, json: bool) -> Result<(), Failure> {
    match json {
        true => println!("{}", serde_json::to_string_pretty(rules)?),
        false => print!("{}", describe_rules(rules)),
    }
    Ok(())
}

impl Question {
    /// Prints which rule counts, and why.
    pub fn print_answer(&self, rules: &[Rule], bypass: &Bypass) -> Result<(), Failure> {
        let verdict = self.answer(rules, bypass);
        match self.json {
            true => println!("{}", serde_json::to_string_pretty(&verdict)?),
            false => println!("{verdict}"),
        }
        Ok(())
    }

    /// Which rule counts, and why.
    fn answer(&self, rules: &[Rule], bypass: &Bypass) -> Verdict {
        let (address, name) = match &self.destination.host {
            Host::Ip(ip) => (Some(*ip), None),
            Host::Name(name) => (self.address, Some(name.as_str())),
        };
        let port = self.destination.port;
        let names: Vec<&str> = name.into_iter().filter(|_| !self.udp).collect();
        let subject = Subject {
            protocol: if self.udp {
                Protocol::Udp
            } else {
                Protocol::Tcp
            },
            address,
            names: &names,
            port,
        };
        let matched = rule::first_match(rules, &subject);
        let (rule, action, because) = match (self.bypassed(bypass, address), matched) {
            (Some(because), _) => (None, "bypass".to_owned(), because),
            (None, Some(matched)) => {
                let action = matched.rule.action.to_string();
                (Some(matched.index + 1), action, matched.to_string())
            }
            (None, None) => (None, "hub".to_owned(), unmatched(rules, address)),
        };
        Verdict {
            destination: self.destination.to_string(),
            rule,
            action,
            because,
        }
    }

    /// Why no rule is asked.
    fn bypassed(&self, bypass: &Bypass, address: Option<IpAddr>) -> Option<String> {
        let network = bypass
            .networks
            .iter()
            .find(|network| address.is_some_and(|ip| network.contains(&ip.to_canonical())));
        if let Some(network) = network {
            return Some(format!(
                "{network} is in bypass.networks, which no rule is asked about"
            ));
        }
        let mut ports = bypass.ports.iter().filter(|_| !self.udp);
        let ports = ports.find(|ports| ports.contains(self.destination.port))?;
        Some(format!(
            "{ports} is in bypass.ports, which no rule is asked about"
        ))
    }
}

fn unmatched(rules: &[Rule], address: Option<IpAddr>) -> String {
    let of_networks = |rule: &Rule| rule.to.iter().any(|to| matches!(to, Target::Network(_)));
    match rules {
        [] => "there are no rules".to_owned(),
        _ if address.is_none() && rules.iter().any(of_networks) => {
            "no rule matches the name; those for networks need the address, too (--address)"
                .to_owned()
        }
        _ => "no rule matches".to_owned(),
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rule {
            Some(rule) => write!(f, "rule {rule}: {}, because {}", self.action, self.because),
            None => write!(f, "{}: {}", self.action, self.because),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use settings::edge::Settings;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        question: Question,
    }

    const SETTINGS: &str = "[[uplink]]\ninterface = \"eth1\"\n[bypass]\nnetworks = [\"192.168.0.0/16\"]\nports = [25]\n\
        [[rule]]\nto = [\"example.com\"]\nports = [443]\naction = \"direct\"\n\
        [[rule]]\nto = [\"203.0.113.0/24\"]\naction = \"uplink wifi\"\n\
        [[rule]]\nprotocol = \"udp\"\nports = [4000]\naction = \"block\"\n";

    fn answer(line: &str) -> String {
        let settings = Settings::parse(SETTINGS, "edge.toml").unwrap();
        let words = ["test"].into_iter().chain(line.split(' '));
        let question = Line::try_parse_from(words)
            .unwrap_or_else(|error| panic!("{error}"))
            .question;
        question
            .answer(&settings.traffic, &settings.bypass)
            .to_string()
    }

    #[test]
    fn which_rule_and_why() {
        for (line, expected) in [
            (
                "www.example.com:443",
                "rule 1: direct, because www.example.com is below example.com",
            ),
            (
                "www.example.com:80",
                "hub: no rule matches the name; those for networks need the address, too (--address)",
            ),
            (
                "www.example.com:80 --address 203.0.113.9",
                "rule 2: uplink wifi, because the address is in 203.0.113.0/24",
            ),
            (
                "203.0.113.9:22",
                "rule 2: uplink wifi, because the address is in 203.0.113.0/24",
            ),
            ("[2001:db8::1]:22", "hub: no rule matches"),
            ("198.51.100.1:4000", "hub: no rule matches"),
            (
                "198.51.100.1:4000 --udp",
                "rule 3: block, because it is for UDP at port 4000",
            ),
            (
                "192.168.3.4:443",
                "bypass: 192.168.0.0/16 is in bypass.networks, which no rule is asked about",
            ),
            (
                "example.com:25",
                "bypass: 25 is in bypass.ports, which no rule is asked about",
            ),
        ] {
            assert_eq!(answer(line), expected, "{line}");
        }
    }
}
