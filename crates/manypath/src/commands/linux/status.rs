//! `manypath status`

use std::io::Read;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::Context;
use serde_json::Value;

use crate::Failure;
use crate::commands::status_text::describe;

/// How long the edge may take. It answers within milliseconds, or after its present round.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The edge's control socket (control.socket in its settings).
    #[arg(long, default_value = "/run/manypath/edge.sock")]
    socket: PathBuf,
    /// Print the whole status as JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: Arguments) -> Result<(), Failure> {
    let status = ask(&arguments.socket)?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&status)?);
    } else {
        print!("{}", describe(&status, SystemTime::now()));
    }
    Ok(())
}

/// What an edge says of itself.
///
/// # Errors
/// When none answers on the socket, or it stops in the middle.
pub fn ask(socket: &Path) -> anyhow::Result<Value> {
    let mut text = String::new();
    UnixStream::connect(socket)
        .and_then(|mut stream| {
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.read_to_string(&mut text)
        })
        .with_context(|| {
            format!(
                "no edge answers on {}; start it with `manypath edge`, or name its control.socket with --socket",
                socket.display()
            )
        })?;
    serde_json::from_str(&text).context("the edge's answer is cut")
}
