//! HRESULTs in words.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a Windows function gives; negative numbers are failures. Shown as `0x803B0014`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct HResult(u32);

/// The codes that decisions hang on (`winerror.h`).
impl HResult {
    /// `ERROR_NOT_FOUND`.
    pub const ELEMENT_NOT_FOUND: Self = Self(0x8007_0490);
    /// `E_INVALIDARG`.
    pub const INVALID_ARGUMENT: Self = Self(0x8007_0057);
    /// `E_OUTOFMEMORY`.
    pub const OUT_OF_MEMORY: Self = Self(0x8007_000E);
    /// `VM_E_INVALID_STATE`; only WSL's sources have it (`src/windows/common/wslutil.h`).
    pub const VM_INVALID_STATE: Self = Self(0x8004_1001);
    /// `HCS_E_INVALID_STATE`.
    pub const HCS_INVALID_STATE: Self = Self(0x8037_0105);
    /// `HCS_E_INVALID_JSON`.
    pub const HCS_INVALID_JSON: Self = Self(0x8037_010D);
    /// `HCS_E_SYSTEM_NOT_FOUND`.
    pub const HCS_SYSTEM_NOT_FOUND: Self = Self(0x8037_010E);
    /// `HCS_E_SYSTEM_ALREADY_STOPPED`.
    pub const HCS_SYSTEM_ALREADY_STOPPED: Self = Self(0x8037_0110);
    /// `HCS_E_ACCESS_DENIED`.
    pub const HCS_ACCESS_DENIED: Self = Self(0x8037_011B);
    /// `HCN_E_NETWORK_NOT_FOUND`.
    pub const HCN_NETWORK_NOT_FOUND: Self = Self(0x803B_0001);
    /// `HCN_E_ENDPOINT_NOT_FOUND`.
    pub const HCN_ENDPOINT_NOT_FOUND: Self = Self(0x803B_0002);
    /// `HCN_E_ADAPTER_NOT_FOUND`.
    pub const HCN_ADAPTER_NOT_FOUND: Self = Self(0x803B_0006);
    /// `HCN_E_NETWORK_ALREADY_EXISTS`.
    pub const HCN_NETWORK_ALREADY_EXISTS: Self = Self(0x803B_0010);
    /// `HCN_E_PORT_ALREADY_EXISTS`.
    pub const HCN_PORT_ALREADY_EXISTS: Self = Self(0x803B_0013);
    /// `HCN_E_ENDPOINT_ALREADY_ATTACHED`.
    pub const HCN_ENDPOINT_ALREADY_ATTACHED: Self = Self(0x803B_0014);
}

impl HResult {
    /// From what a function gave.
    pub fn new(status: i32) -> Self {
        Self(status.cast_unsigned())
    }

    /// Whether the call failed.
    pub fn is_failure(self) -> bool {
        self.0 >> 31 == 1
    }

    /// What it says, without a full stop, where we know.
    pub fn meaning(self) -> Option<&'static str> {
        Some(self.row()?.1)
    }

    /// What the user can do, as a clause, where there is something.
    pub fn advice(self) -> Option<&'static str> {
        Some(self.row()?.2).filter(|advice| !advice.is_empty())
    }

    fn row(self) -> Option<&'static (u32, &'static str, &'static str)> {
        CODES.iter().find(|(code, ..)| *code == self.0)
    }
}

impl Serialize for HResult {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HResult {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = text.strip_prefix("0x").unwrap_or(&text);
        let code = u32::from_str_radix(digits, 16).map_err(D::Error::custom)?;
        Ok(Self(code))
    }
}

impl fmt::Display for HResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:08X}", self.0)
    }
}

impl fmt::Debug for HResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

const ADMINISTRATOR: &str = "run it as an administrator or as a member of Hyper-V Administrators";
const PLATFORM: &str =
    "turn on the Windows feature Virtual Machine Platform (wsl --install does) and restart Windows";
const UPDATE: &str = "install the updates of Windows and of WSL (wsl --update)";
const RESTART_HNS: &str = "restart the service Host Network Service (hns), or Windows";
const SWITCHES: &str = "see whether the card is plugged in and switched on, whether its name has changed, \
     and whether another virtual switch (Get-VMSwitch) or a VPN has taken it";

/// Codes, what they say, and what the user can do.
const CODES: &[(u32, &str, &str)] = &[
    (0x8000_4001, "not implemented in this Windows", UPDATE),
    (0x8004_1001, "the VM is not in a state for that", ""),
    (0x8007_0005, "access is denied", ADMINISTRATOR),
    (0x8007_0006, "the handle is invalid", ""),
    (0x8007_000E, "not enough memory", "close some programs"),
    (0x8007_0057, "an argument is wrong", UPDATE),
    (0x8007_0490, "no such thing", SWITCHES),
    (0x8037_0102, "there is no hypervisor", PLATFORM),
    (0x8037_0105, "the VM is not in a state for that", ""),
    (
        0x8037_0109,
        "the service that runs VMs does not answer",
        "restart Windows",
    ),
    (0x8037_010A, "the connection to the VM was closed", ""),
    (
        0x8037_010D,
        "Windows does not understand the document",
        UPDATE,
    ),
    (0x8037_010E, "there is no such VM", ""),
    (0x8037_0110, "the VM has stopped already", ""),
    (
        0x8037_0114,
        "the service that runs VMs (vmcompute) is not there",
        PLATFORM,
    ),
    (0x8037_0115, "the operation was not started", ""),
    (0x8037_0116, "the operation is already running", ""),
    (0x8037_0117, "the operation is still running", ""),
    (
        0x8037_0118,
        "the operation took too long",
        "restart WSL (wsl --shutdown)",
    ),
    (0x8037_0119, "this handle has a callback already", ""),
    (0x8037_011B, "access is denied", ADMINISTRATOR),
    (
        0x8037_011E,
        "the service that runs VMs has ended the connection",
        "",
    ),
    (0x803B_0001, "there is no such network", ""),
    (0x803B_0002, "there is no such endpoint", ""),
    (0x803B_0004, "there is no such virtual switch", RESTART_HNS),
    (
        0x803B_0006,
        "there is no such network card, or another switch has it",
        SWITCHES,
    ),
    (0x803B_000A, "the network is invalid", RESTART_HNS),
    (0x803B_000B, "this kind of network is not to be had", UPDATE),
    (0x803B_000C, "the endpoint is invalid", ""),
    (0x803B_000D, "a policy is invalid", UPDATE),
    (
        0x803B_0010,
        "a network with this name is there already",
        "remove or rename it",
    ),
    (0x803B_0013, "an endpoint with this id is there already", ""),
    (0x803B_0014, "the endpoint is attached already", ""),
    (
        0x803B_0015,
        "Windows can't do that with this network",
        UPDATE,
    ),
    (0x803B_0019, "an id is no GUID", ""),
    (
        0x803B_001B,
        "Windows does not understand the document",
        UPDATE,
    ),
    (
        0x803B_0020,
        "the service that keeps networks is stopping",
        RESTART_HNS,
    ),
    (
        0x803B_002C,
        "something still uses it",
        "shut WSL down (wsl --shutdown) and try again",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_shown_as_windows_does_and_in_words() {
        let attached = HResult::new(-2_143_617_004);
        assert_eq!(attached, HResult::HCN_ENDPOINT_ALREADY_ATTACHED);
        assert_eq!(attached.to_string(), "0x803B0014");
        assert_eq!(attached.meaning(), Some("the endpoint is attached already"));
        assert_eq!(attached.advice(), None);
        assert!(
            HResult::HCS_ACCESS_DENIED
                .advice()
                .is_some_and(|advice| advice == ADMINISTRATOR)
        );
        assert_eq!(HResult(0x8765_4321).meaning(), None);
    }

    #[test]
    fn failures_have_the_highest_bit_set() {
        assert!(HResult::INVALID_ARGUMENT.is_failure());
        assert!(!HResult(0).is_failure());
        // S_FALSE, and HCS_S_… where an operation goes on.
        assert!(!HResult(1).is_failure());
    }

    #[test]
    fn every_code_is_there_once_and_in_order() {
        assert!(CODES.is_sorted_by(|one, other| one.0 < other.0));
    }
}
