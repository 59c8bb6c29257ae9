//! `manypath status`

use std::fmt::Write as _;
use std::thread;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::status_of_service;
use crate::Failure;
use crate::commands::status_text::describe;

/// The pause of `--watch`.
const EVERY: Duration = Duration::from_secs(1);

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Show it again every second, until Ctrl+C.
    #[arg(long)]
    watch: bool,
    /// Print the whole status as JSON; with --watch one line each.
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    loop {
        let status = status_of_service()?;
        match (arguments.json, arguments.watch) {
            (true, true) => println!("{status}"),
            (true, false) => println!("{}", serde_json::to_string_pretty(&status)?),
            // Clears the terminal.
            (false, true) => print!("\x1b[2J\x1b[H{}", text(&status, SystemTime::now())),
            (false, false) => print!("{}", text(&status, SystemTime::now())),
        }
        if !arguments.watch {
            return Ok(());
        }
        thread::sleep(EVERY);
    }
}

/// The host's own part first, then the edge's.
fn text(status: &Value, now: SystemTime) -> String {
    let mut out = String::new();
    let word = |name: &str| status[name].as_str();
    let goal = word("goal").unwrap_or("?");
    let phase = word("phase").unwrap_or("?");
    let user = word("user").map(|user| format!(" for {user}"));
    let _ = writeln!(
        out,
        "Manypath is {goal}: {}{}",
        phase_in_words(status, phase),
        user.unwrap_or_default()
    );
    if let Some(trouble) = word("trouble") {
        let _ = writeln!(out, "  the edge has ended: {trouble}");
    }
    let captures = match status["captures"] == true {
        true => "all TCP of this PC goes through it",
        false => "only what programs send to its proxy goes through it",
    };
    if phase == "running" {
        let _ = writeln!(out, "  {captures}");
    }
    for card in status["cards"].as_array().into_iter().flatten() {
        let _ = writeln!(out, "card {}", card_in_words(card));
    }
    if let Some(error) = status["settings"]["error"].as_str() {
        let _ = writeln!(
            out,
            "problem: the settings are wrong, and those before are in force: {error}"
        );
    }
    for problem in status["problems"].as_array().into_iter().flatten() {
        let _ = writeln!(out, "problem: {}", problem.as_str().unwrap_or("?"));
    }
    if status["edge"].is_object() {
        out.push('\n');
        out += &describe(&status["edge"], now);
    }
    out
}

fn phase_in_words(status: &Value, phase: &str) -> String {
    let seconds = status["seconds"].as_u64().unwrap_or_default();
    match phase {
        "idle" if status["goal"] == "up" => {
            "nobody is logged on, and WSL belongs to users".to_owned()
        }
        "idle" => "nothing runs".to_owned(),
        "waiting" => format!("the edge is started again in {seconds} s"),
        "preparing" => format!("WSL is being prepared since {seconds} s"),
        "starting" => format!("the edge is being started since {seconds} s"),
        "running" => format!("the edge runs since {seconds} s"),
        "stopping" => "the edge is being stopped".to_owned(),
        other => other.to_owned(),
    }
}

fn card_in_words(card: &Value) -> String {
    let alias = card["alias"].as_str().unwrap_or("?");
    let switch = card["switch"].as_str();
    match (card["problem"].as_str(), switch, card["plugged_in"] == true) {
        (Some(problem), ..) => format!("{alias}: {problem}"),
        (None, None, _) => format!("{alias}: its switch is not there yet"),
        (None, Some(switch), true) => format!("{alias}: in the VM, by the switch {switch:?}"),
        (None, Some(switch), false) => {
            format!("{alias}: not in the VM yet, on the switch {switch:?}")
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn everything_is_said_in_words() {
        let status = json!({
            "goal": "up", "phase": "waiting", "seconds": 4, "user": "PC\\ann",
            "trouble": "the kernel has no Multipath TCP", "captures": false,
            "cards": [
                { "alias": "Wi-Fi", "switch": null, "plugged_in": false, "problem": "HCN says no" },
                { "alias": "Ethernet", "switch": "MPTCP - Ethernet", "plugged_in": true, "problem": null },
            ],
            "settings": { "file": "settings.toml", "error": "settings.toml:3:1: capture" },
            "problems": ["the routes"], "edge": null,
        });
        let text = text(&status, SystemTime::now());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "Manypath is up: the edge is started again in 4 s for PC\\ann",
                "  the edge has ended: the kernel has no Multipath TCP",
                "card Wi-Fi: HCN says no",
                "card Ethernet: in the VM, by the switch \"MPTCP - Ethernet\"",
                "problem: the settings are wrong, and those before are in force: settings.toml:3:1: capture",
                "problem: the routes",
            ]
        );
    }
}
