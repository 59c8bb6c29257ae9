//! What is done for the user who is logged on. This needs LocalSystem. Under Wine everybody is it; on a
//! PC the tests are run by a service, with `--include-ignored`.
#![cfg(windows)]
#![expect(
    unsafe_code,
    reason = "a test looks whether its thread acts for somebody"
)]

mod support;

use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::ptr;

use support::{LONG, child};
use windows_sys::Win32::Foundation::{CloseHandle, ERROR_NO_TOKEN};
use windows_sys::Win32::Security::TOKEN_QUERY;
use windows_sys::Win32::System::Threading::{GetCurrentThread, OpenThreadToken};
use winproc::{Error, LoggedOn, SessionId, SessionState, User, UserToken, Users};

fn console() -> UserToken {
    let sessions = LoggedOn.sessions().expect("sessions");
    UserToken::of_session(sessions[0].id).expect("a user")
}

#[test]
#[cfg_attr(target_env = "msvc", ignore = "needs LocalSystem")]
fn somebody_sits_at_the_console() {
    let sessions = LoggedOn.sessions().unwrap();
    assert!(sessions[0].console);
    assert_eq!(sessions[0].state, SessionState::Active);
    assert!(sessions[1..].iter().all(|session| !session.console));

    let account = sessions[0].user.clone().unwrap();
    let user = LoggedOn.user(sessions[0].id).unwrap();
    assert_eq!(user.account(), &account);
    let name = std::env::var("USERNAME").unwrap();
    assert!(account.name.ends_with(&format!(r"\{name}")), "{account:?}");
    assert!(account.sid.to_string().starts_with("S-1-5-21-"));
    assert_eq!(
        user.profile(),
        Path::new(&std::env::var("USERPROFILE").unwrap())
    );
}

#[test]
#[cfg_attr(target_env = "msvc", ignore = "needs LocalSystem")]
fn a_program_as_the_user() {
    let names = ["USERNAME", "USERPROFILE", "WSL_UTF8"];
    let command = child("variable").arguments(names).variable("WSL_UTF8", "1");
    let user = console();
    let output = user.spawn(&command).unwrap().output(LONG).unwrap();
    let (_, name) = user.account().name.split_once('\\').unwrap();
    let expected = format!("Some({name:?})\nSome({:?})\nSome(\"1\")\n", user.profile());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    assert_eq!((output.code, output.stderr), (7, Vec::new()));
}

#[test]
#[cfg_attr(target_env = "msvc", ignore = "needs LocalSystem")]
fn files_of_the_user() {
    let user = console();
    let directory = tempfile::tempdir_in(user.profile()).unwrap();
    let file = directory.path().join(".wslconfig");
    assert_eq!(user.read(&file).unwrap(), None);
    for contents in [b"one", b"two"] {
        user.write(&file, contents).unwrap();
        assert_eq!(user.read(&file).unwrap().as_deref(), Some(&contents[..]));
    }
    user.remove(&file).unwrap();
    user.remove(&file).unwrap();
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    let error = user
        .write(&directory.path().join("no/such"), b"")
        .unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error}");
}

/// Whether this thread acts for somebody.
fn impersonates() -> bool {
    let mut token = ptr::null_mut();
    // SAFETY: the result goes to a variable of its type.
    if unsafe { OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, 1, &raw mut token) } == 0 {
        let error = io::Error::last_os_error().raw_os_error();
        assert_eq!(error, Some(ERROR_NO_TOKEN.cast_signed()));
        return false;
    }
    // SAFETY: the handle is open, and nobody uses it any more.
    unsafe { CloseHandle(token) };
    true
}

#[test]
#[cfg_attr(target_env = "msvc", ignore = "needs LocalSystem")]
fn a_thread_gets_its_own_rights_back() {
    let user = console();
    assert!(!impersonates());
    assert!(user.impersonate(impersonates).unwrap());
    assert!(!impersonates());
    let panics = || user.impersonate(|| assert!(!impersonates()));
    assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
    assert!(!impersonates());
}

#[test]
#[cfg_attr(target_env = "msvc", ignore = "needs LocalSystem")]
fn errors_name_the_session() {
    // Wine knows no other sessions, and gives the same user for all of them.
    if let Err(error) = UserToken::of_session(SessionId(4711)) {
        assert!(
            matches!(error, Error::NobodyThere(SessionId(4711))),
            "{error}"
        );
    }
}
