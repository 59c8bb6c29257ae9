//! The routes as Wine lists them, with those of IPv6, which it leaves out.

use std::ptr;
use std::sync::OnceLock;

use fakes::ip::{Ip, RouteRow};
use serde_json::Value;
use windows_sys::Win32::NetworkManagement::IpHelper::{MIB_IPFORWARD_ROW2, MIB_IPFORWARD_TABLE2};
use windows_sys::Win32::System::Memory::{GetProcessHeap, HeapAlloc, HeapFree};

use crate::{rows, wines};

type GetIpForwardTable2 = unsafe extern "system" fn(u16, *mut *mut MIB_IPFORWARD_TABLE2) -> u32;

/// `AF_UNSPEC`: of both families.
const BOTH: u16 = 0;
/// `ERROR_PROC_NOT_FOUND` and `ERROR_NOT_ENOUGH_MEMORY`.
const NOT_FOUND: u32 = 127;
const NO_MEMORY: u32 = 8;

#[unsafe(no_mangle)]
unsafe extern "system" fn GetIpForwardTable2(
    family: u16,
    table: *mut *mut MIB_IPFORWARD_TABLE2,
) -> u32 {
    let Some(get) = wines() else {
        return NOT_FOUND;
    };
    // SAFETY: the caller's variable, and Wine's function of this type.
    let status = unsafe { get(family, table) };
    if status != 0 || family != BOTH {
        return status;
    }
    // SAFETY: Wine has made a table, which is the caller's alone.
    unsafe { *table = with_v6(*table) };
    // SAFETY: the caller's variable.
    match unsafe { (*table).is_null() } {
        true => NO_MEMORY,
        false => 0,
    }
}

/// Wine's own function.
fn wines() -> Option<GetIpForwardTable2> {
    static FOUND: OnceLock<Option<GetIpForwardTable2>> = OnceLock::new();
    *FOUND.get_or_init(|| {
        let found = wines::function(c"GetIpForwardTable2")?;
        // SAFETY: it is a function of this type.
        Some(unsafe { std::mem::transmute::<wines::Function, GetIpForwardTable2>(found) })
    })
}

/// Another table in its place, on the same heap, as `FreeMibTable` of Wine's frees it there.
///
/// # Safety
/// It is a whole table, which nobody uses from here on.
unsafe fn with_v6(table: *mut MIB_IPFORWARD_TABLE2) -> *mut MIB_IPFORWARD_TABLE2 {
    // SAFETY: so many rows follow each other.
    let wines = unsafe {
        let count = (*table).NumEntries as usize;
        std::slice::from_raw_parts(
            (&raw const (*table).Table).cast::<MIB_IPFORWARD_ROW2>(),
            count,
        )
    };
    let v6 = crate::ask(Ip::ROUTES_V6, Value::Null).ok().flatten();
    let v6: Vec<RouteRow> = v6
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default();
    let all: Vec<MIB_IPFORWARD_ROW2> = wines
        .iter()
        .copied()
        .chain(v6.iter().map(rows::write_route))
        .collect();
    let bytes = size_of::<MIB_IPFORWARD_TABLE2>() + size_of_val(&all[..]);
    // SAFETY: the process has a heap; the table is large enough for its number and all rows, and the former one is
    // Wine's, of the same heap.
    unsafe {
        let new: *mut MIB_IPFORWARD_TABLE2 = HeapAlloc(GetProcessHeap(), 0, bytes).cast();
        if !new.is_null() {
            (*new).NumEntries = all.len() as u32;
            ptr::copy_nonoverlapping(all.as_ptr(), (&raw mut (*new).Table).cast(), all.len());
        }
        HeapFree(GetProcessHeap(), 0, table.cast());
        new
    }
}
