//! The calls of `computecore.dll`.

use std::ptr;

use windows_sys::Win32::Foundation::{GENERIC_ALL, HANDLE};
use windows_sys::Win32::System::HostComputeSystem::{
    HCS_EVENT_CALLBACK, HCS_EVENT_OPTIONS, HCS_OPERATION, HCS_OPERATION_COMPLETION, HCS_SYSTEM,
    HcsEventOptionNone,
};
use windows_sys::core::{HRESULT, PCWSTR, PWSTR};

use super::callbacks::{Callback, Registered, on_system_event};
use super::check;
use super::library::functions;
use super::text::{take_local, wide};
use crate::{Failure, HResult, LoadError, Registration};

/// What no operation takes unless something is wrong, in milliseconds.
const LONGEST: u32 = 30_000;

functions! {
    Functions in "computecore.dll" {
        HcsCreateOperation(*const std::ffi::c_void, HCS_OPERATION_COMPLETION) -> HCS_OPERATION;
        HcsCloseOperation(HCS_OPERATION);
        HcsWaitForOperationResult(HCS_OPERATION, u32, *mut PWSTR) -> HRESULT;
        HcsEnumerateComputeSystems(PCWSTR, HCS_OPERATION) -> HRESULT;
        HcsOpenComputeSystem(PCWSTR, u32, *mut HCS_SYSTEM) -> HRESULT;
        HcsCloseComputeSystem(HCS_SYSTEM);
        HcsModifyComputeSystem(HCS_SYSTEM, HCS_OPERATION, PCWSTR, HANDLE) -> HRESULT;
        HcsSetComputeSystemCallback(
            HCS_SYSTEM, HCS_EVENT_OPTIONS, *const std::ffi::c_void, HCS_EVENT_CALLBACK,
        ) -> HRESULT;
    }
}

#[derive(Debug)]
pub struct Core {
    functions: Functions,
}

impl Core {
    pub fn load() -> Result<Self, LoadError> {
        let functions = Functions::load()?;
        Ok(Self { functions })
    }

    pub fn enumerate(&self, query: &str) -> Result<String, Failure> {
        let query = wide(query);
        let result = self.run("HcsEnumerateComputeSystems", |operation| {
            // SAFETY: the query ends with zero and the operation is fresh.
            unsafe { (self.functions.HcsEnumerateComputeSystems)(query.as_ptr(), operation) }
        })?;
        Ok(result.unwrap_or_default())
    }

    pub fn modify(&self, id: &str, configuration: &str) -> Result<(), Failure> {
        let system = self.open(id)?;
        let configuration = wide(configuration);
        self.run("HcsModifyComputeSystem", |operation| {
            // SAFETY: the system is open, the operation is fresh, the document ends with zero; without
            // an identity it is done as ourselves.
            unsafe {
                (self.functions.HcsModifyComputeSystem)(
                    system.raw,
                    operation,
                    configuration.as_ptr(),
                    ptr::null_mut(),
                )
            }
        })
        .map(drop)
    }

    pub fn watch(&self, id: &str, callback: Box<Callback>) -> Result<Registration, Failure> {
        let system = self.open(id)?;
        let registered = Registered::new(callback);
        // SAFETY: the system is open; the callback may be called at any time, with a context that is
        // only a number.
        let status = unsafe {
            (self.functions.HcsSetComputeSystemCallback)(
                system.raw,
                HcsEventOptionNone,
                registered.context(),
                Some(on_system_event),
            )
        };
        check("HcsSetComputeSystemCallback", status, None)?;
        // First the callback goes, then the handle.
        Ok(Box::new((registered, system)))
    }

    fn open(&self, id: &str) -> Result<System, Failure> {
        let id = wide(id);
        let mut system = ptr::null_mut();
        // SAFETY: the id ends with zero; the handle is written to a variable of ours.
        let status = unsafe {
            (self.functions.HcsOpenComputeSystem)(id.as_ptr(), GENERIC_ALL, &raw mut system)
        };
        check("HcsOpenComputeSystem", status, None)?;
        Ok(System {
            raw: system,
            close: self.functions.HcsCloseComputeSystem,
        })
    }

    /// Starts an operation and waits for what comes out.
    fn run(
        &self,
        call: &'static str,
        start: impl FnOnce(HCS_OPERATION) -> HRESULT,
    ) -> Result<Option<String>, Failure> {
        let operation = self.operation()?;
        check(call, start(operation.raw), None)?;
        let mut document: PWSTR = ptr::null_mut();
        // SAFETY: the operation is open; the document is written to a variable of ours.
        let status = unsafe {
            (self.functions.HcsWaitForOperationResult)(operation.raw, LONGEST, &raw mut document)
        };
        // SAFETY: it is null, or a document that is ours now, of success or of failure.
        let document = unsafe { take_local(document) };
        // The call is what failed, not the waiting.
        check(call, status, document.clone())?;
        Ok(document)
    }

    fn operation(&self) -> Result<Operation, Failure> {
        // SAFETY: neither a context nor a callback is asked for.
        let raw = unsafe { (self.functions.HcsCreateOperation)(ptr::null(), None) };
        if raw.is_null() {
            return Err(Failure {
                call: "HcsCreateOperation",
                hresult: HResult::OUT_OF_MEMORY,
                record: None,
            });
        }
        Ok(Operation {
            raw,
            close: self.functions.HcsCloseOperation,
        })
    }
}

struct Operation {
    raw: HCS_OPERATION,
    close: unsafe extern "system" fn(HCS_OPERATION),
}

impl Drop for Operation {
    fn drop(&mut self) {
        // SAFETY: it is open and nobody uses it any more. One that still runs goes on without us.
        unsafe { (self.close)(self.raw) };
    }
}

/// A handle to a VM.
struct System {
    raw: HCS_SYSTEM,
    close: unsafe extern "system" fn(HCS_SYSTEM),
}

// SAFETY: HCS's handles belong to no thread.
unsafe impl Send for System {}

impl Drop for System {
    fn drop(&mut self) {
        // SAFETY: it is open and nobody uses it any more.
        unsafe { (self.close)(self.raw) };
    }
}
