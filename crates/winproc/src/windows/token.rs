//! Access tokens: whom a thread or a program acts for.

use std::ffi::OsString;
use std::io;
use std::os::windows::ffi::OsStringExt;
use std::os::windows::io::{AsHandle, AsRawHandle, BorrowedHandle, FromRawHandle, OwnedHandle};
use std::path::{Path, PathBuf};
use std::process::abort;
use std::{fs, ptr};

use windows_sys::Win32::Foundation::{
    ERROR_CTX_WINSTATION_NOT_FOUND, ERROR_FILE_NOT_FOUND, ERROR_NO_TOKEN, ERROR_PRIVILEGE_NOT_HELD,
};
use windows_sys::Win32::Security::{
    CheckTokenMembership, GetTokenInformation, ImpersonateLoggedOnUser, LookupAccountSidW,
    RevertToSelf, TOKEN_QUERY, TOKEN_USER, TokenUser,
};
use windows_sys::Win32::System::Environment::{CreateEnvironmentBlock, DestroyEnvironmentBlock};
use windows_sys::Win32::System::RemoteDesktop::WTSQueryUserToken;
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};
use windows_sys::Win32::UI::Shell::GetUserProfileDirectoryW;

use super::ffi::{check, is};
use super::file::write_like;
use super::security::read_sid;
use super::spawn::{self, start};
use crate::child::UserChild;
use crate::command::UserCommand;
use crate::environment::Environment;
use crate::error::Error;
use crate::session::{Account, SessionId};
use crate::sid::Sid;
use crate::user::User;

/// The right to act for the user of a session.
#[derive(Debug)]
pub struct UserToken {
    handle: OwnedHandle,
    account: Account,
    profile: PathBuf,
}

impl UserToken {
    /// Takes the token of a session's user: without an administrator's rights, even if the user is one.
    ///
    /// # Errors
    /// [`Error::NobodyThere`], [`Error::NotSystem`], or when Windows refuses.
    pub fn of_session(session: SessionId) -> Result<Self, Error> {
        let mut handle = ptr::null_mut();
        // SAFETY: the result goes to a variable of its type.
        let result = check(unsafe { WTSQueryUserToken(session.0, &raw mut handle) });
        result.map_err(|source| refusal(session, source))?;
        // SAFETY: the call gives an open handle, to be closed by its caller.
        let handle = unsafe { OwnedHandle::from_raw_handle(handle) };

        let what = |part: &str| Error::refused(format!("read {part} of session {session}'s user"));
        let sid = sid_of(handle.as_handle()).map_err(what("the identifier"))?;
        let profile = profile_of(handle.as_handle()).map_err(what("the profile's path"))?;
        Ok(Self {
            handle,
            account: Account {
                name: name_of(&sid),
                sid,
            },
            profile,
        })
    }

    /// Does something with the user's rights: this thread has them meanwhile. Must not be called while
    /// it acts for somebody already.
    ///
    /// # Errors
    /// When Windows refuses; nothing was done then.
    pub fn impersonate<T>(&self, work: impl FnOnce() -> T) -> Result<T, Error> {
        // SAFETY: the handle is a token's, and open.
        check(unsafe { ImpersonateLoggedOnUser(self.handle.as_raw_handle()) })
            .map_err(Error::refused(format!("act for {}", self.account.name)))?;
        let _revert = Revert;
        Ok(work())
    }

    fn environment(&self) -> io::Result<Environment> {
        let mut block = ptr::null_mut();
        // SAFETY: the handle is a token's, and the result goes to a variable of its type.
        check(unsafe { CreateEnvironmentBlock(&raw mut block, self.handle.as_raw_handle(), 0) })?;
        // SAFETY: Windows has made a block, which nobody else uses.
        let environment = unsafe { spawn::read_block(block.cast()) };
        // SAFETY: as above; nobody uses it from here on.
        check(unsafe { DestroyEnvironmentBlock(block) })?;
        Ok(environment)
    }
}

impl User for UserToken {
    fn account(&self) -> &Account {
        &self.account
    }

    fn profile(&self) -> &Path {
        &self.profile
    }

    fn spawn(&self, command: &UserCommand) -> Result<UserChild, Error> {
        let who = &self.account.name;
        let environment = self
            .environment()
            .map_err(Error::refused(format!("read the environment of {who}")))?;
        start(Some(self.handle.as_handle()), environment, command)
    }

    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, Error> {
        let operation = format!("read {}", path.display());
        match self.impersonate(|| fs::read(path))? {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::refused(operation)(error)),
        }
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), Error> {
        self.impersonate(|| write_like(path, bytes))?
    }

    fn remove(&self, path: &Path) -> Result<(), Error> {
        let operation = format!("delete {}", path.display());
        match self.impersonate(|| fs::remove_file(path))? {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::refused(operation)(error))
            }
            _ => Ok(()),
        }
    }
}

/// Why there is no token. Windows says that there is no session, or nobody in it, in several ways.
fn refusal(session: SessionId, source: io::Error) -> Error {
    const NOBODY: [u32; 3] = [
        ERROR_NO_TOKEN,
        ERROR_FILE_NOT_FOUND,
        ERROR_CTX_WINSTATION_NOT_FOUND,
    ];
    if NOBODY.iter().any(|&code| is(&source, code)) {
        return Error::NobodyThere(session);
    }
    if is(&source, ERROR_PRIVILEGE_NOT_HELD) {
        return Error::NotSystem { session, source };
    }
    Error::refused(format!("act for the user of session {session}"))(source)
}

/// Gives a thread its own rights back.
pub(super) struct Revert;

impl Drop for Revert {
    fn drop(&mut self) {
        // SAFETY: the call takes nothing.
        if unsafe { RevertToSelf() } == 0 {
            // The thread would go on with somebody else's rights: Windows' documentation says to stop.
            abort();
        }
    }
}

/// Whose token it is. The handle needs `TOKEN_QUERY`.
pub(super) fn sid_of(token: BorrowedHandle<'_>) -> io::Result<Sid> {
    // Room for a `TOKEN_USER` and the longest identifier behind it; of eight bytes each, because it
    // begins with a pointer.
    let mut buffer = [0u64; 16];
    let mut length = 0;
    // SAFETY: the handle is open, and the buffer has the length that is given.
    check(unsafe {
        GetTokenInformation(
            token.as_raw_handle(),
            TokenUser,
            buffer.as_mut_ptr().cast(),
            size_of_val(&buffer) as u32,
            &raw mut length,
        )
    })?;
    // SAFETY: the call has written one, and the buffer is aligned for it.
    let user = unsafe { buffer.as_ptr().cast::<TOKEN_USER>().read() };
    // SAFETY: the identifier is in the buffer, which is still there.
    unsafe { read_sid(user.User.Sid) }
}

/// Whom this process runs as.
pub(super) fn own_sid() -> io::Result<Sid> {
    let mut token = ptr::null_mut();
    // SAFETY: the result goes to a variable of its type.
    check(unsafe { OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &raw mut token) })?;
    // SAFETY: the call has given an open handle, to be closed by its caller.
    sid_of(unsafe { OwnedHandle::from_raw_handle(token) }.as_handle())
}

/// Whether a token's user belongs to a group, and may make use of it; `None` stands for this thread's.
/// An administrator who was not asked for consent may not use that group.
pub(super) fn belongs_to(token: Option<BorrowedHandle<'_>>, group: &Sid) -> io::Result<bool> {
    let group = group.to_bytes();
    let token = token.map_or(ptr::null_mut(), |token| token.as_raw_handle());
    let mut member = 0;
    // SAFETY: the handle is open or null, the group a valid identifier, the result of its type.
    check(unsafe {
        CheckTokenMembership(token, group.as_ptr().cast_mut().cast(), &raw mut member)
    })?;
    Ok(member != 0)
}

/// What people call a user. Windows may not know, for it has to ask the domain.
fn name_of(sid: &Sid) -> String {
    let bytes = sid.to_bytes();
    // Users' and domains' names have 256 characters at most (`UNLEN`, `DNLEN`).
    let (mut name, mut domain) = ([0u16; 257], [0u16; 257]);
    let (mut name_length, mut domain_length) = (name.len() as u32, domain.len() as u32);
    let mut kind = 0;
    // SAFETY: the identifier is a valid one, and the buffers have the lengths that are given.
    let known = check(unsafe {
        LookupAccountSidW(
            ptr::null(),
            bytes.as_ptr().cast_mut().cast(),
            name.as_mut_ptr(),
            &raw mut name_length,
            domain.as_mut_ptr(),
            &raw mut domain_length,
            &raw mut kind,
        )
    });
    if known.is_err() {
        return sid.to_string();
    }
    let text = |units: &[u16], length: u32| String::from_utf16_lossy(&units[..length as usize]);
    format!(
        r"{}\{}",
        text(&domain, domain_length),
        text(&name, name_length)
    )
}

fn profile_of(token: BorrowedHandle<'_>) -> io::Result<PathBuf> {
    let mut length = 0;
    // The first call fails and tells the length, with the zero at its end.
    // SAFETY: no buffer is given, and the length goes to a variable of its type.
    unsafe {
        GetUserProfileDirectoryW(token.as_raw_handle(), ptr::null_mut(), &raw mut length);
    }
    let mut path = vec![0u16; length as usize];
    // SAFETY: the buffer has the length that is given.
    check(unsafe {
        GetUserProfileDirectoryW(token.as_raw_handle(), path.as_mut_ptr(), &raw mut length)
    })?;
    let end = path.iter().position(|&unit| unit == 0);
    Ok(OsString::from_wide(&path[..end.unwrap_or(path.len())]).into())
}
