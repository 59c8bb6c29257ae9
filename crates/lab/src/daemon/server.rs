//! The process that holds a lab.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

use super::protocol::{Change, LinkState, NodeState, Request, Response, State};
use crate::link::Profile;
use crate::rig::Rig;
use crate::topology::{Lab, Uplink};

/// A client that connects and says nothing must not block the next one for long.
const TALK: Duration = Duration::from_secs(2);

/// What a daemon holds.
#[derive(Debug)]
pub enum Held {
    /// The network alone.
    Lab(Box<Lab>),
    /// With edge, hub and origin.
    Rig(Box<Rig>),
}

impl Held {
    fn lab(&self) -> &Lab {
        match self {
            Self::Lab(lab) => lab,
            Self::Rig(rig) => rig.lab(),
        }
    }
}

/// Holds a lab and answers on `socket` until asked to end. `ready` is called when it listens.
///
/// # Errors
/// When the socket can't be made.
pub fn serve(held: Held, socket: &Path, ready: impl FnOnce()) -> io::Result<()> {
    if UnixStream::connect(socket).is_ok() {
        return Err(io::Error::new(
            io::ErrorKind::AddrInUse,
            "a lab of that name is up already; take it down with `manypath lab down`",
        ));
    }
    if let Some(folder) = socket.parent() {
        fs::create_dir_all(folder)?;
    }
    // What a killed daemon left.
    let _ = fs::remove_file(socket);
    let listener = UnixListener::bind(socket)?;
    fs::set_permissions(socket, fs::Permissions::from_mode(0o600))?;
    ready();
    let last = loop {
        let (stream, _) = listener.accept()?;
        match read(&stream) {
            Ok(Request::Down) => break Some(stream),
            Ok(Request::State) => answer(&stream, Response::State(state(&held))),
            Ok(Request::Change(wanted)) => answer(&stream, change(&held, &wanted)),
            Err(error) => answer(
                &stream,
                Response::Refused(format!("not understood: {error}")),
            ),
        }
    };
    let state = state(&held);
    drop(held);
    let _ = fs::remove_file(socket);
    if let Some(stream) = last {
        answer(&stream, Response::State(state));
    }
    Ok(())
}

fn read(stream: &UnixStream) -> io::Result<Request> {
    stream.set_read_timeout(Some(TALK))?;
    stream.set_write_timeout(Some(TALK))?;
    let mut line = String::new();
    io::Read::take(BufReader::new(stream), 64 * 1024).read_line(&mut line)?;
    Ok(serde_json::from_str(&line)?)
}

fn answer(mut stream: &UnixStream, response: Response) {
    let written = serde_json::to_string(&response)
        .map_err(io::Error::from)
        .and_then(|line| writeln!(stream, "{line}"));
    if let Err(error) = written {
        tracing::debug!("a client went away: {error}");
    }
}

fn change(held: &Held, wanted: &Change) -> Response {
    match try_change(held.lab(), wanted) {
        Ok(()) => Response::State(state(held)),
        Err(why) => Response::Refused(why),
    }
}

fn try_change(lab: &Lab, wanted: &Change) -> Result<(), String> {
    let uplink = Uplink::new(wanted.uplink)
        .filter(|uplink| lab.uplinks().any(|it| it == *uplink))
        .ok_or_else(|| {
            format!(
                "there is no uplink {}; there are {}",
                wanted.uplink,
                lab.uplinks().count()
            )
        })?;
    let link = lab.link(uplink);
    if let Some(profile) = &wanted.profile {
        link.set_profile(
            profile
                .parse::<Profile>()
                .map_err(|error| error.to_string())?,
        );
    }
    if let Some(silent) = wanted.silent {
        link.silence(silent);
    }
    if let Some(carrier) = wanted.carrier {
        link.carrier(carrier).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn state(held: &Held) -> State {
    let lab = held.lab();
    let nodes = lab
        .namespace_fds()
        .into_iter()
        .map(|(node, descriptor)| NodeState {
            name: node.to_string(),
            descriptor: descriptor.as_raw_fd(),
        });
    let links = lab.uplinks().map(|uplink| {
        let link = lab.link(uplink);
        let counters = link.counters();
        LinkState {
            uplink: uplink.number(),
            profile: link.profile().to_string(),
            carrier: link.has_carrier(),
            silent: link.is_silent(),
            down_bytes: counters.down.bytes,
            up_bytes: counters.up.bytes,
        }
    });
    State {
        pid: std::process::id(),
        manypath: matches!(held, Held::Rig(_)),
        edge_socket: match held {
            Held::Lab(_) => None,
            Held::Rig(rig) => Some(rig.edge_socket().display().to_string()),
        },
        nodes: nodes.collect(),
        links: links.collect(),
    }
}
