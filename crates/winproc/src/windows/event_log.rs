//! Windows' event log.

use std::io;
use std::ptr;

use windows_registry::LOCAL_MACHINE;
use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::System::EventLog::{
    DeregisterEventSource, EVENTLOG_ERROR_TYPE, EVENTLOG_INFORMATION_TYPE, EVENTLOG_WARNING_TYPE,
    RegisterEventSourceW, ReportEventW,
};

use super::ffi::{check, wide};
use crate::error::Error;

/// Where the sources of the application log are registered.
const SOURCES: &str = r"SYSTEM\CurrentControlSet\Services\EventLog\Application";
/// A file of Windows' whose messages 1 to 1000 are nothing but the text given with them. Without one,
/// the Event Viewer shows an apology before each text.
const MESSAGES: &str = r"%SystemRoot%\System32\EventCreate.exe";
/// The number of our messages.
const MESSAGE: u32 = 1;
/// The most UTF-16 units of a text (`ReportEventW`).
const LONGEST: usize = 31_839;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Something does not work.
    Error,
    /// Something may not work.
    Warning,
    /// It was so intended.
    Information,
}

/// The application log, for what one source says.
#[derive(Debug)]
pub struct EventLog(HANDLE);

// SAFETY: Windows lets any thread use the handle.
unsafe impl Send for EventLog {}
// SAFETY: as above, and several at once.
unsafe impl Sync for EventLog {}

impl EventLog {
    /// Makes a source known, so that its texts are shown as they are. Needs an administrator's rights;
    /// may be repeated.
    ///
    /// # Errors
    /// When Windows refuses.
    pub fn register(source: &str) -> Result<(), Error> {
        let write = || {
            let key = LOCAL_MACHINE.create(format!(r"{SOURCES}\{source}"))?;
            key.set_expand_string("EventMessageFile", MESSAGES)?;
            let types = EVENTLOG_ERROR_TYPE | EVENTLOG_WARNING_TYPE | EVENTLOG_INFORMATION_TYPE;
            key.set_u32("TypesSupported", types.into())
        };
        write().map_err(win32).map_err(Error::refused(format!(
            "register the event source {source}"
        )))
    }

    /// Undoes it. May be repeated.
    ///
    /// # Errors
    /// When Windows refuses.
    pub fn unregister(source: &str) -> Result<(), Error> {
        let key = format!(r"{SOURCES}\{source}");
        match LOCAL_MACHINE.remove_tree(key).map_err(win32) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::refused(format!(
                "unregister the event source {source}"
            ))(error)),
            _ => Ok(()),
        }
    }

    /// Opens the log.
    ///
    /// # Errors
    /// When Windows refuses.
    pub fn open(source: &str) -> Result<Self, Error> {
        let refused = || Error::refused(format!("open the event log for {source}"));
        let name = wide(source).map_err(refused())?;
        // SAFETY: the name ends with a zero; no server is this PC.
        let log = unsafe { RegisterEventSourceW(ptr::null(), name.as_ptr()) };
        if log.is_null() {
            return Err(refused()(io::Error::last_os_error()));
        }
        Ok(Self(log))
    }

    /// Writes a text. What is too long for the log is cut off.
    ///
    /// # Errors
    /// When Windows refuses.
    pub fn report(&self, severity: Severity, text: &str) -> Result<(), Error> {
        let kind = match severity {
            Severity::Error => EVENTLOG_ERROR_TYPE,
            Severity::Warning => EVENTLOG_WARNING_TYPE,
            Severity::Information => EVENTLOG_INFORMATION_TYPE,
        };
        let units = text.encode_utf16().filter(|&unit| unit != 0);
        let mut text: Vec<u16> = units.take(LONGEST - 1).collect();
        text.push(0);
        let texts = [text.as_ptr()];
        let (user, data) = (ptr::null_mut(), ptr::null());
        // SAFETY: the handle is a log's; there is one text, which ends with a zero, and no data.
        check(unsafe { ReportEventW(self.0, kind, 0, MESSAGE, user, 1, 0, texts.as_ptr(), data) })
            .map_err(Error::refused("write to the event log"))
    }
}

impl Drop for EventLog {
    fn drop(&mut self) {
        // SAFETY: the handle is a log's, and nobody uses it any more.
        unsafe { DeregisterEventSource(self.0) };
    }
}

/// The registry's error as others give it: the crate makes a COM result of it (`HRESULT_FROM_WIN32`).
fn win32(error: impl Into<io::Error>) -> io::Error {
    let error = error.into();
    match error.raw_os_error() {
        Some(code) if code.cast_unsigned() >> 16 == 0x8007 => {
            io::Error::from_raw_os_error(code & 0xFFFF)
        }
        _ => error,
    }
}
