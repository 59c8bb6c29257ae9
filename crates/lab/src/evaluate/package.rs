//! The programs that scenarios need.

use std::collections::BTreeSet;
use std::path::Path;

use super::scenario::Chosen;
use super::site::Setup;
use crate::compare::find_program;

/// One of Debian's packages, known by a program (or a file, by its path) in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Package {
    pub(super) name: &'static str,
    pub(super) file: &'static str,
}

/// Packages that this machine lacks. The message names the line that installs them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("these scenarios need {list} of Debian; install with: apt-get install {list}", list = self.0.join(" "))]
pub struct MissingPackages(Vec<&'static str>);

const PROTOTYPE: [Package; 4] = [
    Package::new("redsocks", "redsocks"),
    Package::new("microsocks", "microsocks"),
    Package::new("proxychains4", "proxychains4"),
    MPTCPIZE,
];

pub(super) const MPTCPIZE: Package = Package::new("mptcpize", "mptcpize");
pub(super) const NGINX: Package = Package::new("nginx-light", "nginx");
pub(super) const OPENSSL: Package = Package::new("openssl", "openssl");
pub(super) const CHROMIUM: Package = Package::new("chromium", "chromium");
pub(super) const CURL: Package = Package::new("curl", "curl");
pub(super) const FFMPEG: Package = Package::new("ffmpeg", "ffmpeg");
pub(super) const GIT: Package = Package::new("git", "git");
pub(super) const SSH: Package = Package::new("openssh-client", "ssh");
pub(super) const SSHD: Package = Package::new("openssh-server", "sshd");

impl Package {
    pub(super) const fn new(name: &'static str, file: &'static str) -> Self {
        Self { name, file }
    }

    fn is_there(&self) -> bool {
        if self.file.starts_with('/') {
            Path::new(self.file).exists()
        } else {
            find_program(self.file).is_some()
        }
    }
}

/// All packages of these scenarios.
pub(super) fn needed(scenarios: &[Chosen]) -> BTreeSet<Package> {
    let scenarios = scenarios.iter().map(Chosen::scenario);
    let mut all = BTreeSet::new();
    for scenario in scenarios {
        all.extend(scenario.packages());
        if scenario.setups().contains(&Setup::Prototype) {
            all.extend(PROTOTYPE);
        }
    }
    all
}

/// Looks for them.
pub(super) fn check(scenarios: &[Chosen]) -> Result<(), MissingPackages> {
    let needed = needed(scenarios).into_iter();
    let missing = needed.filter(|package| !package.is_there());
    let missing: Vec<_> = missing.map(|package| package.name).collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(MissingPackages(missing))
    }
}
