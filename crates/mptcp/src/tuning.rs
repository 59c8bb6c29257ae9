//! Kernel settings that decide how MPTCP performs. The sender decides, so both ends need them.

use std::time::Duration;

/// What MPTCP connections of a namespace are tuned to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tuning {
    /// Retransmission time-outs in a row after which a subflow counts as stale
    /// (`net.mptcp.stale_loss_cnt`, Linux 5.15).
    pub stale_loss_count: u32,
    /// How long MPTCP is not tried after SYNs were swallowed (`net.mptcp.blackhole_timeout`, Linux
    /// 6.12). Whole seconds; zero: it is always tried.
    pub blackhole_timeout: Duration,
    /// Congestion control, used if the kernel has it.
    pub congestion_control: String,
    /// Upper bound of a connection's receive buffer, and of the send buffer of each of its subflows
    /// (`__mptcp_sync_sndbuf` adds those up), in bytes.
    ///
    /// One figure for both. A send buffer that is smaller than the peer's window makes the 200 ms
    /// pauses rarer that a fast receiver causes (Linux 6.18: it acknowledges a full window to TCP, but
    /// not to MPTCP, while its program reads), but does not end them, and costs more where it counts:
    /// of 300 Mbit/s with 80 ms, 0.5 % loss, beside 300 Mbit/s with 40 ms, 16 MiB carry 530 Mbit/s,
    /// 8 MiB 500 and 4 MiB 370. 2 MiB are too few even without loss.
    pub buffer_max: u64,
}

const AVAILABLE: &str = "net.ipv4.tcp_available_congestion_control";
const BUFFERS: [&str; 2] = ["net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"];

impl Tuning {
    /// The setting that names the congestion control.
    pub const CONGESTION_CONTROL: &str = "net.ipv4.tcp_congestion_control";

    /// The settings that [`Tuning::sysctls`] reads or wants set.
    pub const KEYS: [&str; 12] = [
        "net.mptcp.enabled",
        "net.mptcp.stale_loss_cnt",
        "net.mptcp.blackhole_timeout",
        "net.mptcp.syn_retrans_before_tcp_fallback",
        "net.ipv4.tcp_slow_start_after_idle",
        "net.ipv4.tcp_tw_reuse",
        "net.ipv4.tcp_retrans_collapse",
        "net.ipv4.tcp_mtu_probing",
        Self::CONGESTION_CONTROL,
        AVAILABLE,
        BUFFERS[0],
        BUFFERS[1],
    ];

    /// Names and values to set, given the present ones (`None`: this kernel has no such setting).
    pub fn sysctls<'a>(
        &self,
        present: impl Fn(&str) -> Option<&'a str>,
    ) -> Vec<(&'static str, String)> {
        let mut wanted = vec![
            ("net.mptcp.enabled", "1".to_owned()),
            (
                "net.mptcp.stale_loss_cnt",
                self.stale_loss_count.to_string(),
            ),
            (
                "net.mptcp.blackhole_timeout",
                self.blackhole_timeout.as_secs().to_string(),
            ),
            // A SYN that is lost is sent again, by default without MPTCP from the third time on, which is
            // after 3 s: who connects in an outage gets plain TCP, bound to one path for ever (Linux 6.14).
            // The seventh one comes after 10 s, when nobody waits any more.
            ("net.mptcp.syn_retrans_before_tcp_fallback", "5".to_owned()),
            // Warm connections keep the window that they have earned.
            ("net.ipv4.tcp_slow_start_after_idle", "0".to_owned()),
            // All connections of an edge go to one hub, so each has to differ by its own port, and an
            // ended one keeps its port for 60 s: without reuse, 28,000 ports are gone after a minute
            // of 470 connections each second. Timestamps make it safe (RFC 6191).
            ("net.ipv4.tcp_tw_reuse", "1".to_owned()),
            // When the only subflow closes while acknowledgements are missing, TCP sends the last data again in one
            // segment with its FIN. A peer that has had the data takes that for plain TCP: to it the whole connection
            // has ended then (MPTcpExtDssFallback, Linux 6.18).
            ("net.ipv4.tcp_retrans_collapse", "0".to_owned()),
            // Where a router drops what is too large and nothing tells of it, TCP finds out by itself after some
            // retransmissions (RFC 4821). 1: only then.
            ("net.ipv4.tcp_mtu_probing", "1".to_owned()),
        ];
        if self.has_congestion_control(&present) {
            wanted.push((Self::CONGESTION_CONTROL, self.congestion_control.clone()));
        }
        for key in BUFFERS {
            if let Some([least, first, _]) = present(key).and_then(three) {
                let most = self.buffer_max.max(first);
                wanted.push((key, format!("{least}\t{first}\t{most}")));
            }
        }
        wanted.retain(|(key, _)| present(key).is_some());
        wanted
    }

    /// Whether the kernel has the congestion control, as a module that is loaded or built in.
    pub fn has_congestion_control<'a>(&self, present: impl Fn(&str) -> Option<&'a str>) -> bool {
        present(AVAILABLE).is_some_and(|names| {
            names
                .split_whitespace()
                .any(|name| name == self.congestion_control)
        })
    }
}

fn three(value: &str) -> Option<[u64; 3]> {
    let numbers: Vec<u64> = value
        .split_whitespace()
        .map(str::parse)
        .collect::<Result<_, _>>()
        .ok()?;
    numbers.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tuning() -> Tuning {
        Tuning {
            stale_loss_count: 1,
            blackhole_timeout: Duration::ZERO,
            congestion_control: "bbr".into(),
            buffer_max: 16 << 20,
        }
    }

    #[test]
    fn buffers_keep_their_first_two_figures() {
        let wanted = tuning().sysctls(|key| match key {
            "net.ipv4.tcp_rmem" => Some("4096\t131072\t6291456"),
            _ => None,
        });
        assert_eq!(
            wanted,
            [("net.ipv4.tcp_rmem", "4096\t131072\t16777216".to_owned())]
        );
    }

    #[test]
    fn congestion_control_is_left_alone_where_the_kernel_lacks_the_wanted_one() {
        let key = |available: &'static str| {
            tuning().sysctls(move |key| match key {
                AVAILABLE => Some(available),
                Tuning::CONGESTION_CONTROL => Some("cubic"),
                _ => None,
            })
        };
        assert_eq!(key("reno cubic"), []);
        assert_eq!(
            key("reno bbr cubic"),
            [(Tuning::CONGESTION_CONTROL, "bbr".to_owned())]
        );
    }
}
