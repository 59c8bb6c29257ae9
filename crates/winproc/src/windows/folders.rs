//! Where Windows keeps things.

use std::ffi::OsString;
use std::io;
use std::os::windows::ffi::OsStringExt;
use std::path::PathBuf;
use std::ptr;

use windows_strings::PCWSTR;
use windows_sys::Win32::System::Com::CoTaskMemFree;
use windows_sys::Win32::UI::Shell::{
    FOLDERID_ProgramData, FOLDERID_ProgramFiles, FOLDERID_System, KF_FLAG_DEFAULT,
    SHGetKnownFolderPath,
};
use windows_sys::core::{GUID, PWSTR};

use crate::error::Error;

/// A folder of the PC's, the same for all users. The environment names them, too, but any user can have
/// another environment for a program that an administrator then agrees to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownFolder {
    /// What programs keep for all users: `C:\ProgramData`.
    ProgramData,
    /// Programs of this program's kind: `C:\Program Files`.
    ProgramFiles,
    /// Windows' own programs: `C:\Windows\System32`.
    System,
}

impl KnownFolder {
    /// Where it is (`SHGetKnownFolderPath`).
    ///
    /// # Errors
    /// When Windows does not know.
    pub fn path(self) -> Result<PathBuf, Error> {
        let id = match self {
            Self::ProgramData => FOLDERID_ProgramData,
            Self::ProgramFiles => FOLDERID_ProgramFiles,
            Self::System => FOLDERID_System,
        };
        path(&id).map_err(Error::refused(format!("find the folder {self:?}")))
    }
}

fn path(id: &GUID) -> io::Result<PathBuf> {
    let mut text: PWSTR = ptr::null_mut();
    // SAFETY: both places are there; no token means no user in particular.
    let result = unsafe {
        SHGetKnownFolderPath(
            id,
            KF_FLAG_DEFAULT.cast_unsigned(),
            ptr::null_mut(),
            &raw mut text,
        )
    };
    // SAFETY: Windows gives a text that ends with zero, or leaves the null; it is the caller's.
    let path = unsafe { take(text) };
    match path {
        Some(path) if result >= 0 => Ok(path),
        _ => Err(io::Error::from_raw_os_error(result)),
    }
}

/// # Safety
/// The pointer is null, or text that ends with zero, was made by `CoTaskMemAlloc`, and is nobody else's.
unsafe fn take(text: PWSTR) -> Option<PathBuf> {
    if text.is_null() {
        return None;
    }
    let units = PCWSTR(text);
    // SAFETY: the text ends with zero.
    let path = OsString::from_wide(unsafe { units.as_wide() }).into();
    // SAFETY: as the caller promises; nobody reads it from here on.
    unsafe { CoTaskMemFree(text.cast()) };
    Some(path)
}
