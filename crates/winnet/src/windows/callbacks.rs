//! What Windows calls back.
//!
//! The context that it hands over is a number that is looked up here, so that a call which comes after
//! the end finds nothing instead of freed memory.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::NetworkManagement::IpHelper::{
    MIB_IPFORWARD_ROW2, MIB_IPINTERFACE_ROW, MIB_NOTIFICATION_TYPE, MIB_UNICASTIPADDRESS_ROW,
};
use windows_sys::Win32::Networking::WinSock::AF_UNSPEC;

use super::{Functions, check};
use crate::{Change, Failure, Registration};

type Callback = dyn Fn(Change) + Send + Sync;

static CALLBACKS: Mutex<Callbacks> = Mutex::new(Callbacks {
    last: 0,
    by_number: BTreeMap::new(),
});

struct Callbacks {
    last: usize,
    by_number: BTreeMap<usize, Arc<Callback>>,
}

/// A callback that is called until this is dropped.
struct Registered(usize);

impl Registered {
    fn new(callback: Box<Callback>) -> Self {
        let mut callbacks = lock();
        callbacks.last += 1;
        let number = callbacks.last;
        callbacks.by_number.insert(number, callback.into());
        Self(number)
    }

    /// What Windows is to hand over.
    fn context(&self) -> *const c_void {
        ptr::without_provenance(self.0)
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        let callback = lock().by_number.remove(&self.0);
        // The lock is free again when what the callback owns is dropped.
        drop(callback);
    }
}

/// Asks Windows for all three kinds of changes, without a first call for what is there already.
pub fn notify(functions: Functions, on_change: Box<Callback>) -> Result<Registration, Failure> {
    let registered = Registered::new(on_change);
    let context = registered.context();
    // SAFETY: of this and the others: the callback may be called at any time, with a context that is only
    // a number; the handle is a variable of ours.
    let interfaces = Subscription::new(functions, "NotifyIpInterfaceChange", |handle| unsafe {
        let callback = Some(on_interface as _);
        (functions.NotifyIpInterfaceChange)(AF_UNSPEC, callback, context, false, handle)
    })?;
    // SAFETY: as above.
    let addresses =
        Subscription::new(functions, "NotifyUnicastIpAddressChange", |handle| unsafe {
            let callback = Some(on_address as _);
            (functions.NotifyUnicastIpAddressChange)(AF_UNSPEC, callback, context, false, handle)
        })?;
    // SAFETY: as above.
    let routes = Subscription::new(functions, "NotifyRouteChange2", |handle| unsafe {
        let callback = Some(on_route as _);
        (functions.NotifyRouteChange2)(AF_UNSPEC, callback, context, false, handle)
    })?;
    // Dropped in this order: the callback is there for as long as Windows may call it.
    Ok(Box::new((interfaces, addresses, routes, registered)))
}

/// Something that Windows was asked to tell.
struct Subscription {
    functions: Functions,
    handle: HANDLE,
}

// SAFETY: the handles belong to no thread.
unsafe impl Send for Subscription {}

impl Subscription {
    fn new(
        functions: Functions,
        call: &'static str,
        function: impl FnOnce(*mut HANDLE) -> u32,
    ) -> Result<Self, Failure> {
        let mut handle = ptr::null_mut();
        check(call, function(&raw mut handle))?;
        Ok(Self { functions, handle })
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        // SAFETY: it is a handle that nobody else uses. Nothing can be done where that fails.
        unsafe { (self.functions.CancelMibChangeNotify2)(self.handle) };
    }
}

fn lock() -> MutexGuard<'static, Callbacks> {
    CALLBACKS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn call(context: *const c_void, change: Change) {
    // The lock is free again when it is called.
    let callback = lock().by_number.get(&context.addr()).cloned();
    if let Some(callback) = callback {
        callback(change);
    }
}

// What they are told besides says nothing that a fresh look would not.

unsafe extern "system" fn on_interface(
    context: *const c_void,
    _row: *const MIB_IPINTERFACE_ROW,
    _kind: MIB_NOTIFICATION_TYPE,
) {
    call(context, Change::Interfaces);
}

unsafe extern "system" fn on_address(
    context: *const c_void,
    _row: *const MIB_UNICASTIPADDRESS_ROW,
    _kind: MIB_NOTIFICATION_TYPE,
) {
    call(context, Change::Addresses);
}

unsafe extern "system" fn on_route(
    context: *const c_void,
    _row: *const MIB_IPFORWARD_ROW2,
    _kind: MIB_NOTIFICATION_TYPE,
) {
    call(context, Change::Routes);
}
