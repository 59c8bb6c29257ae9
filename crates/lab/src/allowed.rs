//! The congestion controls that namespaces may use.

use std::fs::File;

use anyhow::Context;
use netcfg::Sysctl;

const ALLOWED: &str = "net.ipv4.tcp_allowed_congestion_control";

/// Held as long as the list is changed.
const LOCK: &str = "/run/manypath-measuring.lock";

/// What is measured uses these.
const WANTED: [&str; 2] = ["cubic", "bbr"];

/// Network namespaces may use these congestion controls as long as this lives.
///
/// The kernel lets a namespace other than the first choose only what stands in this list of the
/// whole machine (`tcp_set_default_congestion_control`, Linux 4.15), which holds reno and the
/// machine's default at first.
#[derive(Debug)]
pub(crate) struct AllowedControls {
    setting: Sysctl,
    before: String,
    /// Given back after the list: fields are dropped after `drop`.
    _lock: File,
}

impl AllowedControls {
    /// Adds to the list. The calling thread has to be in the first network namespace. Waits until no
    /// other measurement runs: it would put the list back in the middle of this one, and both would
    /// measure each other's load.
    pub(crate) fn extend() -> anyhow::Result<Self> {
        let lock = File::create(LOCK).with_context(|| format!("cannot open {LOCK}"))?;
        lock.lock().with_context(|| format!("cannot lock {LOCK}"))?;
        let setting = Sysctl::new(ALLOWED)?;
        let before = setting.read()?;
        let list = extended(&before);
        if list != before {
            setting.write(list)?;
        }
        Ok(Self {
            setting,
            before,
            _lock: lock,
        })
    }
}

impl Drop for AllowedControls {
    fn drop(&mut self) {
        if let Err(error) = self.setting.write(&self.before) {
            tracing::warn!(%error, "the machine's allowed congestion controls stay changed");
        }
    }
}

fn extended(before: &str) -> String {
    let new = WANTED
        .into_iter()
        .filter(|name| !before.split_whitespace().any(|old| old == *name));
    before
        .split_whitespace()
        .chain(new)
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_only_added_to() {
        assert_eq!(extended("reno bbr"), "reno bbr cubic");
        assert_eq!(extended("reno cubic"), "reno cubic bbr");
        assert_eq!(extended("bbr cubic other"), "bbr cubic other");
    }
}
