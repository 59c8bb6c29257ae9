use std::time::Duration;

use super::super::contender::{Contender, CpuTime};
use super::median;
use super::stream::{Stream, rate};

const ROUNDS: usize = 3;
const WARM_UP: Duration = Duration::from_secs(1);
const LENGTH: Duration = Duration::from_secs(2);

const GIB: f64 = (1_u64 << 30) as f64;

/// Bits of payload per second of one connection, over `length` after `warm_up`.
pub(super) fn goodput(
    contender: &Contender,
    warm_up: Duration,
    length: Duration,
) -> anyhow::Result<f64> {
    Ok(download(contender, warm_up, length)?.bits_per_second)
}

/// Without emulated links: Gb/s, and seconds of the edge's and of the hub's CPU time for each GiB.
/// Medians of several connections, because MPTCP over veth stands still for 200 ms now and then
/// (Linux 6.18).
pub(super) fn throughput(contender: &Contender) -> anyhow::Result<[f64; 3]> {
    let rounds: Vec<Download> = (0..ROUNDS)
        .map(|_| download(contender, WARM_UP, LENGTH))
        .collect::<anyhow::Result<_>>()?;
    let middle = |value: fn(&Download) -> f64| median(rounds.iter().map(value).collect());
    Ok([
        middle(|round| round.bits_per_second / 1e9)?,
        middle(|round| round.cpu.edge / round.gib)?,
        middle(|round| round.cpu.hub / round.gib)?,
    ])
}

/// What a download took, in the time that counts.
struct Download {
    bits_per_second: f64,
    gib: f64,
    cpu: CpuTime,
}

fn download(
    contender: &Contender,
    warm_up: Duration,
    length: Duration,
) -> anyhow::Result<Download> {
    let stream = Stream::start(contender, contender.scene.is_emulated())?;
    std::thread::sleep(warm_up.saturating_sub(stream.elapsed()));
    let before = contender.cpu()?;
    std::thread::sleep((warm_up + length).saturating_sub(stream.elapsed()));
    let after = contender.cpu()?;
    let bits_per_second = rate(&stream.finish()?, warm_up, length);
    anyhow::ensure!(bits_per_second > 0.0, "the download stood still");
    Ok(Download {
        bits_per_second,
        gib: bits_per_second * length.as_secs_f64() / 8.0 / GIB,
        cpu: CpuTime {
            edge: after.edge - before.edge,
            hub: after.hub - before.hub,
        },
    })
}
