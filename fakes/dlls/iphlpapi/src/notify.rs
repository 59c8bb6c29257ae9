//! What is called back.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::process;
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use fakes::ip::{Topic, code};
use serde_json::{Value, json};
use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::NetworkManagement::IpHelper::{
    MIB_IPFORWARD_ROW2, MIB_IPINTERFACE_ROW, MIB_NOTIFICATION_TYPE, MIB_UNICASTIPADDRESS_ROW,
};
use windows_sys::Win32::NetworkManagement::Ndis::NET_LUID_LH;

use crate::{NOT_AVAILABLE, ask};

type On<Row> = unsafe extern "system" fn(*const c_void, *const Row, MIB_NOTIFICATION_TYPE);

#[derive(Clone, Copy)]
enum Callback {
    Interface(On<MIB_IPINTERFACE_ROW>),
    Address(On<MIB_UNICASTIPADDRESS_ROW>),
    Route(On<MIB_IPFORWARD_ROW2>),
}

/// Who is called, by handles.
static CALLBACKS: Mutex<Callbacks> = Mutex::new(Callbacks {
    listens: false,
    by_handle: BTreeMap::new(),
});

struct Callbacks {
    listens: bool,
    by_handle: BTreeMap<u64, (Callback, usize)>,
}

/// The thread that calls back now. Cancelling waits for it.
static CALLING: Mutex<()> = Mutex::new(());
static CALLER: Mutex<Option<ThreadId>> = Mutex::new(None);

#[unsafe(no_mangle)]
unsafe extern "system" fn NotifyIpInterfaceChange(
    family: u16,
    callback: Option<On<MIB_IPINTERFACE_ROW>>,
    context: *const c_void,
    initial: bool,
    handle: *mut HANDLE,
) -> u32 {
    let callback = callback.map(Callback::Interface);
    let arguments = json!({ "family": family, "initial": initial });
    // SAFETY: the caller's variable.
    unsafe {
        register(
            "NotifyIpInterfaceChange",
            callback,
            context,
            arguments,
            handle,
        )
    }
}

#[unsafe(no_mangle)]
unsafe extern "system" fn NotifyUnicastIpAddressChange(
    family: u16,
    callback: Option<On<MIB_UNICASTIPADDRESS_ROW>>,
    context: *const c_void,
    initial: bool,
    handle: *mut HANDLE,
) -> u32 {
    let callback = callback.map(Callback::Address);
    let arguments = json!({ "family": family, "initial": initial });
    // SAFETY: the caller's variable.
    unsafe {
        register(
            "NotifyUnicastIpAddressChange",
            callback,
            context,
            arguments,
            handle,
        )
    }
}

#[unsafe(no_mangle)]
unsafe extern "system" fn NotifyRouteChange2(
    family: u16,
    callback: Option<On<MIB_IPFORWARD_ROW2>>,
    context: *const c_void,
    initial: bool,
    handle: *mut HANDLE,
) -> u32 {
    let callback = callback.map(Callback::Route);
    let arguments = json!({ "family": family, "initial": initial });
    // SAFETY: the caller's variable.
    unsafe { register("NotifyRouteChange2", callback, context, arguments, handle) }
}

/// # Safety
/// `handle` is null or a variable of the caller's.
unsafe fn register(
    function: &str,
    callback: Option<Callback>,
    context: *const c_void,
    arguments: Value,
    handle: *mut HANDLE,
) -> u32 {
    let Some(callback) = callback.filter(|_| !handle.is_null()) else {
        return code::INVALID_PARAMETER;
    };
    let mut callbacks = lock(&CALLBACKS);
    if !callbacks.listens {
        if standin::listen("iphlpapi", tell).is_err() {
            return NOT_AVAILABLE;
        }
        callbacks.listens = true;
    }
    let number = match ask(function, arguments) {
        Ok(number) => number.and_then(|number| number.parse().ok()).unwrap_or(0),
        Err(code) => return code,
    };
    callbacks
        .by_handle
        .insert(number, (callback, context.addr()));
    // SAFETY: as the caller promises.
    unsafe { *handle = ptr::without_provenance_mut(number as usize) };
    0
}

#[unsafe(no_mangle)]
extern "system" fn CancelMibChangeNotify2(handle: HANDLE) -> u32 {
    if *lock(&CALLER) == Some(thread::current().id()) {
        // Windows would wait for itself for ever. This is easier to see.
        eprintln!("CancelMibChangeNotify2 is called by a callback");
        process::abort();
    }
    let number = handle.addr() as u64;
    lock(&CALLBACKS).by_handle.remove(&number);
    drop(lock(&CALLING));
    ask("CancelMibChangeNotify2", json!({ "handle": number })).map_or_else(|code| code, |_| 0)
}

fn tell(event: &Value) {
    let handles: Vec<u64> = lock(&CALLBACKS).by_handle.keys().copied().collect();
    for handle in handles {
        let calling = lock(&CALLING);
        let found = lock(&CALLBACKS).by_handle.get(&handle).copied();
        if let Some((callback, context)) = found {
            *lock(&CALLER) = Some(thread::current().id());
            // SAFETY: the caller's function, with the context that it gave.
            unsafe { call(callback, ptr::without_provenance(context), event) };
            *lock(&CALLER) = None;
        }
        drop(calling);
    }
}

/// As Windows: of the row there is only what says which it is.
///
/// # Safety
/// The context is the one that was given with the callback.
unsafe fn call(callback: Callback, context: *const c_void, event: &Value) {
    let number = |key: &str| event[key].as_u64().unwrap_or_default();
    let luid = NET_LUID_LH {
        Value: number("luid"),
    };
    let index = u32::try_from(number("index")).unwrap_or_default();
    let kind = i32::try_from(number("kind")).unwrap_or_default();
    let is = |topic: Topic| event["topic"] == topic.name();
    match callback {
        Callback::Interface(callback) if is(Topic::Interface) => {
            let row = MIB_IPINTERFACE_ROW {
                InterfaceLuid: luid,
                InterfaceIndex: index,
                ..MIB_IPINTERFACE_ROW::default()
            };
            // SAFETY: as the caller promises; the row lives through the call.
            unsafe { callback(context, &raw const row, kind) };
        }
        Callback::Address(callback) if is(Topic::Address) => {
            let row = MIB_UNICASTIPADDRESS_ROW {
                InterfaceLuid: luid,
                InterfaceIndex: index,
                ..MIB_UNICASTIPADDRESS_ROW::default()
            };
            // SAFETY: as the caller promises; the row lives through the call.
            unsafe { callback(context, &raw const row, kind) };
        }
        Callback::Route(callback) if is(Topic::Route) => {
            let row = MIB_IPFORWARD_ROW2 {
                InterfaceLuid: luid,
                InterfaceIndex: index,
                ..MIB_IPFORWARD_ROW2::default()
            };
            // SAFETY: as the caller promises; the row lives through the call.
            unsafe { callback(context, &raw const row, kind) };
        }
        _ => (),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
