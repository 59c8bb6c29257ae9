//! `manypath connect`

use std::io::{self, IsTerminal, Read};
use std::thread;
use std::time::{Duration, Instant};

use channel::SecretText;
use host::control::Request;
use zeroize::Zeroizing;

use super::{change, status_of_service};
use crate::Failure;

/// How long it is watched whether the hub answers.
const LIMIT: Duration = Duration::from_secs(15);
const LOOK: Duration = Duration::from_millis(500);

/// A link is shorter.
const LONGEST: u64 = 64 << 10;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The link that `manypath hub init` or `manypath hub user add` printed. Without it, or for `-`, it is
    /// read from standard input; prefer that: the console keeps what was typed.
    link: Option<String>,
    /// Keep the link although the hub does not answer. Without, the settings are as before then.
    #[arg(long)]
    keep: bool,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: Arguments) -> Result<(), Failure> {
    let link = match arguments.link.filter(|it| it != "-") {
        Some(link) => Zeroizing::new(link),
        None => read()?,
    };
    let link: settings::HubLink = link
        .trim()
        .parse()
        .map_err(|error: settings::HubLinkError| Failure::Settings(error.to_string()))?;
    let link = SecretText(link.expose().to_string());
    change(&Request::Connect { link }, arguments.json)?;
    let watched = watch(arguments.json);
    if watched.is_err() && !arguments.keep {
        // What failed is what the user is to hear of, not this.
        let _ = change(&Request::Disconnect, arguments.json);
    }
    watched
}

fn read() -> io::Result<Zeroizing<String>> {
    if io::stdin().is_terminal() {
        println!("Paste the hub's link, and press Enter and then Ctrl+Z and Enter:");
    }
    let mut text = Zeroizing::new(String::new());
    io::stdin().lock().take(LONGEST).read_to_string(&mut text)?;
    Ok(text)
}

/// Says whether the hub answers. An edge that does not run can't tell.
fn watch(json: bool) -> Result<(), Failure> {
    let deadline = Instant::now() + LIMIT;
    loop {
        let status = status_of_service()?;
        let hub = &status["edge"]["hub_connections"];
        if hub.is_null() && status["phase"] != "running" {
            if !json {
                println!(
                    "The edge does not run now; manypath status shows whether the hub answers when it does."
                );
            }
            return Ok(());
        }
        if hub["state"] == "connected" {
            if !json {
                println!("The hub answers.");
            }
            return Ok(());
        }
        if Instant::now() >= deadline {
            let why = hub["trouble"].as_str().unwrap_or("nothing came back");
            return Err(anyhow::anyhow!("the hub does not answer: {why}").into());
        }
        thread::sleep(LOOK);
    }
}
