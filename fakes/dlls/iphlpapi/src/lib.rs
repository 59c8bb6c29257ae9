//! Stands in for Windows' `iphlpapi.dll`. What Wine can list comes from a copy of Wine's own
//! (`iphlpapi.def`); here is what Wine lacks, which is the machine's.
//!
//! * `interfaces`, `routes`: Wine's lists, put right where the twin needs it. `wines`: Wine's own functions.
//! * `names`: name servers.
//! * `rows`: Windows' structures to and from what the machine takes. `notify`: what is called back.

mod interfaces;
mod names;
mod notify;
mod routes;
mod rows;
mod wines;

use fakes::ip::{AddressRow, RouteRow, code};
use serde_json::{Value, json};
use windows_sys::Win32::NetworkManagement::IpHelper::{
    MIB_IPFORWARD_ROW2, MIB_UNICASTIPADDRESS_ROW,
};

/// `RPC_S_SERVER_UNAVAILABLE`: the machine can't be reached.
const NOT_AVAILABLE: u32 = 1722;

#[unsafe(no_mangle)]
unsafe extern "system" fn InitializeIpForwardEntry(row: *mut MIB_IPFORWARD_ROW2) {
    // SAFETY: the caller's row.
    unsafe { *row = rows::write_route(&RouteRow::initialized()) };
}

#[unsafe(no_mangle)]
unsafe extern "system" fn CreateIpForwardEntry2(row: *const MIB_IPFORWARD_ROW2) -> u32 {
    // SAFETY: the caller's row.
    unsafe { route("CreateIpForwardEntry2", row) }
}

#[unsafe(no_mangle)]
unsafe extern "system" fn DeleteIpForwardEntry2(row: *const MIB_IPFORWARD_ROW2) -> u32 {
    // SAFETY: the caller's row.
    unsafe { route("DeleteIpForwardEntry2", row) }
}

#[unsafe(no_mangle)]
unsafe extern "system" fn InitializeUnicastIpAddressEntry(row: *mut MIB_UNICASTIPADDRESS_ROW) {
    // SAFETY: the caller's row.
    unsafe { *row = rows::write_address(&AddressRow::initialized()) };
}

#[unsafe(no_mangle)]
unsafe extern "system" fn CreateUnicastIpAddressEntry(row: *const MIB_UNICASTIPADDRESS_ROW) -> u32 {
    // SAFETY: the caller's row.
    unsafe { address("CreateUnicastIpAddressEntry", row) }
}

#[unsafe(no_mangle)]
unsafe extern "system" fn DeleteUnicastIpAddressEntry(row: *const MIB_UNICASTIPADDRESS_ROW) -> u32 {
    // SAFETY: the caller's row.
    unsafe { address("DeleteUnicastIpAddressEntry", row) }
}

/// # Safety
/// The pointer is null or a row.
unsafe fn route(function: &str, row: *const MIB_IPFORWARD_ROW2) -> u32 {
    // SAFETY: as the caller promises.
    match unsafe { row.as_ref() } {
        Some(row) => ask(function, json!(rows::read_route(row))).map_or_else(|code| code, |_| 0),
        None => code::INVALID_PARAMETER,
    }
}

/// # Safety
/// The pointer is null or a row.
unsafe fn address(function: &str, row: *const MIB_UNICASTIPADDRESS_ROW) -> u32 {
    // SAFETY: as the caller promises.
    match unsafe { row.as_ref() } {
        Some(row) => ask(function, json!(rows::read_address(row))).map_or_else(|code| code, |_| 0),
        None => code::INVALID_PARAMETER,
    }
}

/// What the machine gives, or its error.
fn ask(function: &str, arguments: Value) -> Result<Option<String>, u32> {
    let reply = standin::call(function, arguments);
    match reply.status {
        0 => Ok(reply.result),
        // An HRESULT, which only the way to the machine gives.
        ..0 => Err(NOT_AVAILABLE),
        code => Err(code.cast_unsigned()),
    }
}
