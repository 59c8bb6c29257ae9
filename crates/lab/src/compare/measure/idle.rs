use std::time::Duration;

use super::super::contender::Contender;
use super::super::program::resident;
use crate::traffic::{self, Client, Via};

const CONNECTIONS: u32 = 2_000;

/// Before it is counted, some connections have made the hub allocate what it needs anyway.
const BEFORE: u32 = 20;

/// Buffers of idle connections are given back within this time, where that is done at all.
const SETTLE: Duration = Duration::from_secs(2);

const LIMIT: Duration = Duration::from_secs(10);

/// They are opened by so many threads, because with some peers a connection waits for timers.
const THREADS: u32 = 10;

/// How much the hub's resident memory grows with each connection that has carried 1 KB and idles.
pub(super) fn kib_per_connection(contender: &Contender) -> anyhow::Result<f64> {
    let hub = contender.hub()?;
    let _few = open(contender, BEFORE)?;
    let before = resident(hub)?;
    let _many = open(contender, CONNECTIONS)?;
    std::thread::sleep(SETTLE);
    let after = resident(hub)?;
    Ok(after.saturating_sub(before) as f64 / f64::from(CONNECTIONS))
}

fn open(contender: &Contender, count: u32) -> anyhow::Result<Vec<Client>> {
    contender.client().run(|| {
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|_| scope.spawn(|| open_some(count / THREADS)))
                .collect();
            let joined = threads.into_iter().map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|cause| std::panic::resume_unwind(cause))
            });
            let opened: Vec<Vec<Client>> = joined.collect::<anyhow::Result<_>>()?;
            Ok(opened.into_iter().flatten().collect())
        })
    })
}

/// The prototype's programs drop some of the connections that come at the same time: those are made
/// again.
fn open_some(count: u32) -> anyhow::Result<Vec<Client>> {
    let mut opened = Vec::new();
    let mut last_error = anyhow::anyhow!("no connection was wanted");
    for _ in 0..count * 2 {
        match open_one() {
            Ok(client) => opened.push(client),
            Err(error) => last_error = error.into(),
        }
        if opened.len() == count as usize {
            return Ok(opened);
        }
    }
    Err(last_error.context("more connections fail than succeed"))
}

fn open_one() -> Result<Client, traffic::Error> {
    let mut client = Client::connect(Via::Direct, Contender::origin(), LIMIT)?;
    client.download(1_000, |_| {})?;
    Ok(client)
}
