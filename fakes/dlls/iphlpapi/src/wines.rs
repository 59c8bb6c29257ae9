//! Wine's own functions, in the copy of its DLL.

use std::ffi::CStr;

use windows_sys::Win32::System::LibraryLoader::{GetProcAddress, LoadLibraryA};

/// One of them, of whatever type.
pub type Function = unsafe extern "system" fn() -> isize;

/// None where Wine has none of that name.
pub fn function(name: &CStr) -> Option<Function> {
    // SAFETY: both names end with zero.
    unsafe {
        let library = LoadLibraryA(c"wineip.dll".as_ptr().cast());
        GetProcAddress(library, name.as_ptr().cast())
    }
}
