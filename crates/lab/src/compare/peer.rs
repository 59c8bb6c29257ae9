use std::fmt;
use std::path::{Path, PathBuf};

/// Who is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Peer {
    /// This program: edge and hub.
    Manypath,
    /// redsocks, proxychains4, microsocks and mptcpize, all Debian's.
    Prototype,
    /// shadowsocks-rust with its option `mptcp`.
    Shadowsocks,
    /// Plain TCP without any of them.
    Direct,
}

impl Peer {
    /// All, in the order of the table.
    pub const ALL: [Self; 4] = [
        Self::Manypath,
        Self::Prototype,
        Self::Shadowsocks,
        Self::Direct,
    ];

    /// Its name in JSON and in the table.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Manypath => "manypath",
            Self::Prototype => "prototype",
            Self::Shadowsocks => "shadowsocks",
            Self::Direct => "direct",
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.key())
    }
}

/// The prototype's programs that this machine lacks. The message names the line that installs them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the comparison needs {list} of Debian; install with: apt-get install {list}", list = self.0.join(" "))]
pub struct MissingPackages(Vec<&'static str>);

/// Debian's packages have the names of the programs in them.
const PACKAGES: [&str; 4] = ["redsocks", "microsocks", "proxychains4", "mptcpize"];

/// Debian leaves the folders of administrators' programs out of the PATH of `su`.
const FOLDERS: [&str; 4] = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// Looks for the prototype's programs.
///
/// # Errors
/// [`MissingPackages`].
pub fn check_packages() -> Result<(), MissingPackages> {
    missing(|program| find(program).is_some())
}

fn missing(is_there: impl Fn(&str) -> bool) -> Result<(), MissingPackages> {
    let missing: Vec<_> = PACKAGES
        .into_iter()
        .filter(|package| !is_there(package))
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(MissingPackages(missing))
    }
}

pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(FOLDERS.map(PathBuf::from));
    folders
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// Where one of the prototype's programs is.
pub(super) fn debian_program(program: &'static str) -> Result<PathBuf, MissingPackages> {
    find(program).ok_or_else(|| MissingPackages(vec![program]))
}

/// Where shadowsocks-rust is kept: `manypath/peers` in the user's cache folder.
#[must_use]
pub fn peers_folder() -> PathBuf {
    let variable = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let cache = variable("XDG_CACHE_HOME")
        .or_else(|| variable("HOME").map(|home| home.join(".cache")))
        .unwrap_or_else(|| "/var/cache".into());
    cache.join("manypath/peers")
}

/// sslocal and ssserver have not been built. The message is the line that builds them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not built; build it once with: cargo install shadowsocks-rust@1.25.0 --locked --no-default-features \
     --features local,local-redir,server,multi-threaded,aead-cipher --bin sslocal --bin ssserver --root {}",
    self.0.display()
)]
pub struct NotBuilt(PathBuf);

/// `sslocal` or `ssserver` below `folder`.
pub(super) fn shadowsocks_program(folder: &Path, program: &str) -> Result<PathBuf, NotBuilt> {
    let file = folder.join("bin").join(program);
    if file.is_file() {
        Ok(file)
    } else {
        Err(NotBuilt(folder.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_packages_are_named_with_the_line_that_installs_them() {
        let error = missing(|program| program == "mptcpize").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the comparison needs redsocks microsocks proxychains4 of Debian; \
             install with: apt-get install redsocks microsocks proxychains4"
        );
        assert_eq!(missing(|_| true), Ok(()));
    }

    #[test]
    fn shadowsocks_that_is_not_built_is_named_with_the_line_that_builds_it() {
        let folder = tempfile::tempdir().unwrap();
        let error = shadowsocks_program(folder.path(), "sslocal")
            .unwrap_err()
            .to_string();
        assert!(error.contains("cargo install shadowsocks-rust"));
        assert!(error.ends_with(&format!("--root {}", folder.path().display())));
    }
}
