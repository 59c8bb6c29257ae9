//! Whose WSL is used.

use winproc::{Account, Session, SessionId, SessionState};

/// A user who is logged on.
#[derive(Clone, Debug)]
pub(super) struct Seat {
    pub(super) session: SessionId,
    pub(super) account: Account,
}

/// The same user elsewhere has the same WSL.
impl PartialEq for Seat {
    fn eq(&self, other: &Self) -> bool {
        self.account.sid == other.account.sid
    }
}

impl Seat {
    /// The user at the PC's own screen goes first, then those at others, then those who are away.
    pub(super) fn choose(sessions: Vec<Session>) -> Option<Self> {
        let mut seats = sessions.into_iter().filter_map(|session| {
            let is_there = matches!(
                session.state,
                SessionState::Active | SessionState::Disconnected
            );
            let account = session.user.filter(|_| is_there)?;
            Some(Self {
                session: session.id,
                account,
            })
        });
        seats.next()
    }
}
