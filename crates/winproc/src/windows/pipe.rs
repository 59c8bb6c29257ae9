//! Named pipes: how commands talk to the service.

use std::io;
use std::mem;
use std::os::windows::io::{
    AsHandle, AsRawHandle, BorrowedHandle, FromRawHandle, IntoRawHandle, OwnedHandle,
};
use std::ptr;
use std::time::Duration;

use tokio::net::windows::named_pipe::{NamedPipeClient, NamedPipeServer, ServerOptions};
use tokio::time::{Instant, sleep};
use windows_sys::Win32::Foundation::{
    ERROR_ACCESS_DENIED, ERROR_FILE_NOT_FOUND, ERROR_NO_DATA, ERROR_PIPE_BUSY, INVALID_HANDLE_VALUE,
};
use windows_sys::Win32::Security::Authorization::SE_KERNEL_OBJECT;
use windows_sys::Win32::Security::TOKEN_QUERY;
use windows_sys::Win32::Storage::FileSystem::{
    CreateFileW, FILE_FLAG_OVERLAPPED, OPEN_EXISTING, SECURITY_IDENTIFICATION,
    SECURITY_SQOS_PRESENT,
};
use windows_sys::Win32::System::Pipes::ImpersonateNamedPipeClient;
use windows_sys::Win32::System::Threading::{GetCurrentThread, OpenThreadToken};

use super::ffi::{check, is, wide};
use super::security::{SecurityDescriptor, check_owner};
use super::token::{Revert, belongs_to, sid_of};
use crate::access::{Access, AccessList};
use crate::error::Error;
use crate::sid::Sid;

/// How long a client waits before it tries again while all ends of the pipe are taken.
const PAUSE: Duration = Duration::from_millis(20);

fn path(name: &str) -> String {
    format!(r"\\.\pipe\{name}")
}

/// The server's end of a named pipe, for clients on this PC only.
#[derive(Debug)]
pub struct PipeListener {
    path: String,
    descriptor: SecurityDescriptor,
    /// What the next client connects to. There is always one: without it the name would be free.
    next: NamedPipeServer,
}

impl PipeListener {
    /// Takes the name, which nobody else may have, and listens. Needs an administrator's rights.
    ///
    /// # Errors
    /// [`Error::PipeTaken`], or when Windows refuses.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn bind(name: &str, access: &AccessList) -> Result<Self, Error> {
        let path = path(name);
        let refused = || Error::refused(format!("listen on the pipe {name}"));
        let descriptor = SecurityDescriptor::parse(&access.sddl()).map_err(refused())?;
        match instance(&path, &descriptor, true) {
            Ok(next) => Ok(Self {
                path,
                descriptor,
                next,
            }),
            // So Windows says if there is a pipe and this is to be the first one.
            Err(source) if is(&source, ERROR_ACCESS_DENIED) => Err(Error::PipeTaken {
                name: name.to_owned(),
                source,
            }),
            Err(source) => Err(refused()(source)),
        }
    }

    /// Waits for a client. May be dropped while it waits.
    ///
    /// # Errors
    /// When Windows refuses; it can be called again.
    pub async fn accept(&mut self) -> io::Result<NamedPipeServer> {
        loop {
            match self.next.connect().await {
                Ok(()) => break,
                // The client has come and gone before we looked: this end can't be used again as it is.
                Err(error) if is(&error, ERROR_NO_DATA) => self.next.disconnect()?,
                Err(error) => return Err(error),
            }
        }
        let following = instance(&self.path, &self.descriptor, false)?;
        Ok(mem::replace(&mut self.next, following))
    }
}

fn instance(
    path: &str,
    descriptor: &SecurityDescriptor,
    first: bool,
) -> io::Result<NamedPipeServer> {
    let mut attributes = descriptor.attributes();
    let mut options = ServerOptions::new();
    options
        .first_pipe_instance(first)
        .reject_remote_clients(true);
    // SAFETY: it is a `SECURITY_ATTRIBUTES`, and its descriptor is still there.
    unsafe { options.create_with_security_attributes_raw(path, (&raw mut attributes).cast()) }
}

/// Who a client of a pipe is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user.
    pub sid: Sid,
    /// Whether the program runs with an administrator's rights, not just for a user who could have them.
    pub is_administrator: bool,
}

impl Identity {
    /// Asks Windows who has connected. Something must have been read from the client before
    /// (`ImpersonateNamedPipeClient`).
    ///
    /// # Errors
    /// When Windows refuses; the client is nobody to trust then.
    pub fn of_client(pipe: &NamedPipeServer) -> Result<Self, Error> {
        client_token(pipe)
            .and_then(|token| Self::of_token(token.as_handle()))
            .map_err(Error::refused("see who is connected to the pipe"))
    }

    fn of_token(token: BorrowedHandle<'_>) -> io::Result<Self> {
        Ok(Self {
            sid: sid_of(token)?,
            is_administrator: belongs_to(Some(token), &Sid::ADMINISTRATORS)?,
        })
    }
}

/// The token that a client has let us see. This thread acts for the client no longer than that takes.
fn client_token(pipe: &NamedPipeServer) -> io::Result<OwnedHandle> {
    // SAFETY: the handle is a pipe's.
    check(unsafe { ImpersonateNamedPipeClient(pipe.as_raw_handle()) })?;
    let _revert = Revert;
    let mut token = ptr::null_mut();
    // It is opened with our own rights: the client's are for being looked at only.
    // SAFETY: the result goes to a variable of its type.
    check(unsafe { OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, 1, &raw mut token) })?;
    // SAFETY: the call has given an open handle, to be closed by its caller.
    Ok(unsafe { OwnedHandle::from_raw_handle(token) })
}

/// Connects to a service's pipe. The service sees who this is, and can't act in our name. While all ends
/// of the pipe are taken it waits, up to the limit.
///
/// # Errors
/// [`Error::NoPipe`]; [`Error::Foreign`] if no administrator has made the pipe; or when Windows refuses.
///
/// # Panics
/// Outside a tokio runtime.
pub async fn connect(name: &str, limit: Duration) -> Result<NamedPipeClient, Error> {
    let refused = || Error::refused(format!("connect to the pipe {name}"));
    let path = wide(path(name)).map_err(refused())?;
    let end = Instant::now() + limit;
    let handle = loop {
        match open(&path) {
            Ok(handle) => break handle,
            Err(error) if is(&error, ERROR_PIPE_BUSY) && Instant::now() < end => sleep(PAUSE).await,
            Err(source) if is(&source, ERROR_FILE_NOT_FOUND) => {
                return Err(Error::NoPipe {
                    name: name.to_owned(),
                    source,
                });
            }
            Err(source) => return Err(refused()(source)),
        }
    };
    check_owner(
        handle.as_handle(),
        SE_KERNEL_OBJECT,
        &format!("the pipe {name}"),
    )?;
    // SAFETY: the handle is a pipe's, opened for overlapped use, and nobody else's.
    unsafe { NamedPipeClient::from_raw_handle(handle.into_raw_handle()) }.map_err(refused())
}

/// Opens the client's end; the path ends with a zero. It asks for no more than a client gets: tokio would
/// ask for `GENERIC_WRITE`, and be refused (see [`Access::CONNECT`]).
fn open(path: &[u16]) -> io::Result<OwnedHandle> {
    // SAFETY: the path ends with a zero.
    let handle = unsafe {
        CreateFileW(
            path.as_ptr(),
            Access::CONNECT,
            0,
            ptr::null(),
            OPEN_EXISTING,
            FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION,
            ptr::null_mut(),
        )
    };
    if handle == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call has given an open handle, to be closed by its caller.
    Ok(unsafe { OwnedHandle::from_raw_handle(handle) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use windows_sys::Win32::Security::{
        CreateRestrictedToken, DuplicateToken, SID_AND_ATTRIBUTES, SecurityIdentification,
        TOKEN_DUPLICATE,
    };
    use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

    /// What a pipe's server sees of a client that runs as this process, without some of its groups.
    fn client(without: &[&Sid]) -> OwnedHandle {
        let groups: Vec<Vec<u8>> = without.iter().map(|group| group.to_bytes()).collect();
        let disabled: Vec<SID_AND_ATTRIBUTES> = groups
            .iter()
            .map(|group| SID_AND_ATTRIBUTES {
                Sid: group.as_ptr().cast_mut().cast(),
                Attributes: 0,
            })
            .collect();
        let [mut own, mut restricted, mut seen] = [ptr::null_mut(); 3];
        let (access, none) = (TOKEN_QUERY | TOKEN_DUPLICATE, ptr::null());
        // SAFETY: the results go to variables of their types, of which each call makes the next one's
        // handle; the groups are there.
        unsafe {
            check(OpenProcessToken(GetCurrentProcess(), access, &raw mut own)).unwrap();
            let own = OwnedHandle::from_raw_handle(own);
            let count = disabled.len() as u32;
            check(CreateRestrictedToken(
                own.as_raw_handle(),
                0,
                count,
                disabled.as_ptr(),
                0,
                none,
                0,
                ptr::null(),
                &raw mut restricted,
            ))
            .unwrap();
            let restricted = OwnedHandle::from_raw_handle(restricted);
            let restricted = restricted.as_raw_handle();
            check(DuplicateToken(
                restricted,
                SecurityIdentification,
                &raw mut seen,
            ))
            .unwrap();
            OwnedHandle::from_raw_handle(seen)
        }
    }

    #[test]
    fn an_administrator_without_consent_is_none() {
        let with = Identity::of_token(client(&[]).as_handle()).unwrap();
        let without = Identity::of_token(client(&[&Sid::ADMINISTRATORS]).as_handle()).unwrap();
        assert!(with.is_administrator);
        assert!(!without.is_administrator);
        assert_eq!(with.sid, without.sid);
    }
}
