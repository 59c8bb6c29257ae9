//! Windows' Internet functions (`wininet.dll`).

use std::ffi::c_void;
use std::io;
use std::ptr;

use windows_sys::core::BOOL;

use super::library::functions;
use crate::ProxyError;

/// `INTERNET_OPTION_SETTINGS_CHANGED` and `INTERNET_OPTION_REFRESH` (`wininet.h`).
const SETTINGS_CHANGED: u32 = 39;
const REFRESH: u32 = 37;

functions! {
    WinInet in "wininet.dll" {
        InternetSetOptionW(*const c_void, u32, *const c_void, u32) -> BOOL;
    }
}

/// Has all programs of the user who calls this look at the proxy setting again.
///
/// # Errors
/// When Windows refuses.
pub fn proxy_has_changed() -> Result<(), ProxyError> {
    let wininet = WinInet::load()?;
    let set = |option| {
        // SAFETY: these options take neither a handle nor a buffer.
        let done = unsafe { (wininet.InternetSetOptionW)(ptr::null(), option, ptr::null(), 0) };
        match done {
            0 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    };
    set(SETTINGS_CHANGED).map_err(ProxyError::Refused)?;
    // By the documentation for a handle, by custom without one, too, which Wine refuses.
    let _ = set(REFRESH);
    Ok(())
}
