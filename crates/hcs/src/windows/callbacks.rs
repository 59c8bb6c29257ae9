//! What Windows calls back.
//!
//! The context that it hands over is a number that is looked up here, so that a call which comes after
//! the end finds nothing instead of freed memory.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use windows_sys::Win32::System::HostComputeSystem::HCS_EVENT;
use windows_sys::core::{HRESULT, PCWSTR};

/// Takes the number of an event.
pub type Callback = dyn Fn(u32) + Send + Sync;

static CALLBACKS: Mutex<Callbacks> = Mutex::new(Callbacks {
    last: 0,
    by_number: BTreeMap::new(),
});

struct Callbacks {
    last: usize,
    by_number: BTreeMap<usize, Arc<Callback>>,
}

/// A callback that is called until this is dropped.
pub struct Registered(usize);

impl Registered {
    pub fn new(callback: Box<Callback>) -> Self {
        let mut callbacks = lock();
        callbacks.last += 1;
        let number = callbacks.last;
        callbacks.by_number.insert(number, callback.into());
        Self(number)
    }

    /// What Windows is to hand over.
    pub fn context(&self) -> *const c_void {
        std::ptr::without_provenance(self.0)
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        lock().by_number.remove(&self.0);
    }
}

fn lock() -> MutexGuard<'static, Callbacks> {
    CALLBACKS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn call(context: *const c_void, kind: u32) {
    // The lock is free again when it is called.
    let callback = lock().by_number.get(&context.addr()).cloned();
    if let Some(callback) = callback {
        callback(kind);
    }
}

/// `HCS_EVENT_CALLBACK`.
///
/// # Safety
/// Windows calls it, with an event.
pub unsafe extern "system" fn on_system_event(event: *const HCS_EVENT, context: *const c_void) {
    // SAFETY: Windows hands over null or an event that lives during this call.
    if let Some(event) = unsafe { event.as_ref() } {
        call(context, event.Type.cast_unsigned());
    }
}

/// `HCN_NOTIFICATION_CALLBACK`. Status and data say nothing that a fresh look would not.
///
/// # Safety
/// Windows calls it.
pub unsafe extern "system" fn on_network_event(
    kind: u32,
    context: *const c_void,
    _status: HRESULT,
    _data: PCWSTR,
) {
    call(context, kind);
}
