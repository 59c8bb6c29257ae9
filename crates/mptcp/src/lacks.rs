//! What an older kernel lacks of what this crate can use.

use std::fmt;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use socket2::Domain;

use crate::abi::{self, MPTCP_FULL_INFO, SOL_MPTCP, TCP_IS_MPTCP};
use crate::socket::{Transport, open};

/// Something that came later than MPTCP itself. `Display` names it, and since when it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feature {
    /// Its name in the kernel.
    pub name: &'static str,
    /// The first Linux that has it.
    pub since: &'static str,
}

const fn feature(name: &'static str, since: &'static str) -> Feature {
    Feature { name, since }
}

const OPTIONS: [(Feature, i32, i32); 2] = [
    (
        feature("MPTCP_FULL_INFO", "6.5"),
        SOL_MPTCP,
        MPTCP_FULL_INFO,
    ),
    (
        feature("TCP_IS_MPTCP", "6.10"),
        libc::IPPROTO_TCP,
        TCP_IS_MPTCP,
    ),
];

/// Below `/proc/sys/net/mptcp`.
const SETTINGS: [Feature; 2] = [
    feature("blackhole_timeout", "6.12"),
    feature("syn_retrans_before_tcp_fallback", "6.14"),
];

/// What a kernel lacks: at least one thing. `Display` lists them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lacks(Vec<Feature>);

impl fmt::Display for Lacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, feature) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{feature}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (Linux {})", self.name, self.since)
    }
}

/// What this kernel lacks, found by trying; `None` if that is nothing. Everything works without it, some of it less well
/// (`docs/kernels.md`).
///
/// # Errors
/// When no socket can be opened.
pub fn lacks() -> io::Result<Option<Lacks>> {
    let opened = open(Transport::Mptcp, Domain::IPV4)?;
    if opened.transport == Transport::Tcp {
        return Ok(None);
    }
    let is_unknown = |(_, level, option): &(Feature, i32, i32)| {
        // What it knows it may refuse for a socket that is not connected.
        let asked = abi::getsockopt(opened.socket.as_fd(), *level, *option, &mut [0; 64]);
        asked.is_err_and(|error| abi::is_unknown_option(&error))
    };
    let options = OPTIONS.iter().filter(|it| is_unknown(it)).map(|it| it.0);
    let folder = Path::new("/proc/sys/net/mptcp");
    let is_missing = |it: &&Feature| !folder.join(it.name).exists();
    let settings = SETTINGS.iter().filter(is_missing).copied();
    let all: Vec<Feature> = options.chain(settings).collect();
    Ok((!all.is_empty()).then_some(Lacks(all)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By the kernel that runs the test, whichever that is.
    #[test]
    fn what_came_before_this_kernel_is_there() {
        let version = rustix::system::uname()
            .release()
            .to_string_lossy()
            .into_owned();
        let mut numbers = version.split('.').map(|it| it.parse::<u32>().unwrap_or(0));
        let this = (numbers.next().unwrap(), numbers.next().unwrap());
        for lacking in lacks().unwrap().map_or(Vec::new(), |it| it.0) {
            let (major, minor) = lacking.since.split_once('.').unwrap();
            let since = (major.parse().unwrap(), minor.parse().unwrap());
            assert!(this < since, "{lacking} is missing in {version}");
        }
    }
}
