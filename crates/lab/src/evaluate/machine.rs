//! Where and when it was measured.

use std::process::Command;
use std::time::SystemTime;

use super::package::needed;
use super::scenario::Chosen;

/// Where and when it was measured, and with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Machine {
    /// RFC 3339, UTC.
    pub(super) date: String,
    pub(super) kernel: String,
    pub(super) processor: String,
    pub(super) processors: usize,
    /// Names of packages with their versions.
    pub(super) packages: Vec<(String, String)>,
}

impl Machine {
    pub(super) fn read(scenarios: &[Chosen]) -> Self {
        let system = rustix::system::uname();
        Self {
            date: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            kernel: format!(
                "{} {}",
                system.sysname().to_string_lossy(),
                system.release().to_string_lossy()
            ),
            processor: processor().unwrap_or_else(|| "unknown processor".into()),
            processors: std::thread::available_parallelism().map_or(1, Into::into),
            packages: versions(scenarios),
        }
    }
}

fn processor() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// Those that dpkg knows: what somebody has built has no package.
fn versions(scenarios: &[Chosen]) -> Vec<(String, String)> {
    let names = needed(scenarios).into_iter().map(|package| package.name);
    let output = Command::new("dpkg-query")
        .args(["--show", "--showformat=${Package} ${Version}\n"])
        .args(names)
        .output();
    let text = output.map(|it| String::from_utf8_lossy(&it.stdout).into_owned());
    let text = text.unwrap_or_default();
    let lines = text.lines().filter_map(|line| line.split_once(' '));
    lines
        .filter(|(_, version)| !version.is_empty())
        .map(|(name, version)| (name.to_owned(), version.to_owned()))
        .collect()
}
