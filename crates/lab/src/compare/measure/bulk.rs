use std::time::{Duration, Instant};

use super::super::contender::{Contender, CpuTime};
use super::median;
use crate::traffic::Flow;

const ROUNDS: usize = 3;
const WARM_UP: Duration = Duration::from_secs(1);
const LENGTH: Duration = Duration::from_secs(2);

const GIB: f64 = (1_u64 << 30) as f64;

/// Connections of a throughput measurement. One alone says little: MPTCP over veth, where the round
/// trip is next to nothing, stands still for 200 ms each time that a closed window is opened again
/// unnoticed (Linux 6.18), now never and now all the time. Others use the processors meanwhile.
const CONNECTIONS: usize = 16;

/// Bits of payload per second of one connection, over `length` after `warm_up`.
pub(super) fn goodput(
    contender: &Contender,
    warm_up: Duration,
    length: Duration,
) -> anyhow::Result<f64> {
    Ok(download(contender, 1, warm_up, length)?.bits_per_second)
}

/// Without emulated links: Gb/s, and seconds of the edge's and of the hub's CPU time for each GiB.
/// Medians of several rounds.
pub(super) fn throughput(contender: &Contender) -> anyhow::Result<[f64; 3]> {
    let rounds: Vec<Download> = (0..ROUNDS)
        .map(|_| download(contender, CONNECTIONS, WARM_UP, LENGTH))
        .collect::<anyhow::Result<_>>()?;
    let middle = |value: fn(&Download) -> f64| median(rounds.iter().map(value).collect());
    Ok([
        middle(|round| round.bits_per_second / 1e9)?,
        middle(|round| round.cpu.edge / round.gib)?,
        middle(|round| round.cpu.hub / round.gib)?,
    ])
}

/// What downloads took, in the time that counts.
struct Download {
    bits_per_second: f64,
    gib: f64,
    cpu: CpuTime,
}

fn download(
    contender: &Contender,
    connections: usize,
    warm_up: Duration,
    length: Duration,
) -> anyhow::Result<Download> {
    let begin = Instant::now();
    let flows: Vec<Flow> = (0..connections)
        .map(|_| contender.download(begin, contender.scene.is_emulated()))
        .collect::<anyhow::Result<_>>()?;
    std::thread::sleep(warm_up.saturating_sub(begin.elapsed()));
    let before = contender.cpu()?;
    std::thread::sleep((warm_up + length).saturating_sub(begin.elapsed()));
    let after = contender.cpu()?;
    let rates: Vec<anyhow::Result<f64>> = flows
        .into_iter()
        .map(|flow| Ok(flow.finish()?.mean(warm_up, length)))
        .collect();
    let bits_per_second = sum(rates)?;
    Ok(Download {
        bits_per_second,
        gib: bits_per_second * length.as_secs_f64() / 8.0 / GIB,
        cpu: CpuTime {
            edge: after.edge - before.edge,
            hub: after.hub - before.hub,
        },
    })
}

/// The prototype's programs drop some of the connections that come at the same time: those carry
/// nothing.
fn sum(rates: Vec<anyhow::Result<f64>>) -> anyhow::Result<f64> {
    let (mut sum, mut broke) = (0.0, None);
    for rate in rates {
        match rate {
            Ok(rate) => sum += rate,
            Err(error) => broke = Some(error),
        }
    }
    match broke {
        _ if sum > 0.0 => Ok(sum),
        Some(error) => Err(error),
        None => anyhow::bail!("the download stood still"),
    }
}
