//! Name servers of interfaces.

use std::ffi::c_void;

use fakes::ip::{NamesRow, code};
use serde_json::json;
use uuid::Uuid;
use windows_sys::Win32::NetworkManagement::IpHelper::DNS_INTERFACE_SETTINGS;
use windows_sys::Win32::System::Memory::{GetProcessHeap, HeapAlloc, HeapFree};
use windows_sys::core::GUID;

#[unsafe(no_mangle)]
unsafe extern "system" fn GetInterfaceDnsSettings(
    interface: GUID,
    settings: *mut DNS_INTERFACE_SETTINGS,
) -> u32 {
    // SAFETY: the caller's settings. What is filled in is not read.
    let Some(row) = (unsafe { read(interface, settings, false) }) else {
        return code::INVALID_PARAMETER;
    };
    match crate::ask("GetInterfaceDnsSettings", json!(row)) {
        Ok(servers) => {
            // SAFETY: the caller's settings, and memory of the process' heap.
            unsafe {
                standin::give(
                    servers.as_deref(),
                    &raw mut (*settings).NameServer,
                    allocate,
                )
            };
            0
        }
        Err(code) => code,
    }
}

#[unsafe(no_mangle)]
unsafe extern "system" fn SetInterfaceDnsSettings(
    interface: GUID,
    settings: *const DNS_INTERFACE_SETTINGS,
) -> u32 {
    // SAFETY: the caller's settings, with its text.
    let Some(row) = (unsafe { read(interface, settings, true) }) else {
        return code::INVALID_PARAMETER;
    };
    crate::ask("SetInterfaceDnsSettings", json!(row)).map_or_else(|code| code, |_| 0)
}

#[unsafe(no_mangle)]
unsafe extern "system" fn FreeInterfaceDnsSettings(settings: *mut DNS_INTERFACE_SETTINGS) {
    // SAFETY: the caller's settings, which `GetInterfaceDnsSettings` has filled in; null is freed by doing nothing.
    unsafe {
        HeapFree(GetProcessHeap(), 0, (*settings).NameServer.cast::<c_void>());
        (*settings).NameServer = std::ptr::null_mut();
    }
}

/// # Safety
/// The pointer is null or settings; with text that ends with zero, if that is to be read.
unsafe fn read(
    interface: GUID,
    settings: *const DNS_INTERFACE_SETTINGS,
    with_text: bool,
) -> Option<NamesRow> {
    // SAFETY: as the caller promises.
    let settings = unsafe { settings.as_ref() }?;
    let text = with_text.then_some(settings.NameServer.cast_const());
    let GUID {
        data1,
        data2,
        data3,
        data4,
    } = interface;
    Some(NamesRow {
        interface: Uuid::from_fields(data1, data2, data3, &data4),
        version: settings.Version,
        flags: settings.Flags,
        // SAFETY: as the caller promises.
        name_server: text.and_then(|text| unsafe { standin::read(text) }),
    })
}

fn allocate(bytes: usize) -> *mut c_void {
    // SAFETY: the process has a heap.
    unsafe { HeapAlloc(GetProcessHeap(), 0, bytes) }
}
