use std::time::Duration;

use super::super::contender::Contender;
use super::super::program::resident;
use crate::traffic::{Client, Via};

const CONNECTIONS: u32 = 2_000;

/// Before it is counted, some connections have made the hub allocate what it needs anyway.
const BEFORE: u32 = 20;

/// Buffers of idle connections are given back within this time, where that is done at all.
const SETTLE: Duration = Duration::from_secs(2);

const LIMIT: Duration = Duration::from_secs(10);

/// How much the hub's resident memory grows with each connection that has carried 1 KB and idles.
pub(super) fn kib_per_connection(contender: &Contender) -> anyhow::Result<f64> {
    let hub = contender.hub()?;
    let open = |count: u32| {
        contender.client().run(|| {
            let idle = (0..count).map(|_| {
                let mut client = Client::connect(Via::Direct, Contender::origin(), LIMIT)?;
                client.download(1_000, |_| {})?;
                anyhow::Ok(client)
            });
            idle.collect::<anyhow::Result<Vec<_>>>()
        })
    };
    let _few = open(BEFORE)?;
    let before = resident(hub)?;
    let _many = open(CONNECTIONS)?;
    std::thread::sleep(SETTLE);
    let after = resident(hub)?;
    Ok(after.saturating_sub(before) as f64 / f64::from(CONNECTIONS))
}
