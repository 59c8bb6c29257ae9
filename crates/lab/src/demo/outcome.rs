//! What the demo has measured.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::{KEPT, NAMES, PULLED, Phase, Recording};
use crate::link::Profile;
use crate::report::Report;

/// What a link carries before it counts as carrying data again, as a share of its rate: more than
/// DHCP, neighbour discovery and handshakes need.
const CARRIES: f64 = 0.1;

/// All numbers, and what they come from. As JSON: the numbers.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// Goodput over both links, as a share of both links' payload capacity.
    ///
    /// Goodput is the payload that the program received and checked, in bits, from the first byte of
    /// the answer to the last, slow start included. The capacity of a link is its rate × 1428 / 1538,
    /// see [`Direction::payload_capacity`](crate::link::Direction::payload_capacity).
    pub download_share: f64,
    /// Every byte of every download was the right one.
    pub bytes_ok: bool,
    /// While a link was pulled: for how many seconds altogether the program received less than half
    /// of the other link's rate (10 ms intervals, averaged over 50 ms). `None` if the download ended
    /// too early.
    pub stall_s: Option<f64>,
    /// Seconds from plugging the link in to its carrying a tenth of its rate, averaged likewise.
    /// `None` if it never did.
    pub return_s: Option<f64>,
    /// Goodput of plain TCP over the first link, in 10⁶ bit/s.
    pub single_link_mbps: f64,
    /// Goodput over both links, in 10⁶ bit/s.
    pub both_links_mbps: f64,
    /// Payload capacity of both links, in 10⁶ bit/s.
    pub capacity_mbps: f64,
    /// Payload bytes that were received and checked.
    pub bytes: u64,
    /// The link that was pulled.
    pub pulled_link: &'static str,
    /// The links.
    pub links: Vec<LinkOutcome>,
    /// What it was measured from.
    #[serde(skip)]
    pub recordings: Vec<Recording>,
}

/// What is known about one link.
#[derive(Debug, Clone, Serialize)]
pub struct LinkOutcome {
    /// Its name.
    pub name: &'static str,
    /// Its rate towards the guest, on the wire, in 10⁶ bit/s.
    pub rate_mbps: f64,
    /// Payload that it can carry, in 10⁶ bit/s.
    pub capacity_mbps: f64,
    /// Its round trip without queues, in milliseconds.
    pub round_trip_ms: f64,
    /// How much of its rate was used by the download over both links, from the first byte to the last.
    pub used_share: f64,
}

impl Outcome {
    pub(super) fn new(profiles: [Profile; 2], recordings: Vec<Recording>) -> Self {
        let goodput =
            |phase| find(&recordings, phase).map_or(0.0, |found| found.transfer.goodput());
        let links: Vec<_> = profiles
            .iter()
            .enumerate()
            .map(|(number, profile)| link(number, profile, &recordings))
            .collect();
        let capacity: f64 = links.iter().map(|link| link.capacity_mbps).sum();
        let both = goodput(Phase::Both) / 1e6;
        let pulled = find(&recordings, Phase::Pulled);
        Self {
            download_share: both / capacity,
            bytes_ok: recordings.iter().all(|recording| recording.transfer.intact),
            stall_s: pulled.and_then(|recording| recording.stall(&profiles)),
            return_s: pulled.and_then(|recording| recording.comes_back(&profiles)),
            single_link_mbps: goodput(Phase::Alone) / 1e6,
            both_links_mbps: both,
            capacity_mbps: capacity,
            bytes: recordings
                .iter()
                .map(|recording| recording.transfer.bytes)
                .sum(),
            pulled_link: NAMES[PULLED.position()],
            links,
            recordings,
        }
    }

    /// The page with the charts.
    #[must_use]
    pub fn report(&self) -> Report {
        super::page::page(self)
    }

    /// The numbers for a terminal: what, how much, and beside what.
    #[must_use]
    pub fn rows(&self) -> Vec<[String; 3]> {
        let [first, second] = NAMES;
        let seconds =
            |time: Option<f64>| time.map_or("not seen".into(), |time| format!("{time:.2} s"));
        let checked = format!("{:.0} MB", self.bytes as f64 / 1e6);
        let verdict = if self.bytes_ok {
            "each byte as it was sent"
        } else {
            "WRONG BYTES"
        };
        vec![
            [
                format!("{first} alone, plain TCP"),
                format!("{:.1} Mb/s", self.single_link_mbps),
                format!("of the {:.0} Mb/s line", self.links[0].rate_mbps),
            ],
            [
                "both links, through Manypath".into(),
                format!("{:.1} Mb/s", self.both_links_mbps),
                format!(
                    "{:.1} % of what both can carry, {:.1}",
                    self.download_share * 100.0,
                    self.capacity_mbps
                ),
            ],
            [
                "more than one link by".into(),
                format!("{:.2} ×", self.both_links_mbps / self.single_link_mbps),
                String::new(),
            ],
            [
                format!("{first} pulled: the download falters for"),
                seconds(self.stall_s),
                format!("below half of {second}'s rate"),
            ],
            [
                format!("{first} plugged in: carries data again after"),
                seconds(self.return_s),
                "on the same connection".into(),
            ],
            ["checked".into(), checked, verdict.into()],
        ]
    }
}

impl Recording {
    /// When the link was pulled, and when it was plugged in again.
    fn pulled(&self) -> Option<(Instant, Instant)> {
        match self.marks.as_slice() {
            [pulled, plugged] if !pulled.plugged_in && plugged.plugged_in => {
                Some((pulled.at, plugged.at))
            }
            _ => None,
        }
    }

    fn stall(&self, profiles: &[Profile; 2]) -> Option<f64> {
        let (pulled, plugged) = self.pulled()?;
        let limit = rate(&profiles[KEPT.position()]) / 2.0;
        Some(
            self.transfer
                .series
                .time_below(limit, pulled, plugged)
                .as_secs_f64(),
        )
    }

    fn comes_back(&self, profiles: &[Profile; 2]) -> Option<f64> {
        let (_, plugged) = self.pulled()?;
        let limit = rate(&profiles[PULLED.position()]) * CARRIES;
        let back = self.links[PULLED.position()].reaches(limit, plugged)?;
        Some(back.as_secs_f64())
    }
}

fn find(recordings: &[Recording], phase: Phase) -> Option<&Recording> {
    recordings.iter().find(|recording| recording.phase == phase)
}

fn link(number: usize, profile: &Profile, recordings: &[Recording]) -> LinkOutcome {
    let capacity = profile.down.payload_capacity().get() as f64;
    let used = find(recordings, Phase::Both).map_or(0.0, |recording| {
        let transfer = &recording.transfer;
        let time: Duration = transfer.total - transfer.first_byte;
        let bytes: u64 = recording.links[number].bytes().iter().sum();
        bytes as f64 * 8.0 / time.as_secs_f64()
    });
    LinkOutcome {
        name: NAMES[number],
        rate_mbps: rate(profile) / 1e6,
        capacity_mbps: capacity / 1e6,
        round_trip_ms: profile.round_trip().as_secs_f64() * 1e3,
        used_share: used / rate(profile),
    }
}

fn rate(profile: &Profile) -> f64 {
    profile.down.rate.get() as f64
}
