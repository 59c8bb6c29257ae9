use std::time::Duration;

use super::super::contender::Contender;
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
