//! Sessions: a desktop and who is logged on there.

use std::cmp::Reverse;
use std::fmt;

use crate::sid::Sid;

/// A session's number. It is given anew after a log-off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub u32);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Account {
    /// What Windows knows the user by.
    pub sid: Sid,
    /// For people: `DESKTOP-1234\Ada`, or the identifier where Windows has no name for it.
    pub name: String,
}

/// Whether somebody sits there (`WTS_CONNECTSTATE_CLASS`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SessionState {
    /// A user is logged on and connected.
    Active,
    /// Connected, but nobody has logged on yet.
    Connected,
    /// A user is logged on, but another one sits there now.
    Disconnected,
    /// Another state, by its number.
    Other(i32),
}

impl From<i32> for SessionState {
    fn from(number: i32) -> Self {
        match number {
            0 => Self::Active,
            1 => Self::Connected,
            4 => Self::Disconnected,
            other => Self::Other(other),
        }
    }
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its number.
    pub id: SessionId,
    /// Whether it is the one at the PC's own screen and keyboard.
    pub console: bool,
    /// Whether somebody sits there.
    pub state: SessionState,
    /// Who is logged on.
    pub user: Option<Account>,
}

impl Session {
    /// Puts the sessions into the order in which their users are asked for: the one at the PC first,
    /// then the others that are in use, then the rest.
    pub fn sort(sessions: &mut [Self]) {
        sessions.sort_by_key(|session| {
            let active = session.state == SessionState::Active;
            (Reverse(session.console), Reverse(active), session.id)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_console_comes_first() {
        let session = |id, console, state| Session {
            id: SessionId(id),
            console,
            state,
            user: None,
        };
        let mut sessions = [
            session(0, false, SessionState::Disconnected),
            session(5, false, SessionState::Active),
            session(2, false, SessionState::Disconnected),
            session(4, true, SessionState::Connected),
            session(3, false, SessionState::Active),
        ];
        Session::sort(&mut sessions);
        assert_eq!(sessions.map(|session| session.id.0), [4, 3, 5, 0, 2]);
    }

    /// `WTSActive`, `WTSConnected`, `WTSDisconnected` and `WTSListen` of `wtsapi32.h`.
    #[test]
    fn states() {
        assert_eq!(
            [0, 1, 4, 6].map(SessionState::from),
            [
                SessionState::Active,
                SessionState::Connected,
                SessionState::Disconnected,
                SessionState::Other(6)
            ]
        );
    }
}
