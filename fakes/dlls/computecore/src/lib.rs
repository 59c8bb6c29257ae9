//! Stands in for Windows' `computecore.dll`. Only operations are its own; all else is the machine's.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::ptr;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};
use standin::{INVALID_ARGUMENT, INVALID_HANDLE, call, give, listen, read};
use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::System::HostComputeSystem::{
    HCS_EVENT, HCS_EVENT_CALLBACK, HCS_EVENT_OPTIONS, HCS_OPERATION, HCS_OPERATION_COMPLETION,
    HCS_SYSTEM,
};
use windows_sys::Win32::System::Memory::{LMEM_FIXED, LocalAlloc};
use windows_sys::core::{HRESULT, PCWSTR, PWSTR};

const OPERATION_NOT_STARTED: HRESULT = 0x8037_0115_u32.cast_signed();
const OPERATION_ALREADY_STARTED: HRESULT = 0x8037_0116_u32.cast_signed();
const SERVICE_NOT_AVAILABLE: HRESULT = 0x8037_0114_u32.cast_signed();

/// What operations give, by their handles. A handle that is closed is none any more.
static OPERATIONS: Mutex<Operations> = Mutex::new(Operations {
    last: 0,
    results: BTreeMap::new(),
});

struct Operations {
    last: usize,
    results: BTreeMap<usize, Option<(HRESULT, Option<String>)>>,
}

/// Who is called for which handle, and with what.
static CALLBACKS: Mutex<Callbacks> = Mutex::new(Callbacks {
    listens: false,
    by_handle: BTreeMap::new(),
});

struct Callbacks {
    listens: bool,
    by_handle: BTreeMap<u64, (HCS_EVENT_CALLBACK, usize)>,
}

#[unsafe(no_mangle)]
extern "system" fn HcsCreateOperation(
    _context: *const c_void,
    callback: HCS_OPERATION_COMPLETION,
) -> HCS_OPERATION {
    // Nobody here needs one; it is the context in the wrong place.
    if callback.is_some() {
        return ptr::null_mut();
    }
    let mut operations = lock(&OPERATIONS);
    operations.last += 1;
    let number = operations.last;
    operations.results.insert(number, None);
    ptr::without_provenance_mut(number)
}

#[unsafe(no_mangle)]
extern "system" fn HcsCloseOperation(operation: HCS_OPERATION) {
    lock(&OPERATIONS).results.remove(&operation.addr());
}

#[unsafe(no_mangle)]
unsafe extern "system" fn HcsWaitForOperationResult(
    operation: HCS_OPERATION,
    _timeout: u32,
    document: *mut PWSTR,
) -> HRESULT {
    let (status, text) = match lock(&OPERATIONS).results.get(&operation.addr()) {
        None => return INVALID_HANDLE,
        Some(None) => return OPERATION_NOT_STARTED,
        Some(Some(result)) => result.clone(),
    };
    // SAFETY: the caller's variable; LocalAlloc gives so many bytes.
    unsafe {
        give(text.as_deref(), document, |size| {
            LocalAlloc(LMEM_FIXED, size)
        });
    };
    status
}

#[unsafe(no_mangle)]
unsafe extern "system" fn HcsEnumerateComputeSystems(
    query: PCWSTR,
    operation: HCS_OPERATION,
) -> HRESULT {
    // SAFETY: the caller's text.
    let query = unsafe { read(query) };
    start(
        operation,
        "HcsEnumerateComputeSystems",
        json!({ "query": query }),
    )
}

#[unsafe(no_mangle)]
unsafe extern "system" fn HcsOpenComputeSystem(
    id: PCWSTR,
    access: u32,
    system: *mut HCS_SYSTEM,
) -> HRESULT {
    // SAFETY: the caller's text.
    let Some(id) = (unsafe { read(id) }) else {
        return INVALID_ARGUMENT;
    };
    let reply = call(
        "HcsOpenComputeSystem",
        json!({ "id": id, "access": access }),
    );
    let handle = reply.result.and_then(|handle| handle.parse().ok());
    if !system.is_null() {
        // SAFETY: the caller's variable.
        unsafe { *system = ptr::without_provenance_mut(handle.unwrap_or(0)) };
    }
    reply.status
}

#[unsafe(no_mangle)]
extern "system" fn HcsCloseComputeSystem(system: HCS_SYSTEM) {
    let handle = number(system);
    lock(&CALLBACKS).by_handle.remove(&handle);
    call("HcsCloseComputeSystem", json!({ "handle": handle }));
}

#[unsafe(no_mangle)]
unsafe extern "system" fn HcsModifyComputeSystem(
    system: HCS_SYSTEM,
    operation: HCS_OPERATION,
    configuration: PCWSTR,
    identity: HANDLE,
) -> HRESULT {
    // SAFETY: the caller's text.
    let configuration = unsafe { read(configuration) };
    let Some(configuration) = configuration.filter(|_| identity.is_null()) else {
        return INVALID_ARGUMENT;
    };
    let arguments = json!({ "handle": number(system), "configuration": configuration });
    start(operation, "HcsModifyComputeSystem", arguments)
}

#[unsafe(no_mangle)]
extern "system" fn HcsSetComputeSystemCallback(
    system: HCS_SYSTEM,
    options: HCS_EVENT_OPTIONS,
    context: *const c_void,
    callback: HCS_EVENT_CALLBACK,
) -> HRESULT {
    if options != 0 || callback.is_none() {
        return INVALID_ARGUMENT;
    }
    let handle = number(system);
    let mut callbacks = lock(&CALLBACKS);
    if !callbacks.listens {
        if listen("computecore", tell).is_err() {
            return SERVICE_NOT_AVAILABLE;
        }
        callbacks.listens = true;
    }
    let status = call("HcsSetComputeSystemCallback", json!({ "handle": handle })).status;
    if status >= 0 {
        callbacks
            .by_handle
            .insert(handle, (callback, context.addr()));
    }
    status
}

fn tell(event: &Value) {
    let handle = event["handle"].as_u64().unwrap_or_default();
    let Some((Some(callback), context)) = lock(&CALLBACKS).by_handle.get(&handle).copied() else {
        return;
    };
    let kind = event["type"]
        .as_u64()
        .and_then(|kind| i32::try_from(kind).ok());
    let event = HCS_EVENT {
        Type: kind.unwrap_or_default(),
        EventData: ptr::null(),
        Operation: ptr::null_mut(),
    };
    // SAFETY: the caller's function, with the context that it gave.
    unsafe { callback(&raw const event, ptr::without_provenance(context)) };
}

/// Does at once what Windows does meanwhile.
fn start(operation: HCS_OPERATION, function: &str, arguments: Value) -> HRESULT {
    match lock(&OPERATIONS).results.get(&operation.addr()) {
        None => return INVALID_HANDLE,
        Some(Some(_)) => return OPERATION_ALREADY_STARTED,
        Some(None) => (),
    }
    let reply = call(function, arguments);
    let result = (reply.status, reply.result.or(reply.error));
    lock(&OPERATIONS)
        .results
        .insert(operation.addr(), Some(result));
    0
}

fn number(system: HCS_SYSTEM) -> u64 {
    system.addr() as u64
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
