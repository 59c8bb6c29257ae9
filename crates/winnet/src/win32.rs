//! Windows' error numbers in words.

use std::fmt;

/// What a Windows function gives (`winerror.h`); 0 is success.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Win32Error(pub u32);

/// The codes that decisions hang on.
impl Win32Error {
    /// `NO_ERROR`.
    pub const SUCCESS: Self = Self(0);
    /// `ERROR_ACCESS_DENIED`.
    pub const ACCESS_DENIED: Self = Self(5);
    /// `ERROR_INVALID_PARAMETER`.
    pub const INVALID_PARAMETER: Self = Self(87);
    /// `ERROR_NOT_FOUND`: no such interface, route or address.
    pub const NOT_FOUND: Self = Self(1168);
    /// `ERROR_OBJECT_ALREADY_EXISTS`.
    pub const OBJECT_ALREADY_EXISTS: Self = Self(5010);
}

impl Win32Error {
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

impl fmt::Display for Win32Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

const ADMINISTRATOR: &str = "run it as an administrator";
const RESTART: &str = "restart Windows";
const STACK: &str =
    "see whether the adapter has that protocol (its properties, TCP/IPv4 and TCP/IPv6)";

/// Codes, what they say, and what the user can do.
const CODES: &[(u32, &str, &str)] = &[
    (5, "access is denied", ADMINISTRATOR),
    (8, "there is not enough memory", "close some programs"),
    (50, "that is not supported", STACK),
    (87, "an argument is wrong", ""),
    (1168, "there is no such thing, or its interface is gone", ""),
    (1214, "the network name is not valid", ""),
    (1450, "resources of Windows are used up", RESTART),
    (1722, "the service that is needed does not answer", RESTART),
    (5010, "it is there already", ""),
];
