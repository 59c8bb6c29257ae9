//! Kernel settings under `/proc/sys`.

use std::fmt;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::types::{Family, InterfaceName};

/// The name of a kernel setting.
///
/// A setting under `net` belongs to the network namespace of the *thread* that reads or writes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sysctl {
    /// The components of the path under `/proc/sys`. None is empty, `.` or `..`, or holds a `/`.
    components: Vec<String>,
}

/// Why a kernel setting could not be read or written.
#[derive(Debug, Error)]
pub enum SysctlError {
    /// A text that names no setting.
    #[error(
        "{0:?} names no kernel setting: components with dots between them, like net.ipv4.ip_forward"
    )]
    InvalidName(String),
    /// The kernel has no such setting: it is too old, was built without, or the interface is gone.
    #[error("this kernel has no setting {key}")]
    NotFound {
        /// The setting.
        key: Sysctl,
    },
    /// It exists and could not be read.
    #[error("cannot read the kernel setting {key}")]
    Read {
        /// The setting.
        key: Sysctl,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// It exists and the value was refused.
    #[error("cannot set the kernel setting {key} to {value:?}")]
    Write {
        /// The setting.
        key: Sysctl,
        /// The value.
        value: String,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
}

impl Sysctl {
    /// Reads a name as sysctl(8) writes it: components with dots between them, and a `/` for each
    /// dot within a component (`net.ipv4.conf.eth0/100.rp_filter`).
    pub fn new(name: &str) -> Result<Self, SysctlError> {
        let components: Vec<_> = name.split('.').map(|part| part.replace('/', ".")).collect();
        let valid = components.iter().all(|part| {
            !matches!(part.as_str(), "" | "." | "..") && !part.contains(char::is_control)
        });
        if valid {
            Ok(Self { components })
        } else {
            Err(SysctlError::InvalidName(name.to_owned()))
        }
    }

    /// A setting of one interface: `net.ipv4.conf.NAME.KEY` or `net.ipv6.conf.NAME.KEY`.
    ///
    /// # Errors
    /// If `key` is not one component.
    pub fn of_interface(
        family: Family,
        interface: &InterfaceName,
        key: &str,
    ) -> Result<Self, SysctlError> {
        let family = match family {
            Family::V4 => "ipv4",
            Family::V6 => "ipv6",
        };
        Self::new(&format!(
            "net.{family}.conf.{}.{key}",
            interface.as_str().replace('.', "/")
        ))
    }

    /// The value, without the line's end. Several values have tabs between them.
    pub fn read(&self) -> Result<String, SysctlError> {
        match std::fs::read_to_string(self.path()) {
            Ok(value) => Ok(value.trim_end_matches('\n').to_owned()),
            Err(source) if is_missing(&source) => Err(SysctlError::NotFound { key: self.clone() }),
            Err(source) => Err(SysctlError::Read {
                key: self.clone(),
                source,
            }),
        }
    }

    /// Sets the value.
    pub fn write(&self, value: impl fmt::Display) -> Result<(), SysctlError> {
        let value = value.to_string();
        // The file is neither made nor cut: a setting that does not exist must not become one.
        let written = std::fs::OpenOptions::new()
            .write(true)
            .open(self.path())
            .and_then(|mut file| io::Write::write_all(&mut file, value.as_bytes()));
        match written {
            Ok(()) => Ok(()),
            Err(source) if is_missing(&source) => Err(SysctlError::NotFound { key: self.clone() }),
            Err(source) => Err(SysctlError::Write {
                key: self.clone(),
                value,
                source,
            }),
        }
    }

    fn path(&self) -> PathBuf {
        let mut path = PathBuf::from("/proc/sys");
        path.extend(&self.components);
        path
    }
}

fn is_missing(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

impl std::str::FromStr for Sysctl {
    type Err = SysctlError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::new(name)
    }
}

impl fmt::Display for Sysctl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, component) in self.components.iter().enumerate() {
            if place > 0 {
                f.write_str(".")?;
            }
            f.write_str(&component.replace('.', "/"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_sysctl_writes_them() {
        let path = |name: &str| Sysctl::new(name).map(|key| key.path());
        assert_eq!(
            path("net.mptcp.stale_loss_cnt").unwrap(),
            PathBuf::from("/proc/sys/net/mptcp/stale_loss_cnt")
        );
        let dotted = Sysctl::new("net.ipv4.conf.eth0/100.rp_filter").unwrap();
        assert_eq!(
            dotted.path(),
            PathBuf::from("/proc/sys/net/ipv4/conf/eth0.100/rp_filter")
        );
        assert_eq!(dotted.to_string(), "net.ipv4.conf.eth0/100.rp_filter");
        let interface = "eth0.100".parse().unwrap();
        let same = Sysctl::of_interface(Family::V4, &interface, "rp_filter").unwrap();
        assert_eq!(same, dotted);
    }

    #[test]
    fn no_name_leads_out_of_the_settings() {
        for bad in [
            "",
            ".",
            "net..ip_forward",
            "net.//.//.etc",
            "/.x",
            "net.a\n",
            "net.a\0",
        ] {
            assert!(Sysctl::new(bad).is_err(), "{bad:?}");
        }
    }
}
