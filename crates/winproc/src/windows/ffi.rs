//! What most calls need: texts, results, and memory to give back.

use std::ffi::{OsStr, c_void};
use std::io;
use std::os::windows::ffi::OsStrExt;

use windows_sys::Win32::Foundation::LocalFree;
use windows_sys::core::BOOL;

/// A text as Windows takes it: in UTF-16, with a zero at its end.
pub(super) fn wide(text: impl AsRef<OsStr>) -> io::Result<Vec<u16>> {
    let mut units: Vec<u16> = text.as_ref().encode_wide().collect();
    if units.contains(&0) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "a text for Windows can't hold a null character",
        ));
    }
    units.push(0);
    Ok(units)
}

/// The error of a call that says 0 when it fails.
pub(super) fn check(result: BOOL) -> io::Result<()> {
    if result == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Whether Windows has said this error, one of its `ERROR_…`.
pub(super) fn is(error: &io::Error, code: u32) -> bool {
    error.raw_os_error().map(i32::cast_unsigned) == Some(code)
}

/// Memory that Windows has allocated for its caller.
#[derive(Debug)]
pub(super) struct LocalMemory(pub(super) *mut c_void);

// SAFETY: the memory is this value's own, and any thread may give it back.
unsafe impl Send for LocalMemory {}
// SAFETY: nothing changes it as long as it is there.
unsafe impl Sync for LocalMemory {}

impl Drop for LocalMemory {
    fn drop(&mut self) {
        // SAFETY: Windows has allocated it with `LocalAlloc`, and nobody uses it any more.
        unsafe { LocalFree(self.0) };
    }
}
