//! The measurements. Each yields one row, or several that need the same work.

mod bulk;
mod call;
mod exchanges;
mod fault;
pub(super) mod idle;
mod names;
mod objects;

use std::time::Duration;

use anyhow::Context;

use super::contender::Contender;
use super::row::Row;
use super::scene::Scene;
use crate::faults::round::Fault;

/// A measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    Download,
    Unlike,
    ThroughputPlain,
    ThroughputTls,
    SmallObjects,
    MiddleObjects,
    LargeObjects,
    CarrierLoss,
    Silence,
    MessagesCarrier,
    MessagesSilence,
    Call,
    Names,
    NamesLost,
    ExchangesKept,
    Exchanges,
    Connections,
    Idle,
}

impl Task {
    /// What doesn't disturb the network comes first.
    pub(super) const ALL: [Self; 18] = [
        Self::SmallObjects,
        Self::MiddleObjects,
        Self::LargeObjects,
        Self::Names,
        Self::Download,
        Self::Unlike,
        Self::ThroughputPlain,
        Self::ThroughputTls,
        Self::ExchangesKept,
        Self::Exchanges,
        Self::Connections,
        Self::Idle,
        Self::MessagesCarrier,
        Self::MessagesSilence,
        Self::Call,
        Self::NamesLost,
        Self::CarrierLoss,
        Self::Silence,
    ];

    /// What it yields, in this order.
    pub(super) const fn rows(self) -> &'static [Row] {
        match self {
            Self::Download => &[Row::DownloadShare],
            Self::Unlike => &[Row::UnlikeLinks],
            Self::ThroughputPlain => &[Row::ThroughputPlain, Row::CpuEdge, Row::CpuHub],
            Self::ThroughputTls => &[Row::ThroughputTls, Row::CpuEdgeTls, Row::CpuHubTls],
            Self::SmallObjects => &[Row::FirstByte, Row::Object1k],
            Self::MiddleObjects => &[Row::Object100k],
            Self::LargeObjects => &[Row::Object1m],
            Self::CarrierLoss => &[Row::CarrierLoss, Row::Return],
            Self::Silence => &[Row::Silence],
            Self::MessagesCarrier => &[Row::MessageGapCarrier],
            Self::MessagesSilence => &[Row::MessageGapSilence],
            Self::Call => &[Row::UdpGap],
            Self::Names => &[Row::DnsTime],
            Self::NamesLost => &[Row::DnsLost],
            Self::ExchangesKept => &[Row::ExchangesKept],
            Self::Exchanges => &[Row::Exchanges],
            Self::Connections => &[Row::Connections],
            Self::Idle => &[Row::IdleMemory],
        }
    }

    /// One value for each of [`Task::rows`].
    pub(super) fn run(self, contender: &Contender) -> anyhow::Result<Vec<f64>> {
        let seconds = Duration::from_secs;
        let one = |value: f64| vec![value];
        Ok(match self {
            Self::Download => {
                let capacity: u64 = Scene::Standard
                    .links()
                    .iter()
                    .map(|link| link.down.payload_capacity().get())
                    .sum();
                one(bulk::goodput(contender, seconds(2), seconds(8))? / capacity as f64)
            }
            // A rate until the rate of plain TCP is known.
            Self::Unlike => one(bulk::goodput(contender, seconds(3), seconds(10))?),
            Self::ThroughputPlain | Self::ThroughputTls => bulk::throughput(contender)?.into(),
            Self::SmallObjects => {
                let times = objects::fetch(contender, 1_000, 40)?;
                vec![times.first_byte_ms(), times.whole_ms()]
            }
            Self::MiddleObjects => one(objects::fetch(contender, 100_000, 31)?.whole_ms()),
            Self::LargeObjects => one(objects::fetch(contender, 1_000_000, 31)?.whole_ms()),
            Self::CarrierLoss => fault::carrier_loss(contender)?.into(),
            Self::Silence => one(fault::silence(contender)?),
            Self::MessagesCarrier => one(fault::message_gap_ms(contender, Fault::Carrier)?),
            Self::MessagesSilence => one(fault::message_gap_ms(contender, Fault::Silence)?),
            Self::Call => one(call::gap_ms(contender)?),
            Self::Names => one(names::answer_ms(contender)?),
            Self::NamesLost => one(names::lost(contender)?),
            Self::ExchangesKept => one(exchanges::kept(contender)?),
            Self::Exchanges => one(exchanges::one_by_one(contender)?),
            Self::Connections => one(exchanges::at_once(contender)?),
            Self::Idle => one(idle::kib_per_connection(contender)?),
        })
    }
}

fn median(values: Vec<f64>) -> anyhow::Result<f64> {
    crate::median::median(values).context("nothing was measured")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_measured_once_and_in_one_scene() {
        let mut rows: Vec<Row> = Task::ALL
            .iter()
            .flat_map(|task| task.rows())
            .copied()
            .collect();
        rows.sort();
        assert_eq!(rows, Row::ALL);
        for task in Task::ALL {
            let scene = task.rows()[0].scene();
            assert!(task.rows().iter().all(|row| row.scene() == scene));
        }
    }
}
