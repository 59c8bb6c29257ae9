//! The settings in `.wslconfig` that somebody here wants to know of.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Below `HKEY_LOCAL_MACHINE`: where the computer's policies for WSL are, as DWORD values
/// (`src/windows/common/wslpolicies.h`, `c_registryKey`).
pub const POLICIES: &str = r"Software\Policies\WSL";

/// A setting in `.wslconfig`, by the names that WSL has for it
/// (`src/windows/common/WslCoreConfig.h`, `ConfigSetting`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Key {
    /// The path of a kernel in place of WSL's.
    Kernel,
    /// The path of the disk image with that kernel's modules.
    KernelModules,
    /// What is added to the kernel's command line.
    KernelCommandLine,
    /// Makes WSL ignore the kernel, the modules and all networking.
    SafeMode,
    /// After how many milliseconds without a running distribution the VM ends.
    VmIdleTimeout,
    /// After how many milliseconds without a client a distribution ends.
    InstanceIdleTimeout,
    /// How the VM is connected: nat, mirrored, …
    NetworkingMode,
    /// Whether the Hyper-V firewall looks at the VM's traffic.
    Firewall,
}

impl Key {
    /// Section and name, then those that WSL still reads from former times. The first entry in the file
    /// counts, whichever name it has.
    pub(crate) fn names(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Kernel => &[("wsl2", "kernel")],
            Self::KernelModules => &[("wsl2", "kernelModules")],
            Self::KernelCommandLine => &[("wsl2", "kernelCommandLine")],
            Self::SafeMode => &[("wsl2", "safeMode")],
            Self::VmIdleTimeout => &[("wsl2", "vmIdleTimeout")],
            Self::InstanceIdleTimeout => &[("general", "instanceIdleTimeout")],
            Self::NetworkingMode => &[
                ("wsl2", "networkingMode"),
                ("experimental", "networkingMode"),
            ],
            Self::Firewall => &[("wsl2", "firewall"), ("experimental", "firewall")],
        }
    }

    /// The section that a new entry goes into.
    pub fn section(self) -> &'static str {
        self.names()[0].0
    }

    /// The name within its section.
    pub fn name(self) -> &'static str {
        self.names()[0].1
    }

    /// The value below [`POLICIES`] that governs this setting. WSL ignores the setting when it is there
    /// and 0 (`WslCoreConfig.cpp`, `Config::Initialize`); any other number, or none, allows it
    /// (`wslpolicies.h`, `IsFeatureAllowed`).
    pub fn policy(self) -> Option<&'static str> {
        match self {
            Self::Kernel | Self::KernelModules => Some("AllowKernelUserSetting"),
            Self::KernelCommandLine => Some("AllowKernelCommandLineUserSetting"),
            Self::NetworkingMode => Some("AllowNetworkingModeUserSetting"),
            Self::Firewall => Some("AllowFirewallUserSetting"),
            Self::SafeMode | Self::VmIdleTimeout | Self::InstanceIdleTimeout => None,
        }
    }
}

/// As WSL names it in its messages, such as `wsl2.kernel`.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.section(), self.name())
    }
}

#[cfg(test)]
#[path = "key_tests.rs"]
mod tests;
