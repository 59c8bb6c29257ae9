use std::time::Duration;

use super::super::contender::Contender;
use super::median;
use super::stream::{Stream, rate};

/// Bits of payload per second of one connection, over `length` after `warm_up`.
pub(super) fn goodput(
    contender: &Contender,
    warm_up: Duration,
    length: Duration,
) -> anyhow::Result<f64> {
    let stream = Stream::start(contender, contender.scene.is_emulated())?;
    std::thread::sleep((warm_up + length).saturating_sub(stream.elapsed()));
    let rate = rate(&stream.finish()?, warm_up, length);
    anyhow::ensure!(rate > 0.0, "the download stood still");
    Ok(rate)
}

/// Bits of payload per second without emulated links: median of several connections, because MPTCP
/// over veth stands still for 200 ms now and then (Linux 6.18).
pub(super) fn throughput(contender: &Contender) -> anyhow::Result<f64> {
    let rounds = (0..3).map(|_| goodput(contender, Duration::from_secs(1), Duration::from_secs(2)));
    median(rounds.collect::<anyhow::Result<_>>()?)
}
