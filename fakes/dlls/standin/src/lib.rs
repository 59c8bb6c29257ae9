//! What the stand-in DLLs share: the way to the machine, and text as Windows has it.

use std::io;
use std::ptr;
use std::sync::{Mutex, PoisonError};
use std::thread;

use fakes::{Client, Reply, Request};
use serde_json::Value;
use windows_sys::core::{PCWSTR, PWSTR};

/// `E_INVALIDARG`.
pub const INVALID_ARGUMENT: i32 = 0x8007_0057_u32.cast_signed();
/// `E_HANDLE`.
pub const INVALID_HANDLE: i32 = 0x8007_0006_u32.cast_signed();
/// `HCS_E_SERVICE_NOT_AVAILABLE`: the machine can't be reached.
const NOT_AVAILABLE: i32 = 0x8037_0114_u32.cast_signed();

static CONNECTION: Mutex<Option<Client>> = Mutex::new(None);

/// Passes a call on to the machine.
pub fn call(function: &str, arguments: Value) -> Reply {
    let request = Request {
        call: function.to_owned(),
        arguments,
    };
    ask(&request).unwrap_or_else(|error| Reply {
        status: NOT_AVAILABLE,
        result: None,
        error: Some(format!("no machine: {error}")),
    })
}

fn ask(request: &Request) -> io::Result<Reply> {
    let mut connection = CONNECTION.lock().unwrap_or_else(PoisonError::into_inner);
    let mut client = match connection.take() {
        Some(client) => client,
        None => Client::connect(fakes::address())?,
    };
    let reply = client.call(request)?;
    *connection = Some(client);
    Ok(reply)
}

/// Starts a thread that is called with each event of this source, once those from now on are certain to
/// come.
///
/// # Errors
/// When the machine can't be reached.
pub fn listen(source: &'static str, on_event: impl Fn(&Value) + Send + 'static) -> io::Result<()> {
    let events = Client::connect(fakes::address())?.events()?;
    thread::spawn(move || {
        for event in events
            .map_while(Result::ok)
            .filter(|event| event.source == source)
        {
            on_event(&event.body);
        }
    });
    Ok(())
}

/// Text of whoever calls; none where the pointer is null.
///
/// # Safety
/// The pointer is null, or text that ends with zero.
pub unsafe fn read(text: PCWSTR) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: the text ends with zero.
    let length = (0..)
        .take_while(|index| unsafe { *text.add(*index) } != 0)
        .count();
    // SAFETY: so many units were just read.
    let units = unsafe { std::slice::from_raw_parts(text, length) };
    String::from_utf16(units).ok()
}

/// Gives text to whoever calls, in memory of this allocator; null where there is none.
///
/// # Safety
/// `target` is null or a variable of the caller's. The allocator gives so many bytes.
pub unsafe fn give(
    text: Option<&str>,
    target: *mut PWSTR,
    allocate: impl FnOnce(usize) -> *mut std::ffi::c_void,
) {
    if target.is_null() {
        return;
    }
    let copy = text.map_or(ptr::null_mut(), |text| {
        let units: Vec<u16> = text.encode_utf16().chain([0]).collect();
        let copy: PWSTR = allocate(units.len() * 2).cast();
        // SAFETY: the memory is fresh and large enough.
        unsafe { ptr::copy_nonoverlapping(units.as_ptr(), copy, units.len()) };
        copy
    });
    // SAFETY: it is a variable of the caller's.
    unsafe { *target = copy };
}
