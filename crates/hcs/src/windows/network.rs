//! The calls of `computenetwork.dll`.

use std::ffi::c_void;
use std::ptr;

use uuid::Uuid;
use windows_sys::Win32::System::HostComputeNetwork::HCN_NOTIFICATION_CALLBACK;
use windows_sys::core::{GUID, HRESULT, PCWSTR, PWSTR};

use super::callbacks::{Callback, Registered, on_network_event};
use super::check;
use super::library::functions;
use super::text::{take_task, wide};
use crate::{Failure, LoadError, Registration};

functions! {
    Functions in "computenetwork.dll" {
        HcnEnumerateNetworks(PCWSTR, *mut PWSTR, *mut PWSTR) -> HRESULT;
        HcnOpenNetwork(*const GUID, *mut *mut c_void, *mut PWSTR) -> HRESULT;
        HcnCloseNetwork(*const c_void) -> HRESULT;
        HcnQueryNetworkProperties(*const c_void, PCWSTR, *mut PWSTR, *mut PWSTR) -> HRESULT;
        HcnCreateNetwork(*const GUID, PCWSTR, *mut *mut c_void, *mut PWSTR) -> HRESULT;
        HcnDeleteNetwork(*const GUID, *mut PWSTR) -> HRESULT;
        HcnEnumerateEndpoints(PCWSTR, *mut PWSTR, *mut PWSTR) -> HRESULT;
        HcnOpenEndpoint(*const GUID, *mut *mut c_void, *mut PWSTR) -> HRESULT;
        HcnCloseEndpoint(*const c_void) -> HRESULT;
        HcnQueryEndpointProperties(*const c_void, PCWSTR, *mut PWSTR, *mut PWSTR) -> HRESULT;
        HcnCreateEndpoint(
            *const c_void, *const GUID, PCWSTR, *mut *mut c_void, *mut PWSTR,
        ) -> HRESULT;
        HcnDeleteEndpoint(*const GUID, *mut PWSTR) -> HRESULT;
        HcnRegisterServiceCallback(
            HCN_NOTIFICATION_CALLBACK, *const c_void, *mut *mut c_void,
        ) -> HRESULT;
        HcnUnregisterServiceCallback(*const c_void) -> HRESULT;
    }
}

#[derive(Debug)]
pub struct Network {
    functions: Functions,
}

/// Of enumerations and queries.
type Enumerate = unsafe extern "system" fn(PCWSTR, *mut PWSTR, *mut PWSTR) -> HRESULT;
type Open = unsafe extern "system" fn(*const GUID, *mut *mut c_void, *mut PWSTR) -> HRESULT;
type Query = unsafe extern "system" fn(*const c_void, PCWSTR, *mut PWSTR, *mut PWSTR) -> HRESULT;
type Delete = unsafe extern "system" fn(*const GUID, *mut PWSTR) -> HRESULT;
type Close = unsafe extern "system" fn(*const c_void) -> HRESULT;

impl Network {
    pub fn load() -> Result<Self, LoadError> {
        let functions = Functions::load()?;
        Ok(Self { functions })
    }

    pub fn enumerate_networks(&self, query: &str) -> Result<String, Failure> {
        enumerate(
            "HcnEnumerateNetworks",
            self.functions.HcnEnumerateNetworks,
            query,
        )
    }

    pub fn query_network(&self, id: Uuid, query: &str) -> Result<String, Failure> {
        let function = self.functions.HcnQueryNetworkProperties;
        self.open_network(id)?
            .query("HcnQueryNetworkProperties", function, query)
    }

    pub fn create_network(&self, id: Uuid, settings: &str) -> Result<(), Failure> {
        let (id, settings) = (guid(id), wide(settings));
        let create = self.functions.HcnCreateNetwork;
        // SAFETY: id and settings live through the call, the latter end with zero; handle and record are
        // variables of ours.
        object(
            "HcnCreateNetwork",
            self.functions.HcnCloseNetwork,
            |handle, record| unsafe { create(&raw const id, settings.as_ptr(), handle, record) },
        )
        .map(drop)
    }

    pub fn delete_network(&self, id: Uuid) -> Result<(), Failure> {
        delete("HcnDeleteNetwork", self.functions.HcnDeleteNetwork, id)
    }

    pub fn enumerate_endpoints(&self, query: &str) -> Result<String, Failure> {
        enumerate(
            "HcnEnumerateEndpoints",
            self.functions.HcnEnumerateEndpoints,
            query,
        )
    }

    pub fn query_endpoint(&self, id: Uuid, query: &str) -> Result<String, Failure> {
        let function = self.functions.HcnQueryEndpointProperties;
        let (open, close) = (
            self.functions.HcnOpenEndpoint,
            self.functions.HcnCloseEndpoint,
        );
        Object::open("HcnOpenEndpoint", open, close, id)?.query(
            "HcnQueryEndpointProperties",
            function,
            query,
        )
    }

    pub fn create_endpoint(&self, network: Uuid, id: Uuid, settings: &str) -> Result<(), Failure> {
        let network = self.open_network(network)?;
        let (id, settings) = (guid(id), wide(settings));
        let create = self.functions.HcnCreateEndpoint;
        // SAFETY: the network is open, id and settings live through the call, the latter end with zero;
        // handle and record are variables of ours.
        object(
            "HcnCreateEndpoint",
            self.functions.HcnCloseEndpoint,
            |handle, record| unsafe {
                create(
                    network.raw,
                    &raw const id,
                    settings.as_ptr(),
                    handle,
                    record,
                )
            },
        )
        .map(drop)
    }

    pub fn delete_endpoint(&self, id: Uuid) -> Result<(), Failure> {
        delete("HcnDeleteEndpoint", self.functions.HcnDeleteEndpoint, id)
    }

    pub fn watch(&self, callback: Box<Callback>) -> Result<Registration, Failure> {
        let registered = Registered::new(callback);
        let mut handle = ptr::null_mut();
        // SAFETY: the callback may be called at any time, with a context that is only a number; the
        // handle is a variable of ours.
        let status = unsafe {
            (self.functions.HcnRegisterServiceCallback)(
                Some(on_network_event),
                registered.context(),
                &raw mut handle,
            )
        };
        check("HcnRegisterServiceCallback", status, None)?;
        let close = self.functions.HcnUnregisterServiceCallback;
        Ok(Box::new((registered, Object { raw: handle, close })))
    }

    fn open_network(&self, id: Uuid) -> Result<Object, Failure> {
        let (open, close) = (
            self.functions.HcnOpenNetwork,
            self.functions.HcnCloseNetwork,
        );
        Object::open("HcnOpenNetwork", open, close, id)
    }
}

fn enumerate(call: &'static str, function: Enumerate, query: &str) -> Result<String, Failure> {
    let query = wide(query);
    // SAFETY: the query ends with zero; result and record are variables of ours.
    document(call, |result, record| unsafe {
        function(query.as_ptr(), result, record)
    })
}

fn delete(call: &'static str, function: Delete, id: Uuid) -> Result<(), Failure> {
    let id = guid(id);
    let mut record = ptr::null_mut();
    // SAFETY: the id lives through the call; the record is a variable of ours.
    let status = unsafe { function(&raw const id, &raw mut record) };
    // SAFETY: it is null, or a record that is ours now.
    check(call, status, unsafe { take_task(record) })
}

/// Calls a function that gives a document.
fn document(
    call: &'static str,
    function: impl FnOnce(*mut PWSTR, *mut PWSTR) -> HRESULT,
) -> Result<String, Failure> {
    let (mut result, mut record) = (ptr::null_mut(), ptr::null_mut());
    let status = function(&raw mut result, &raw mut record);
    // SAFETY: both are null, or ours now.
    let (result, record) = unsafe { (take_task(result), take_task(record)) };
    check(call, status, record)?;
    Ok(result.unwrap_or_default())
}

/// Calls a function that gives a handle.
fn object(
    call: &'static str,
    close: Close,
    function: impl FnOnce(*mut *mut c_void, *mut PWSTR) -> HRESULT,
) -> Result<Object, Failure> {
    let (mut raw, mut record) = (ptr::null_mut(), ptr::null_mut());
    let status = function(&raw mut raw, &raw mut record);
    // SAFETY: it is null, or a record that is ours now.
    check(call, status, unsafe { take_task(record) })?;
    Ok(Object { raw, close })
}

/// A handle to a network, an endpoint or a callback.
struct Object {
    raw: *mut c_void,
    close: Close,
}

// SAFETY: HCN's handles belong to no thread.
unsafe impl Send for Object {}

impl Object {
    fn open(call: &'static str, open: Open, close: Close, id: Uuid) -> Result<Self, Failure> {
        let id = guid(id);
        // SAFETY: the id lives through the call; handle and record are variables of ours.
        object(call, close, |handle, record| unsafe {
            open(&raw const id, handle, record)
        })
    }

    fn query(&self, call: &'static str, query: Query, text: &str) -> Result<String, Failure> {
        let text = wide(text);
        // SAFETY: the object is open, the query ends with zero; result and record are variables of ours.
        document(call, |result, record| unsafe {
            query(self.raw, text.as_ptr(), result, record)
        })
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        // SAFETY: it is open and nobody uses it any more. Nothing can be done where that fails.
        unsafe { (self.close)(self.raw) };
    }
}

fn guid(id: Uuid) -> GUID {
    let (data1, data2, data3, data4) = id.as_fields();
    GUID {
        data1,
        data2,
        data3,
        data4: *data4,
    }
}
