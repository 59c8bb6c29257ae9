//! An edge that a host runs: settings come in on standard input, and what there is to tell goes out on
//! standard output, as messages of [`channel`].

mod input;
mod output;

use std::convert::Infallible;
use std::io;
use std::pin::pin;

use channel::{
    Applied, EdgeHello, LineError, PROTOCOL, Ready, ToEdge, ToHost, VersionError, check_protocol,
};
use mptcp::KernelSupport;
use relay::with_causes;
use settings::edge::Settings;
use tokio::sync::{mpsc, watch};

use crate::agent::run_with;
use crate::error::EdgeError;
use crate::reload::{FROM_HOST, Reload};
use crate::status::{Reader, ServiceStatus};
use crate::unplugged::Unplugged;
use input::Input;
use output::Output;

/// The host can't be understood.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// It says something that is no message.
    #[error("standard input holds no messages of a Manypath host")]
    Line(#[from] LineError),
    /// It can't be read.
    #[error("standard input can't be read")]
    Input(#[source] io::Error),
    /// It speaks another version.
    #[error(transparent)]
    Version(#[from] VersionError),
    /// It says the right thing at the wrong time.
    #[error("the host does not begin with a greeting")]
    NoGreeting,
}

/// Runs as the host says, until `stop` is done or the host goes. Then takes everything away again.
///
/// # Errors
/// As `run`; and when the host can't be understood, which ends the edge. The host is told why.
pub async fn run_for_host(stop: impl Future<Output = ()>) -> Result<(), EdgeError> {
    let output = Output::start();
    let mut input = Input::start();
    output.say(ToHost::Hello(hello()));
    let result = tokio::select! {
        result = converse(&mut input, &output, stop) => result,
        never = live(&output) => match never {},
    };
    if let Err(error) = &result {
        output.say(ToHost::Fatal(with_causes(error)));
    }
    output.finish();
    result
}

fn hello() -> EdgeHello {
    let info = |what| {
        // WSL links this name to its init (`src/linux/init/wslinfo.cpp`).
        let output = std::process::Command::new("/bin/wslinfo")
            .arg(what)
            .output()
            .ok()?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        (output.status.success() && !text.is_empty()).then_some(text)
    };
    let kernel = rustix::system::uname();
    let mptcp = match mptcp::probe() {
        Ok(KernelSupport::NotBuilt) | Err(_) => channel::Mptcp::Missing,
        Ok(KernelSupport::Available | KernelSupport::Disabled) => channel::Mptcp::Available,
    };
    EdgeHello {
        protocol: PROTOCOL,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        kernel: kernel.release().to_string_lossy().into_owned(),
        mptcp,
        vm: info("--vm-id"),
        networking: info("--networking-mode"),
    }
}

/// In the same task as everything else, so that it ends when that gets stuck.
async fn live(output: &Output) -> Infallible {
    let mut pause = tokio::time::interval(ToHost::EVERY);
    loop {
        pause.tick().await;
        output.say(ToHost::Alive);
    }
}

async fn converse(
    input: &mut Input,
    output: &Output,
    stop: impl Future<Output = ()>,
) -> Result<(), EdgeError> {
    let mut stop = pin!(stop);
    let unplugged = watch::Sender::default();
    let settings = tokio::select! {
        settings = first_settings(input, output, &unplugged) => settings?,
        () = &mut stop => None,
    };
    match settings {
        Some(settings) => serve(settings, input, output, unplugged, stop).await,
        None => Ok(()),
    }
}

/// The first settings that are right, after a greeting; `None` if the host goes before.
async fn first_settings(
    input: &mut Input,
    output: &Output,
    unplugged: &watch::Sender<Unplugged>,
) -> Result<Option<Settings>, HostError> {
    match input.next().await? {
        Some(ToEdge::Hello(hello)) => check_protocol(hello.protocol, &hello.version)?,
        Some(_) => return Err(HostError::NoGreeting),
        None => return Ok(None),
    }
    loop {
        match input.next().await? {
            Some(ToEdge::Settings(text)) => match Settings::parse(&text.0, FROM_HOST) {
                Ok(settings) => return Ok(Some(settings)),
                Err(errors) => {
                    let errors = errors.to_string();
                    output.say(ToHost::Applied(Applied::Refused { errors }));
                }
            },
            Some(ToEdge::Unplugged(macs)) => drop(unplugged.send_replace(macs.into())),
            Some(ToEdge::Hello(_) | ToEdge::Status) => {}
            Some(ToEdge::Stop) | None => return Ok(None),
        }
    }
}

async fn serve(
    settings: Settings,
    input: &mut Input,
    output: &Output,
    unplugged: watch::Sender<Unplugged>,
    stop: impl Future<Output = ()>,
) -> Result<(), EdgeError> {
    let reader = unplugged.subscribe();
    let (texts, settings_to_come) = mpsc::unbounded_channel();
    let (asks, asked) = mpsc::unbounded_channel();
    let reload = Reload::of_host(&settings, settings_to_come);
    let mut trouble = None;
    let host_goes = async {
        loop {
            match input.next().await {
                // The edge is about to end when nobody takes these.
                Ok(Some(ToEdge::Settings(text))) => drop(texts.send(text)),
                Ok(Some(ToEdge::Status)) => drop(asks.send(())),
                Ok(Some(ToEdge::Unplugged(macs))) => drop(unplugged.send_replace(macs.into())),
                Ok(Some(ToEdge::Hello(_))) => {}
                Ok(Some(ToEdge::Stop) | None) => return,
                Err(error) => {
                    trouble = Some(error);
                    return;
                }
            }
        }
    };
    let stop = async {
        tokio::select! {
            () = stop => {}
            () = host_goes => {}
        }
        // Before anything is taken away.
        output.say(ToHost::Ready(Ready::default()));
    };
    let tell = |reader, ready| tell(reader, ready, asked, output);
    let result = run_with(settings, reload, reader, stop, tell).await;
    match trouble {
        Some(error) => result.and(Err(error.into())),
        None => result,
    }
}

/// Tells the host what happens.
async fn tell(
    reader: Reader,
    mut ready: watch::Receiver<Ready>,
    mut asked: mpsc::UnboundedReceiver<()>,
    output: &Output,
) {
    let mut read = reader.settings();
    output.say(ToHost::Applied(applied(&read.borrow_and_update())));
    output.say(ToHost::Ready(ready.borrow_and_update().clone()));
    loop {
        // Those that send live as long as this runs.
        tokio::select! {
            Ok(()) = ready.changed() => {
                output.say(ToHost::Ready(ready.borrow_and_update().clone()));
            }
            Ok(()) = read.changed() => {
                output.say(ToHost::Applied(applied(&read.borrow_and_update())));
            }
            Some(()) = asked.recv() => {
                let status = serde_json::to_value(reader.status().await);
                output.say(ToHost::Status(status.unwrap_or_default()));
            }
        }
    }
}

fn applied(status: &ServiceStatus) -> Applied {
    let reading = &status.settings;
    match &reading.error {
        Some(errors) => Applied::Refused {
            errors: errors.clone(),
        },
        None => Applied::Taken {
            need_restart: reading
                .need_restart
                .iter()
                .map(ToString::to_string)
                .collect(),
        },
    }
}
