use std::fmt;
use std::str::FromStr;

use super::scene::Scene;

/// What is compared: a line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Row {
    /// Steady download over both standard links, as a share of their payload capacity.
    DownloadShare,
    /// From `connect` to the first byte of the answer about a 1 KB object, in milliseconds.
    FirstByte,
    /// From `connect` to the last byte of a 1 KB object, in milliseconds.
    Object1k,
    /// From `connect` to the last byte of a 100 KB object, in milliseconds.
    Object100k,
    /// From `connect` to the last byte of a 1 MB object, in milliseconds.
    Object1m,
    /// A link's cable is pulled: seconds that a download stays below half of the other link's rate.
    CarrierLoss,
    /// The same for a link that goes silent and keeps its carrier.
    Silence,
    /// The cable is back: seconds until the link carries data of the running download.
    Return,
    /// Messages 10 ms apart, a cable is pulled: longest silence in milliseconds.
    MessageGapCarrier,
    /// The same for a link that goes silent and keeps its carrier.
    MessageGapSilence,
    /// A call's datagrams 20 ms apart, a link goes silent: longest silence in milliseconds.
    UdpGap,
    /// From a query for a name that nobody has asked for to its answer, in milliseconds.
    DnsTime,
    /// A cable is pulled amid 500 such queries: how many have no answer.
    DnsLost,
    /// Download over two unlike links, as a ratio to plain TCP over the better one alone.
    UnlikeLinks,
    /// Downloads without emulated links and without encryption, in Gb/s.
    ThroughputPlain,
    /// The edge's CPU time in seconds for each GiB of those downloads.
    CpuEdge,
    /// The hub's.
    CpuHub,
    /// The same downloads with encryption between edge and hub, in Gb/s.
    ThroughputTls,
    /// The edge's CPU time in seconds for each GiB of those downloads.
    CpuEdgeTls,
    /// The hub's.
    CpuHubTls,
    /// 1 KB exchanges in a second, one after another, each on a new connection, without emulated
    /// links.
    Exchanges,
    /// The same, all on one connection.
    ExchangesKept,
    /// The same by 64 clients at once, each exchange on a new connection.
    Connections,
    /// What an idle connection adds to the resident memory of the hub, in KiB.
    IdleMemory,
}

/// Which contender encrypts, in all rows but those that say otherwise.
pub(super) const ENCRYPTION: &str = "between edge and hub manypath uses its hub protocol (TLS 1.3) and \
     shadowsocks AES-128-GCM, but no cipher where a row is about plain throughput; the prototype and \
     direct never encrypt";

/// A text that names no row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no row {0:?}; there are {list}", list = keys())]
pub struct UnknownRow(String);

/// Which of two values is the better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Better {
    Higher,
    Lower,
}

impl Row {
    /// All rows, in the order of the table.
    pub const ALL: [Self; 24] = [
        Self::DownloadShare,
        Self::FirstByte,
        Self::Object1k,
        Self::Object100k,
        Self::Object1m,
        Self::CarrierLoss,
        Self::Silence,
        Self::Return,
        Self::MessageGapCarrier,
        Self::MessageGapSilence,
        Self::UdpGap,
        Self::DnsTime,
        Self::DnsLost,
        Self::UnlikeLinks,
        Self::ThroughputPlain,
        Self::CpuEdge,
        Self::CpuHub,
        Self::ThroughputTls,
        Self::CpuEdgeTls,
        Self::CpuHubTls,
        Self::Exchanges,
        Self::ExchangesKept,
        Self::Connections,
        Self::IdleMemory,
    ];

    /// Its name in JSON and on the command line; what it is measured in is the name's end.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::DownloadShare => "download_share",
            Self::FirstByte => "first_byte_ms",
            Self::Object1k => "object_1k_ms",
            Self::Object100k => "object_100k_ms",
            Self::Object1m => "object_1m_ms",
            Self::CarrierLoss => "carrier_loss_s",
            Self::Silence => "silence_s",
            Self::Return => "return_s",
            Self::MessageGapCarrier => "message_gap_carrier_ms",
            Self::MessageGapSilence => "message_gap_silence_ms",
            Self::UdpGap => "udp_gap_ms",
            Self::DnsTime => "dns_ms",
            Self::DnsLost => "dns_lost",
            Self::UnlikeLinks => "unlike_links_ratio",
            Self::ThroughputPlain => "throughput_plain_gbps",
            Self::CpuEdge => "cpu_edge_s_per_gib",
            Self::CpuHub => "cpu_hub_s_per_gib",
            Self::ThroughputTls => "throughput_tls_gbps",
            Self::CpuEdgeTls => "cpu_edge_tls_s_per_gib",
            Self::CpuHubTls => "cpu_hub_tls_s_per_gib",
            Self::Exchanges => "exchanges_per_s",
            Self::ExchangesKept => "exchanges_kept_per_s",
            Self::Connections => "connections_per_s",
            Self::IdleMemory => "idle_kib",
        }
    }

    /// How it is measured, for the table's footnotes. [`ENCRYPTION`] holds for all rows.
    #[must_use]
    pub const fn definition(self) -> &'static str {
        match self {
            Self::DownloadShare => {
                "one connection over vdsl (35/10 Mb/s, 15 ms) and lte (40/20 Mb/s, 40 ms), payload of \
                 8 s after 2 s, over both links' payload capacity; direct: the better link alone"
            }
            Self::FirstByte => {
                "same links, 1 KB on a new connection, connect() to first byte, median of 40"
            }
            Self::Object1k => "as above, connect() to last byte",
            Self::Object100k => {
                "same links, 100 KB on a new connection, connect() to last byte, median of 31"
            }
            Self::Object1m => "as above, 1 MB",
            Self::CarrierLoss => {
                "download over both links, vdsl's cable pulled for 3 s: time below half of lte's rate \
                 meanwhile, by 50 ms averages; median of 3"
            }
            Self::Silence => "as above, vdsl drops everything and keeps its carrier",
            Self::Return => {
                "the cable plugged in again after 3 s: until vdsl has carried 100 kB of the running \
                 download; median of 3, at most 20 s each"
            }
            Self::MessageGapCarrier => {
                "messages of 16 bytes to the client every 10 ms, the cable of the link that carries \
                 them pulled: longest pause within 2 s, 20 s if they break off; median of 3"
            }
            Self::MessageGapSilence => "as above, the link drops everything and keeps its carrier",
            Self::UdpGap => {
                "UDP through the hub, 200 bytes every 20 ms both ways, the link that carries them drops \
                 everything: longest pause at the client within 2 s; median of 3"
            }
            Self::DnsTime => {
                "same links, a name that nobody has asked for, by UDP, one after another: at the edge, \
                 which has the hub ask the name server; direct: at the name server; median of 100"
            }
            Self::DnsLost => {
                "500 such queries 10 ms apart, each sent once, the cable of the link that carries them \
                 pulled after a third: those without an answer for 5 s"
            }
            Self::UnlikeLinks => {
                "35 Mb/s, 15 ms beside 20 Mb/s, 300 ms, 0.5 % loss: payload of 10 s after 3 s, over \
                 that of plain TCP on the better link alone"
            }
            Self::ThroughputPlain => {
                "veth pairs, one uplink, all of it on this machine: 16 downloads at once, payload of 2 s \
                 after 1 s, cubic everywhere, no cipher (manypath: through the hub's SOCKS5 port); median \
                 of 3"
            }
            Self::CpuEdge => {
                "CPU time, user and system, of the guest's programs meanwhile, for each GiB of payload"
            }
            Self::CpuHub => "the same of the hub's program",
            Self::ThroughputTls => "as throughput_plain_gbps, encrypted between edge and hub",
            Self::CpuEdgeTls => "as cpu_edge_s_per_gib, during throughput_tls_gbps",
            Self::CpuHubTls => "as cpu_hub_s_per_gib, during throughput_tls_gbps",
            Self::Exchanges => {
                "veth pairs as above: answers of 1 KB with their heads, one after another, a new \
                 connection each; median of 3 times 1 s"
            }
            Self::ExchangesKept => "as above, all on one connection",
            Self::Connections => {
                "as exchanges_per_s, by 64 clients at once: connect, one exchange, close"
            }
            Self::IdleMemory => {
                "growth of the hub program's resident memory over 20,000 connections of clients that \
                 have carried 1 KB and are left open, for each; fewer where open files are limited"
            }
        }
    }

    pub(super) const fn scene(self) -> Scene {
        match self {
            Self::UnlikeLinks => Scene::Unlike,
            Self::ThroughputPlain | Self::CpuEdge | Self::CpuHub => Scene::Unshaped,
            Self::ThroughputTls
            | Self::CpuEdgeTls
            | Self::CpuHubTls
            | Self::Exchanges
            | Self::ExchangesKept
            | Self::Connections
            | Self::IdleMemory => Scene::UnshapedEncrypted,
            _ => Scene::Standard,
        }
    }

    pub(super) const fn better(self) -> Better {
        match self {
            Self::DownloadShare
            | Self::UnlikeLinks
            | Self::ThroughputPlain
            | Self::ThroughputTls
            | Self::Exchanges
            | Self::ExchangesKept
            | Self::Connections => Better::Higher,
            _ => Better::Lower,
        }
    }
}

impl Better {
    /// Of two measurements of the same.
    pub(super) fn of(self, one: f64, other: f64) -> f64 {
        match self {
            Self::Higher => one.max(other),
            Self::Lower => one.min(other),
        }
    }

    /// How many times better `ours` is than `theirs`.
    pub(super) fn factor(self, ours: f64, theirs: f64) -> f64 {
        match self {
            Self::Higher => ours / theirs,
            Self::Lower => theirs / ours,
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.key())
    }
}

impl FromStr for Row {
    type Err = UnknownRow;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let row = Self::ALL.into_iter().find(|row| row.key() == text);
        row.ok_or_else(|| UnknownRow(text.to_owned()))
    }
}

fn keys() -> String {
    Row::ALL.map(Row::key).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_read_back() {
        for row in Row::ALL {
            assert_eq!(row.key().parse(), Ok(row));
        }
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_list() {
        let error = "first_byte".parse::<Row>().unwrap_err().to_string();
        assert!(
            error.starts_with("no row \"first_byte\"; there are download_share, first_byte_ms,")
        );
    }

    #[test]
    fn better_is_a_factor_above_one() {
        assert_eq!(Row::FirstByte.better().factor(20.0, 60.0), 3.0);
        assert_eq!(Row::Exchanges.better().factor(3000.0, 1000.0), 3.0);
        assert_eq!(Row::FirstByte.better().of(20.0, 60.0), 20.0);
        assert_eq!(Row::Exchanges.better().of(20.0, 60.0), 60.0);
    }
}
