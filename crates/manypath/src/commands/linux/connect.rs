//! `manypath connect`: checks a hub's link end to end, writes it into the edge's settings, and has a
//! running edge use it.

mod check;
mod edge;
mod edit;
mod report;
mod uplinks;

use std::fmt;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use anyhow::Context;
use netcfg::Netlink;
use settings::HubLink;
use settings::edge::{Hub, Settings};
use zeroize::Zeroizing;

use crate::Failure;
use crate::commands::linux::runtime;
use edge::Edge;
use report::Outcome;
use uplinks::{Machine, Uplink};

#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub struct Arguments {
    /// The link that `manypath hub init` or `manypath hub user add` printed. Without it, or for `-`, it is
    /// read from standard input; prefer that: other users of this machine can read a program's arguments,
    /// and the shell keeps them in its history.
    #[arg(value_parser = |text: &str| Ok::<_, std::convert::Infallible>(LinkText::from(text)))]
    link: Option<LinkText>,
    /// The edge's settings file.
    #[arg(long, default_value = "/etc/manypath/edge.toml")]
    settings: PathBuf,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
    /// Check only, and write nothing.
    #[arg(long)]
    dry_run: bool,
}

const EXIT_CODES: &str = "Exit codes: 0 the link is written (or, with --dry-run, good), and a running edge that \
                          could be told uses it; 1 the hub can't be used, there was nowhere to write the link, or \
                          the running edge does not get connected; 2 the link or the settings file is wrong.";

/// A link as it was given. It is a secret before anybody has looked at it.
#[derive(Clone)]
struct LinkText(Zeroizing<String>);

impl From<&str> for LinkText {
    fn from(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }
}

impl fmt::Debug for LinkText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

pub fn run(arguments: Arguments) -> Result<(), Failure> {
    let file = &arguments.settings;
    let settings = match file.try_exists().unwrap_or(true) {
        true => Some(Settings::load(file).map_err(|errors| Failure::Settings(errors.to_string()))?),
        false => None,
    };
    let link = link(arguments.link)?;
    let runtime = runtime()?;
    let (uplinks, mut report) = runtime.block_on(async {
        let uplinks = uplinks::find(settings.as_ref(), &Machine::observe().await?);
        let report = check::check(&link, &uplinks).await;
        Ok::<_, netcfg::Error>((uplinks, report))
    })?;
    report.outcome = match report.is_good() {
        false => Outcome::Refused,
        true if arguments.dry_run => Outcome::DryRun,
        true => runtime.block_on(write(file, settings.as_ref(), &link, &uplinks))?,
    };
    match arguments.json {
        true => println!("{}", serde_json::to_string_pretty(&report.json())?),
        false => print!("{report}"),
    }
    match &report.outcome {
        Outcome::Refused => Err(anyhow::anyhow!(REFUSED).into()),
        Outcome::Unwritten => Err(anyhow::anyhow!(
            "the link is good, and was written nowhere: there is no {}, and no uplink was found that it \
             could name. Make it (see: manypath settings example edge), and run this again",
            file.display()
        )
        .into()),
        outcome if outcome.edge().is_some_and(Edge::is_failure) => {
            Err(anyhow::anyhow!("the link is written, and the edge is not connected by it").into())
        }
        _ => Ok(()),
    }
}

const REFUSED: &str = "the hub can't be used, and nothing was written";

fn link(given: Option<LinkText>) -> Result<HubLink, Failure> {
    let text = match given {
        Some(given) if *given.0 != "-" => given.0,
        _ => from_standard_input()?,
    };
    let link = text.trim().parse::<HubLink>();
    link.map_err(|error| Failure::Settings(error.to_string()))
}

fn from_standard_input() -> Result<Zeroizing<String>, Failure> {
    let mut text = Zeroizing::new(String::new());
    let input = std::io::stdin();
    let read = if input.is_terminal() {
        eprint!("link: ");
        input.read_line(&mut text)
    } else {
        // No link is as long; a file that was given by mistake may be.
        input.lock().take(LONGEST_LINK).read_to_string(&mut text)
    };
    read.context("cannot read the link from standard input")?;
    Ok(text)
}

const LONGEST_LINK: u64 = 4096;

/// Puts the link into the settings and has a running edge use it, or says what somebody has to write who
/// knows this machine better.
async fn write(
    file: &Path,
    settings: Option<&Settings>,
    link: &HubLink,
    uplinks: &[Uplink],
) -> Result<Outcome, Failure> {
    let Some(settings) = settings else {
        let Some(text) = edit::first_file(link, uplinks) else {
            return Ok(Outcome::Unwritten);
        };
        edit::create(file, &text)?;
        return Ok(Outcome::Created {
            file: file.to_owned(),
        });
    };
    if matches!(&settings.out.hub, Hub::Manypath(present) if present == link) {
        // The edge may be older than the settings.
        let edge = edge::take_over(&settings.control.socket, file, link).await;
        return Ok(Outcome::Present { edge });
    }
    edit::replace(file, link)?;
    Ok(Outcome::Written {
        file: file.to_owned(),
        before: (!settings.out.hub.is_none()).then(|| before(&settings.out.hub)),
        edge: edge::take_over(&settings.control.socket, file, link).await,
    })
}

/// The former hub, without secrets.
fn before(hub: &Hub) -> String {
    let all: Vec<String> = hub.destinations().map(ToString::to_string).collect();
    all.join(", ")
}

impl Machine {
    /// # Errors
    /// When the kernel does not answer.
    async fn observe() -> Result<Self, netcfg::Error> {
        let netlink = Netlink::new()?;
        Ok(Self {
            links: netlink.links().await?,
            addresses: netlink.addresses().await?,
            routes: netlink.routes().await?,
        })
    }
}
