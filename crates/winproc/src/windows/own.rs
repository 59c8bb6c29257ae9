//! What this process does in its own name.

use std::io;
use std::os::windows::io::{AsHandle, FromRawHandle, OwnedHandle};
use std::ptr;
use std::thread;

use windows_sys::Win32::Foundation::ERROR_CANCELLED;
use windows_sys::Win32::System::Com::{
    COINIT_APARTMENTTHREADED, COINIT_DISABLE_OLE1DDE, CoInitializeEx, CoUninitialize,
};
use windows_sys::Win32::System::Environment::{FreeEnvironmentStringsW, GetEnvironmentStringsW};
use windows_sys::Win32::UI::Shell::{
    SEE_MASK_NOASYNC, SEE_MASK_NOCLOSEPROCESS, SHELLEXECUTEINFOW, ShellExecuteExW,
};
use windows_sys::Win32::UI::WindowsAndMessaging::SW_SHOWNORMAL;

use super::ffi::{check, is, wide};
use super::spawn::{read_block, start, wait};
use super::token::belongs_to;
use crate::child::{ExitCode, UserChild};
use crate::command::UserCommand;
use crate::environment::Environment;
use crate::error::Error;
use crate::sid::Sid;

/// Whether this process has an administrator's rights, not just a user who could have them.
///
/// # Errors
/// When Windows refuses.
pub fn is_elevated() -> Result<bool, Error> {
    belongs_to(None, &Sid::ADMINISTRATORS).map_err(Error::refused("read this process' own rights"))
}

/// Starts a program as the user that this process runs as, without a window.
///
/// # Errors
/// As [`crate::User::spawn`].
pub fn run(command: &UserCommand) -> Result<UserChild, Error> {
    let environment = environment().map_err(Error::refused("read the environment"))?;
    start(None, environment, command)
}

fn environment() -> io::Result<Environment> {
    // SAFETY: the call takes nothing.
    let block = unsafe { GetEnvironmentStringsW() };
    if block.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: Windows has made a copy of the block, which nobody else uses.
    let environment = unsafe { read_block(block) };
    // SAFETY: as above; nobody uses it from here on.
    check(unsafe { FreeEnvironmentStringsW(block) })?;
    Ok(environment)
}

/// Asks for an administrator's consent, runs a program with these rights in a window of its own, and
/// waits for its end. Its environment is a new one: the command must not have variables.
///
/// # Errors
/// [`Error::Declined`], or when the program does not start.
pub fn run_elevated(command: &UserCommand) -> Result<ExitCode, Error> {
    let parameters = command.parameters()?;
    let program = command.program().as_str();
    // The call may need COM, in a way that this thread may not have it.
    let thread = thread::scope(|scope| {
        scope
            .spawn(|| elevate(program, &parameters))
            .join()
            .expect("asking does not panic")
    });
    thread.map_err(|source| {
        if is(&source, ERROR_CANCELLED) {
            return Error::Declined;
        }
        Error::Start {
            program: command.program().clone(),
            source,
        }
    })
}

fn elevate(program: &str, parameters: &str) -> io::Result<ExitCode> {
    let (verb, program, parameters) = (wide("runas")?, wide(program)?, wide(parameters)?);
    let _com = Com::initialize()?;
    let mut request = SHELLEXECUTEINFOW {
        cbSize: size_of::<SHELLEXECUTEINFOW>() as u32,
        fMask: SEE_MASK_NOCLOSEPROCESS | SEE_MASK_NOASYNC,
        lpVerb: verb.as_ptr(),
        lpFile: program.as_ptr(),
        lpParameters: parameters.as_ptr(),
        nShow: SW_SHOWNORMAL,
        ..SHELLEXECUTEINFOW::default()
    };
    // SAFETY: the structure has its size, and the texts end with a zero.
    check(unsafe { ShellExecuteExW(&raw mut request) })?;
    if request.hProcess.is_null() {
        return Err(io::Error::other(
            "Windows did not say which process it started",
        ));
    }
    // SAFETY: the mask asks for an open handle, to be closed by the caller.
    let process = unsafe { OwnedHandle::from_raw_handle(request.hProcess) };
    let code = wait(process.as_handle(), None)?;
    Ok(code.expect("without a limit, the end is what is waited for"))
}

/// COM for this thread, as `ShellExecuteEx` is documented to need it.
struct Com;

impl Com {
    fn initialize() -> io::Result<Self> {
        let mode = COINIT_APARTMENTTHREADED | COINIT_DISABLE_OLE1DDE;
        // SAFETY: the first argument must be null.
        let result = unsafe { CoInitializeEx(ptr::null(), mode.cast_unsigned()) };
        if result < 0 {
            return Err(io::Error::from_raw_os_error(result));
        }
        Ok(Self)
    }
}

impl Drop for Com {
    fn drop(&mut self) {
        // SAFETY: it was initialized on this thread; the value does not leave it.
        unsafe { CoUninitialize() };
    }
}
