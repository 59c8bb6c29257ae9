//! Tables and values that both files have.

use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use crate::errors::Problem;
use crate::mptcp::{ADDRESS_MAX, Mptcp, buffer_size};
use crate::network::{network, overlap};
use crate::reader::Table;
use crate::report::for_each_pair;
use crate::timeout;

/// Longest path of a Unix socket in bytes: `sun_path` has 108, one is the closing NUL.
const SOCKET_PATH_MAX: usize = 107;

/// Reads the table `[mptcp]`.
pub(crate) fn mptcp(root: &Table<'_>) -> Mptcp {
    let table = root.table("mptcp");
    let default = Mptcp::default();
    let max = u32::from(ADDRESS_MAX);
    let mptcp = Mptcp {
        subflows: table
            .integer("subflows", 0, max)
            .unwrap_or(default.subflows),
        add_addr_accepted: table
            .integer("add_addr_accepted", 0, max)
            .unwrap_or(default.add_addr_accepted),
        stale_loss_count: table
            .integer("stale_loss_count", 0, u32::MAX)
            .unwrap_or(default.stale_loss_count),
        blackhole_timeout: table
            .value("blackhole_timeout", timeout::whole_seconds)
            .unwrap_or(default.blackhole_timeout),
        congestion_control: table
            .parsed("congestion_control")
            .unwrap_or(default.congestion_control),
        buffer_max: table
            .value("buffer_max", buffer_size)
            .unwrap_or(default.buffer_max),
    };
    table.finish();
    mptcp
}

/// Reads the table `[control]`: the path of its socket.
pub(crate) fn control(root: &Table<'_>) -> Option<PathBuf> {
    let table = root.table("control");
    let socket = table.value("socket", |text| match absolute(text)? {
        path if text.len() <= SOCKET_PATH_MAX => Ok(path),
        _ => Err(Problem::SocketPath(text.to_owned())),
    });
    table.finish();
    socket
}

/// A path that means the same wherever the program was started.
pub(crate) fn absolute(text: &str) -> Result<PathBuf, Problem> {
    // Not `Path::is_absolute`: the file is for Linux, the check may run on Windows.
    if text.starts_with('/') && !text.contains('\0') {
        Ok(PathBuf::from(text))
    } else {
        Err(Problem::RelativePath(text.to_owned()))
    }
}

/// A list of networks of which none overlaps another.
pub(crate) fn networks(table: &Table<'_>, key: &'static str) -> Vec<IpNet> {
    let list = table
        .list(key, |item| item.value(network))
        .unwrap_or_default();
    for_each_pair(&list, |earlier, later| {
        let clash = overlap(&earlier.value, &later.value);
        if clash {
            let other = table.report().other(earlier);
            let (network, with) = (later.value, earlier.value);
            let problem = Problem::NetworksOverlap {
                network,
                with,
                other,
            };
            table.report().add(later.at, &later.key, problem);
        }
        clash
    });
    list.into_iter().map(|placed| placed.value).collect()
}

/// How long an attempt to connect may take.
pub(crate) fn connect_timeout(table: &Table<'_>, default: Duration) -> Duration {
    table
        .value("connect_timeout", timeout::positive_duration)
        .unwrap_or(default)
}
