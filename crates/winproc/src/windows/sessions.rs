//! Who is logged on.

use std::io;
use std::ptr;
use std::slice;

use windows_sys::Win32::System::RemoteDesktop::{
    WTS_CURRENT_SERVER_HANDLE, WTS_SESSION_INFOW, WTSEnumerateSessionsW, WTSFreeMemory,
    WTSGetActiveConsoleSessionId,
};

use super::ffi::check;
use super::token::UserToken;
use crate::error::Error;
use crate::session::{Account, Session, SessionId, SessionState};
use crate::user::{User, Users};

/// What [`WTSGetActiveConsoleSessionId`] says while nobody is attached to the console.
const NO_CONSOLE: u32 = u32::MAX;

/// The users who are logged on to this PC.
#[derive(Clone, Copy, Debug)]
pub struct LoggedOn;

impl Users for LoggedOn {
    fn sessions(&self) -> Result<Vec<Session>, Error> {
        let mut list = enumerate().map_err(Error::refused("list the sessions"))?;
        // SAFETY: the call takes nothing.
        let console = unsafe { WTSGetActiveConsoleSessionId() };
        // It is among them on Windows. Wine lists none.
        if console != NO_CONSOLE && list.iter().all(|(id, _)| *id != SessionId(console)) {
            list.push((SessionId(console), SessionState::Active));
        }
        let mut sessions = Vec::new();
        for (id, state) in list {
            sessions.push(Session {
                id,
                console: id == SessionId(console),
                state,
                user: who(id)?,
            });
        }
        Session::sort(&mut sessions);
        Ok(sessions)
    }

    fn user(&self, session: SessionId) -> Result<Box<dyn User>, Error> {
        Ok(Box::new(UserToken::of_session(session)?))
    }
}

/// Who is logged on there. A session may have gone meanwhile.
fn who(session: SessionId) -> Result<Option<Account>, Error> {
    match UserToken::of_session(session) {
        Ok(token) => Ok(Some(token.account().clone())),
        Err(Error::NobodyThere(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn enumerate() -> io::Result<Vec<(SessionId, SessionState)>> {
    let mut sessions: *mut WTS_SESSION_INFOW = ptr::null_mut();
    let mut count = 0;
    // SAFETY: the results go to variables of their types. The version must be 1.
    check(unsafe {
        WTSEnumerateSessionsW(
            WTS_CURRENT_SERVER_HANDLE,
            0,
            1,
            &raw mut sessions,
            &raw mut count,
        )
    })?;
    if sessions.is_null() {
        return Ok(Vec::new());
    }
    // SAFETY: Windows has written so many of them there.
    let list = unsafe { slice::from_raw_parts(sessions, count as usize) }
        .iter()
        .map(|session| (SessionId(session.SessionId), session.State.into()))
        .collect();
    // SAFETY: the memory is Windows' and nobody uses it any more.
    unsafe { WTSFreeMemory(sessions.cast()) };
    Ok(list)
}
