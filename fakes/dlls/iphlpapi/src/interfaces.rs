//! The interfaces as Wine lists them, without those that are gone: Wine goes on listing them. One gets the name
//! that it has on Windows: Linux has no names with spaces.

use std::sync::OnceLock;

use fakes::ip::Ip;
use serde_json::Value;
use windows_sys::Win32::NetworkManagement::IpHelper::{MIB_IF_ROW2, MIB_IF_TABLE2};

use crate::wines;

/// What the lab calls the network that the twin shares with its guest, and what Windows calls it.
const LAB: &str = "eth0";
const WINDOWS: &str = "vEthernet (WSL)";
const DESCRIPTION: &str = "Hyper-V Virtual Ethernet Adapter";

type GetIfTable2 = unsafe extern "system" fn(*mut *mut MIB_IF_TABLE2) -> u32;

/// `ERROR_PROC_NOT_FOUND`.
const NOT_FOUND: u32 = 127;

#[unsafe(no_mangle)]
unsafe extern "system" fn GetIfTable2(table: *mut *mut MIB_IF_TABLE2) -> u32 {
    let Some(wines) = wines() else {
        return NOT_FOUND;
    };
    // SAFETY: the caller's variable, and Wine's function of this type.
    let status = unsafe { wines(table) };
    if status == 0 {
        // SAFETY: Wine has made a table, which is the caller's alone.
        unsafe { correct(*table) };
    }
    status
}

/// Wine's own function.
fn wines() -> Option<GetIfTable2> {
    static FOUND: OnceLock<Option<GetIfTable2>> = OnceLock::new();
    *FOUND.get_or_init(|| {
        let found = wines::function(c"GetIfTable2")?;
        // SAFETY: it is a function of this type.
        Some(unsafe { std::mem::transmute::<wines::Function, GetIfTable2>(found) })
    })
}

/// # Safety
/// It is a whole table.
unsafe fn correct(table: *mut MIB_IF_TABLE2) {
    let gone = gone();
    let mut left = 0;
    // SAFETY: so many rows follow each other.
    let rows = unsafe {
        let count = (*table).NumEntries as usize;
        std::slice::from_raw_parts_mut((&raw mut (*table).Table).cast::<MIB_IF_ROW2>(), count)
    };
    for at in 0..rows.len() {
        let row = &mut rows[at];
        if text(&row.Alias) == LAB {
            write(WINDOWS, &mut row.Alias);
            write(DESCRIPTION, &mut row.Description);
        }
        // SAFETY: every number is one.
        if !gone.contains(unsafe { &row.InterfaceLuid.Value }) {
            rows[left] = rows[at];
            left += 1;
        }
    }
    // SAFETY: as above; no more rows than there were.
    unsafe { (*table).NumEntries = left as u32 };
}

/// None where there is nobody to ask.
fn gone() -> Vec<u64> {
    let gone = crate::ask(Ip::GONE_INTERFACES, Value::Null).ok().flatten();
    gone.and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default()
}

fn text(units: &[u16]) -> String {
    let end = units.iter().position(|unit| *unit == 0);
    String::from_utf16_lossy(&units[..end.unwrap_or(units.len())])
}

fn write(text: &str, units: &mut [u16]) {
    let all = text.encode_utf16().chain([0]);
    units
        .iter_mut()
        .zip(all)
        .for_each(|(unit, new)| *unit = new);
}
