//! `manypath lab up`, `down`, `exec`, `status`, `link`: a lab that stays up between commands.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use anyhow::Context;
use lab::daemon::{self, Change, Held, Request, State};
use lab::link::Profile;
use lab::rig::{Rig, RigSpec};
use lab::topology::{Lab, LabSpec};

use crate::Failure;

/// What the daemon says on standard output when it is up.
const READY: &str = "up";

#[derive(Debug, clap::Args)]
pub struct Name {
    /// The lab's name; several may be up.
    #[arg(long, default_value = "main")]
    name: String,
}

#[derive(Debug, clap::Args)]
pub struct Up {
    #[command(flatten)]
    name: Name,
    /// An emulated link, such as `35mbit/10mbit,15ms` or `20mbit,300ms,loss=0.5%`; repeat for more.
    /// Without: the standard links vdsl and lte.
    #[arg(long = "link", value_name = "PROFILE")]
    links: Vec<Profile>,
    /// The network only: no edge, hub and origin.
    #[arg(long)]
    bare: bool,
}

#[derive(Debug, clap::Args)]
pub struct Status {
    #[command(flatten)]
    name: Name,
    /// Print it as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub struct Exec {
    #[command(flatten)]
    name: Name,
    /// windows, guest, access1, access2, core, hub or origin.
    node: String,
    /// The program and its arguments.
    #[arg(trailing_var_arg = true, required = true)]
    command: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub struct Link {
    #[command(flatten)]
    name: Name,
    /// 1 for eth1 and so on.
    uplink: u8,
    /// How it behaves from now on.
    #[arg(long)]
    profile: Option<Profile>,
    /// Drop everything, carrier untouched; or end that.
    #[arg(long, value_name = "true|false")]
    silent: Option<bool>,
    /// Plug the cable in, or pull it.
    #[arg(long, value_name = "true|false")]
    carrier: Option<bool>,
}

/// Starts the daemon and waits until it is up.
pub fn up(arguments: &Up) -> Result<(), Failure> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["lab", "serve", "--name", &arguments.name.name]);
    for profile in &arguments.links {
        command.arg("--link").arg(profile.to_string());
    }
    if arguments.bare {
        command.arg("--bare");
    }
    // A group of its own: the terminal's interrupt is not meant for it.
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    let mut daemon = command
        .spawn()
        .context("the lab's process can't be started")?;
    let mut line = String::new();
    if let Some(stdout) = daemon.stdout.take() {
        BufReader::new(stdout).read_line(&mut line)?;
    }
    if line.trim_end() != READY {
        let mut reason = String::new();
        if let Some(mut stderr) = daemon.stderr.take() {
            std::io::Read::read_to_string(&mut stderr, &mut reason)?;
        }
        daemon.wait()?;
        return Err(anyhow::anyhow!("{}", reason.trim().trim_start_matches("error: ")).into());
    }
    let state = daemon::ask(&arguments.name.name, &Request::State)?;
    print!("{}", describe(&state));
    println!(
        "\nTry: manypath lab exec windows curl http://203.0.113.18/bytes/1000000 -o /dev/null"
    );
    println!("     manypath lab link 1 --carrier false");
    println!("     manypath lab down");
    Ok(())
}

/// The daemon itself.
pub fn serve(arguments: &Up) -> Result<(), Failure> {
    let links = arguments.links.clone();
    let lab = if links.is_empty() {
        LabSpec::default()
    } else {
        LabSpec::with_links(links)
    };
    let held = if arguments.bare {
        Held::Lab(Box::new(Lab::up(lab)?))
    } else {
        let spec = RigSpec {
            lab,
            ..RigSpec::new(std::env::current_exe()?)
        };
        Held::Rig(Box::new(Rig::up(spec)?))
    };
    let ready = || {
        // The parent may have been killed; then nobody waits.
        let _ = writeln!(std::io::stdout(), "{READY}");
    };
    Ok(daemon::serve(
        held,
        &daemon::socket(&arguments.name.name),
        ready,
    )?)
}

pub fn down(name: &Name) -> Result<(), Failure> {
    daemon::ask(&name.name, &Request::Down)?;
    println!("lab {} is down", name.name);
    Ok(())
}

pub fn status(arguments: &Status) -> Result<(), Failure> {
    let state = daemon::ask(&arguments.name.name, &Request::State)?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&state)?);
    } else {
        print!("{}", describe(&state));
    }
    Ok(())
}

/// Becomes the program, so that its exit code and signals are the caller's.
pub fn exec(arguments: &Exec) -> Result<(), Failure> {
    let [program, rest @ ..] = arguments.command.as_slice() else {
        return Err(anyhow::anyhow!("name a program to run").into());
    };
    let mut command = daemon::command(&arguments.name.name, &arguments.node, program)?;
    let error = command.args(rest).exec();
    Err(anyhow::Error::from(error)
        .context(format!("{program} can't be run"))
        .into())
}

pub fn link(arguments: &Link) -> Result<(), Failure> {
    let change = Change {
        uplink: arguments.uplink,
        profile: arguments.profile.map(|profile| profile.to_string()),
        silent: arguments.silent,
        carrier: arguments.carrier,
    };
    if (Change {
        uplink: change.uplink,
        ..Change::default()
    }) == change
    {
        return Err(anyhow::anyhow!("say what to change: --profile, --silent or --carrier").into());
    }
    let state = daemon::ask(&arguments.name.name, &Request::Change(change))?;
    print!("{}", describe(&state));
    Ok(())
}

fn describe(state: &State) -> String {
    let mut text = String::new();
    let nodes: Vec<&str> = state.nodes.iter().map(|node| node.name.as_str()).collect();
    text += &format!("nodes: {}\n", nodes.join(", "));
    for link in &state.links {
        let fault = match (link.carrier, link.silent) {
            (false, _) => ", cable pulled",
            (true, true) => ", silent",
            (true, false) => "",
        };
        text += &format!(
            "uplink {}: {}{fault}; {} kB down, {} kB up so far\n",
            link.uplink,
            link.profile,
            link.down_bytes / 1000,
            link.up_bytes / 1000
        );
    }
    if let Some(socket) = &state.edge_socket {
        text += &format!("edge: manypath status --socket {socket}\n");
    }
    text
}
