//! What connections cost the hub that nobody uses at the moment.

use std::io;
use std::net::TcpStream;
use std::time::Duration;

use rustix::process::{Resource, getrlimit};

use super::super::contender::Contender;
use super::super::peer::Peer;
use super::super::program::resident;
use crate::traffic::Exchanges;

/// As many as this, if files allow.
pub(in super::super) const WANTED: u64 = 20_000;

/// Open files of other things: listeners, logs, a hub's warm connections.
const OTHER_FILES: u64 = 200;

/// Before it is counted, some connections have made the hub allocate what it needs anyway.
const BEFORE: u64 = 20;

/// Buffers of idle connections are given back within this time, where that is done at all.
const SETTLE: Duration = Duration::from_secs(2);

const LIMIT: Duration = Duration::from_secs(10);

/// They are opened by so many threads, because with some peers a connection waits for timers.
const THREADS: u64 = 10;

/// How much the hub's resident memory grows with each connection that has carried 1 KB and idles.
pub(super) fn kib_per_connection(contender: &Contender) -> anyhow::Result<f64> {
    let (hub, count) = (contender.hub()?, connections(contender.peer));
    let _few = open(contender, BEFORE)?;
    let before = resident(hub)?;
    let many = open(contender, count)?;
    std::thread::sleep(SETTLE);
    let after = resident(hub)?;
    Ok(after.saturating_sub(before) as f64 / many.len() as f64)
}

/// How many connections a peer and this process can hold.
pub(in super::super) fn connections(peer: Peer) -> u64 {
    // None means no limit.
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    (limit.saturating_sub(OTHER_FILES) / files_of_each(peer)).min(WANTED)
}

/// Open files that one connection takes in one program.
const fn files_of_each(peer: Peer) -> u64 {
    match peer {
        // redsocks takes six and accepts nothing above an eighth of the limit.
        Peer::Prototype => 10,
        // Two sockets in the edge, two in the hub, and two here, where both client and origin are.
        _ => 2,
    }
}

fn open(contender: &Contender, count: u64) -> anyhow::Result<Vec<TcpStream>> {
    contender.client().run(|| {
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|_| scope.spawn(|| open_some((count / THREADS) as usize)))
                .collect();
            let joined = threads.into_iter().map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|cause| std::panic::resume_unwind(cause))
            });
            let opened: Vec<Vec<TcpStream>> = joined.collect::<anyhow::Result<_>>()?;
            Ok(opened.into_iter().flatten().collect())
        })
    })
}

/// The prototype's programs drop some of the connections that come at the same time: those are made
/// again.
fn open_some(count: usize) -> anyhow::Result<Vec<TcpStream>> {
    let mut program = Exchanges::new(Contender::origin(), LIMIT);
    let mut opened = Vec::new();
    let mut last_error = anyhow::anyhow!("no connection was wanted");
    for _ in 0..count * 2 {
        match open_one(&mut program) {
            Ok(connection) => opened.push(connection),
            Err(error) => last_error = error.into(),
        }
        if opened.len() == count {
            return Ok(opened);
        }
    }
    let so_far = opened.len() as u64 * THREADS;
    Err(last_error.context(format!(
        "after some {so_far} connections more fail than succeed"
    )))
}

fn open_one(program: &mut Exchanges) -> io::Result<TcpStream> {
    let connection = program.connect()?;
    program.exchange(&connection)?;
    Ok(connection)
}
