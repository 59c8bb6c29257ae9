//! Finds functions in DLLs of Windows.

use std::ffi::CStr;
use std::io;

use windows_sys::Win32::Foundation::{FARPROC, HMODULE};
use windows_sys::Win32::System::LibraryLoader::{
    GetProcAddress, LOAD_LIBRARY_SEARCH_SYSTEM32, LoadLibraryExW,
};

use crate::LoadError;

/// A DLL that stays loaded for as long as the process runs.
pub struct Library {
    name: &'static str,
    module: HMODULE,
}

impl Library {
    pub fn load(name: &'static str) -> Result<Self, LoadError> {
        let path: Vec<u16> = name.encode_utf16().chain([0]).collect();
        // SAFETY: the name ends with zero; the reserved handle is null. Loading runs the DLL's own code,
        // which is Windows': no folder but system32 is looked into.
        let module = unsafe {
            LoadLibraryExW(
                path.as_ptr(),
                std::ptr::null_mut(),
                LOAD_LIBRARY_SEARCH_SYSTEM32,
            )
        };
        if module.is_null() {
            let source = io::Error::last_os_error();
            return Err(LoadError::Missing { dll: name, source });
        }
        Ok(Self { name, module })
    }

    /// A function, by its name, which ends with zero.
    pub fn function(
        &self,
        name: &'static CStr,
    ) -> Result<unsafe extern "system" fn() -> isize, LoadError> {
        // SAFETY: the module is loaded, the name ends with zero.
        let function: FARPROC = unsafe { GetProcAddress(self.module, name.as_ptr().cast()) };
        function.ok_or(LoadError::TooOld {
            dll: self.name,
            function: name.to_str().unwrap_or_default(),
        })
    }
}

/// A struct of functions that are found in a DLL by their names.
macro_rules! functions {
    ($name:ident in $dll:literal { $($function:ident($($type:ty),* $(,)?) $(-> $result:ty)?;)* }) => {
        #[expect(non_snake_case, reason = "the names are Windows'")]
        #[derive(Debug, Clone, Copy)]
        struct $name {
            $($function: unsafe extern "system" fn($($type),*) $(-> $result)?,)*
        }

        impl $name {
            fn load() -> Result<Self, $crate::LoadError> {
                let library = $crate::windows::library::Library::load($dll)?;
                Ok(Self {
                    $($function: {
                        const NAME: &std::ffi::CStr =
                            match std::ffi::CStr::from_bytes_with_nul(
                                concat!(stringify!($function), "\0").as_bytes(),
                            ) {
                                Ok(name) => name,
                                Err(_) => panic!("a name has no zero in it"),
                            };
                        let found = library.function(NAME)?;
                        // SAFETY: the function of this name has these arguments and this result
                        // (netioapi.h, as in windows-sys).
                        unsafe {
                            std::mem::transmute::<
                                unsafe extern "system" fn() -> isize,
                                unsafe extern "system" fn($($type),*) $(-> $result)?,
                            >(found)
                        }
                    },)*
                })
            }
        }
    };
}
pub(super) use functions;
