//! The numbers that say why a hub refuses.

use std::fmt;

/// Why the hub does not open a user connection. The text of the same frame says it in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OpenRefusal {
    /// 1: the destination answered with a reset.
    Refused,
    /// 2: the destination did not answer in time.
    TimedOut,
    /// 3: the hub's network has no way to that host.
    HostUnreachable,
    /// 4: the hub has no way to that network; often there is no IPv6.
    NetworkUnreachable,
    /// 5: the DNS has no address for the name.
    NameNotFound,
    /// 6: the hub's rules, or the user's, forbid this destination.
    NotAllowed,
    /// 7: the user has as many connections open as it may.
    UserLimit,
    /// 8: the hub itself failed, for example for lack of memory or ports.
    HubFailure,
    /// A code of a later hub.
    Other(u16),
}

/// Why the hub takes no user connections on this connection at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// 1: no version of the protocol is spoken by both.
    Version,
    /// 2: no user has this key.
    UnknownUser,
    /// 3: the user has as many connections to the hub as it may.
    UserLimit,
    /// 4: the hub is about to stop.
    Stopping,
    /// 5: the hub has as much to do as it can; later it may have time.
    Busy,
    /// A code of a later hub.
    Other(u16),
}

macro_rules! codes {
    ($name:ident { $($code:literal = $variant:ident, $text:literal;)+ }) => {
        /// Every number has a meaning: those without a name are [`Self::Other`].
        impl From<u16> for $name {
            fn from(code: u16) -> Self {
                match code {
                    $($code => Self::$variant,)+
                    code => Self::Other(code),
                }
            }
        }

        impl From<$name> for u16 {
            fn from(code: $name) -> Self {
                match code {
                    $($name::$variant => $code,)+
                    $name::Other(code) => code,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$variant => f.write_str($text),)+
                    Self::Other(code) => write!(f, "a reason that this version has no word for ({code})"),
                }
            }
        }
    };
}

codes!(OpenRefusal {
    1 = Refused, "the destination refused the connection";
    2 = TimedOut, "the destination did not answer in time";
    3 = HostUnreachable, "the hub can't reach the host";
    4 = NetworkUnreachable, "the hub can't reach the network";
    5 = NameNotFound, "the name has no address";
    6 = NotAllowed, "the hub does not allow this destination";
    7 = UserLimit, "the user has as many connections open as it may";
    8 = HubFailure, "the hub failed";
});

codes!(Refusal {
    1 = Version, "edge and hub have no version of the protocol in common";
    2 = UnknownUser, "the hub knows no user with this secret";
    3 = UserLimit, "the user has as many connections to the hub as it may";
    4 = Stopping, "the hub is about to stop";
    5 = Busy, "the hub is busy";
});
