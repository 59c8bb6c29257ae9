//! Text to and from Windows: UTF-16 that ends with zero.

use windows_strings::PCWSTR;
use windows_sys::Win32::Foundation::LocalFree;
use windows_sys::Win32::System::Com::CoTaskMemFree;
use windows_sys::core::PWSTR;

/// Text for Windows. It ends at the first zero, if there is one in it.
pub fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

/// A result document of HCS, which is freed (`HcsWaitForOperationResult`: `LocalFree`).
///
/// # Safety
/// The pointer is null, or HCS's own and nobody else's any more.
pub unsafe fn take_local(text: PWSTR) -> Option<String> {
    // SAFETY: as the caller promises.
    let copy = unsafe { read(text) };
    // SAFETY: the same; it takes null, too.
    unsafe { LocalFree(text.cast()) };
    copy
}

/// Text of HCN, which is freed (`computenetwork.h`: `CoTaskMemFree`).
///
/// # Safety
/// The pointer is null, or HCN's own and nobody else's any more.
pub unsafe fn take_task(text: PWSTR) -> Option<String> {
    // SAFETY: as the caller promises.
    let copy = unsafe { read(text) };
    // SAFETY: the same; it takes null, too.
    unsafe { CoTaskMemFree(text.cast()) };
    copy
}

/// # Safety
/// The pointer is null, or text that ends with zero.
unsafe fn read(text: PWSTR) -> Option<String> {
    if text.is_null() {
        return None;
    }
    let text = PCWSTR(text);
    // SAFETY: it ends with zero.
    Some(String::from_utf16_lossy(unsafe { text.as_wide() }))
}
