//! Stands in for Windows' `computenetwork.dll`. Only handles are its own; all else is the machine's.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use standin::{INVALID_ARGUMENT, INVALID_HANDLE, call, give, listen, read};
use uuid::Uuid;
use windows_sys::Win32::System::Com::CoTaskMemAlloc;
use windows_sys::Win32::System::HostComputeNetwork::HCN_NOTIFICATION_CALLBACK;
use windows_sys::core::{GUID, HRESULT, PCWSTR, PWSTR};

const SERVICE_NOT_AVAILABLE: HRESULT = 0x8037_0114_u32.cast_signed();

static STATE: Mutex<State> = Mutex::new(State {
    last: 0,
    listens: false,
    networks: BTreeMap::new(),
    endpoints: BTreeMap::new(),
    callbacks: BTreeMap::new(),
});

/// What handles stand for. One that is closed, or of another kind, stands for nothing.
struct State {
    last: usize,
    listens: bool,
    networks: BTreeMap<usize, Uuid>,
    endpoints: BTreeMap<usize, Uuid>,
    callbacks: BTreeMap<usize, (HCN_NOTIFICATION_CALLBACK, usize)>,
}

impl State {
    fn new_handle(&mut self) -> usize {
        self.last += 1;
        self.last
    }
}

type Handles = fn(&mut State) -> &mut BTreeMap<usize, Uuid>;
const NETWORKS: Handles = |state| &mut state.networks;
const ENDPOINTS: Handles = |state| &mut state.endpoints;

#[unsafe(no_mangle)]
unsafe extern "system" fn HcnEnumerateNetworks(
    query: PCWSTR,
    networks: *mut PWSTR,
    record: *mut PWSTR,
) -> HRESULT {
    // SAFETY: the caller's text and variables.
    unsafe { ask("HcnEnumerateNetworks", None, query, networks, record) }
}

#[unsafe(no_mangle)]
unsafe extern "system" fn HcnEnumerateEndpoints(
    query: PCWSTR,
    endpoints: *mut PWSTR,
    record: *mut PWSTR,
) -> HRESULT {
    // SAFETY: the caller's text and variables.
    unsafe { ask("HcnEnumerateEndpoints", None, query, endpoints, record) }
}

#[unsafe(no_mangle)]
unsafe extern "system" fn HcnOpenNetwork(
    id: *const GUID,
    network: *mut *mut c_void,
    record: *mut PWSTR,
) -> HRESULT {
    // SAFETY: the caller's id and variables.
    unsafe { open("HcnOpenNetwork", NETWORKS, id, json!({}), network, record) }
}

#[unsafe(no_mangle)]
unsafe extern "system" fn HcnOpenEndpoint(
    id: *const GUID,
    endpoint: *mut *mut c_void,
    record: *mut PWSTR,
) -> HRESULT {
    // SAFETY: the caller's id and variables.
    unsafe {
        open(
            "HcnOpenEndpoint",
            ENDPOINTS,
            id,
            json!({}),
            endpoint,
            record,
        )
    }
}

#[unsafe(no_mangle)]
unsafe extern "system" fn HcnCreateNetwork(
    id: *const GUID,
    settings: PCWSTR,
    network: *mut *mut c_void,
    record: *mut PWSTR,
) -> HRESULT {
    // SAFETY: the caller's text.
    let arguments = json!({ "settings": unsafe { read(settings) } });
    // SAFETY: the caller's id and variables.
    unsafe { open("HcnCreateNetwork", NETWORKS, id, arguments, network, record) }
}

#[unsafe(no_mangle)]
unsafe extern "system" fn HcnCreateEndpoint(
    network: *const c_void,
    id: *const GUID,
    settings: PCWSTR,
    endpoint: *mut *mut c_void,
    record: *mut PWSTR,
) -> HRESULT {
    let Some(network) = find(NETWORKS, network) else {
        return INVALID_HANDLE;
    };
    // SAFETY: the caller's text.
    let arguments =
        json!({ "network": network.to_string(), "settings": unsafe { read(settings) } });
    // SAFETY: the caller's id and variables.
    unsafe {
        open(
            "HcnCreateEndpoint",
            ENDPOINTS,
            id,
            arguments,
            endpoint,
            record,
        )
    }
}

#[unsafe(no_mangle)]
unsafe extern "system" fn HcnQueryNetworkProperties(
    network: *const c_void,
    query: PCWSTR,
    properties: *mut PWSTR,
    record: *mut PWSTR,
) -> HRESULT {
    let Some(id) = find(NETWORKS, network) else {
        return INVALID_HANDLE;
    };
    // SAFETY: the caller's text and variables.
    unsafe {
        ask(
            "HcnQueryNetworkProperties",
            Some(id),
            query,
            properties,
            record,
        )
    }
}

#[unsafe(no_mangle)]
unsafe extern "system" fn HcnQueryEndpointProperties(
    endpoint: *const c_void,
    query: PCWSTR,
    properties: *mut PWSTR,
    record: *mut PWSTR,
) -> HRESULT {
    let Some(id) = find(ENDPOINTS, endpoint) else {
        return INVALID_HANDLE;
    };
    // SAFETY: the caller's text and variables.
    unsafe {
        ask(
            "HcnQueryEndpointProperties",
            Some(id),
            query,
            properties,
            record,
        )
    }
}

#[unsafe(no_mangle)]
unsafe extern "system" fn HcnDeleteNetwork(id: *const GUID, record: *mut PWSTR) -> HRESULT {
    // SAFETY: the caller's id and variable.
    unsafe { delete("HcnDeleteNetwork", id, record) }
}

#[unsafe(no_mangle)]
unsafe extern "system" fn HcnDeleteEndpoint(id: *const GUID, record: *mut PWSTR) -> HRESULT {
    // SAFETY: the caller's id and variable.
    unsafe { delete("HcnDeleteEndpoint", id, record) }
}

#[unsafe(no_mangle)]
extern "system" fn HcnCloseNetwork(network: *const c_void) -> HRESULT {
    close(NETWORKS, network)
}

#[unsafe(no_mangle)]
extern "system" fn HcnCloseEndpoint(endpoint: *const c_void) -> HRESULT {
    close(ENDPOINTS, endpoint)
}

#[unsafe(no_mangle)]
unsafe extern "system" fn HcnRegisterServiceCallback(
    callback: HCN_NOTIFICATION_CALLBACK,
    context: *const c_void,
    handle: *mut *mut c_void,
) -> HRESULT {
    if callback.is_none() || handle.is_null() {
        return INVALID_ARGUMENT;
    }
    let mut state = state();
    if !state.listens {
        if listen("computenetwork", tell).is_err() {
            return SERVICE_NOT_AVAILABLE;
        }
        state.listens = true;
    }
    let number = state.new_handle();
    state.callbacks.insert(number, (callback, context.addr()));
    // SAFETY: the caller's variable.
    unsafe { *handle = ptr::without_provenance_mut(number) };
    0
}

#[unsafe(no_mangle)]
extern "system" fn HcnUnregisterServiceCallback(handle: *const c_void) -> HRESULT {
    match state().callbacks.remove(&handle.addr()) {
        Some(_) => 0,
        None => INVALID_HANDLE,
    }
}

fn tell(event: &Value) {
    let kind = event["type"]
        .as_u64()
        .and_then(|kind| u32::try_from(kind).ok());
    let callbacks: Vec<_> = state().callbacks.values().copied().collect();
    for (callback, context) in callbacks {
        if let (Some(callback), Some(kind)) = (callback, kind) {
            // SAFETY: the caller's function, with the context that it gave.
            unsafe { callback(kind, ptr::without_provenance(context), 0, ptr::null()) };
        }
    }
}

/// # Safety
/// `query` is null or text; the others are null or variables of the caller's.
unsafe fn ask(
    function: &str,
    id: Option<Uuid>,
    query: PCWSTR,
    result: *mut PWSTR,
    record: *mut PWSTR,
) -> HRESULT {
    // SAFETY: as the caller promises.
    let query = unsafe { read(query) };
    let reply = call(
        function,
        json!({ "id": id.map(|id| id.to_string()), "query": query }),
    );
    // SAFETY: as the caller promises; CoTaskMemAlloc gives so many bytes.
    unsafe {
        give(reply.result.as_deref(), result, |size| CoTaskMemAlloc(size));
        give(reply.error.as_deref(), record, |size| CoTaskMemAlloc(size));
    };
    reply.status
}

/// # Safety
/// `id` is null or a GUID; the others are null or variables of the caller's.
unsafe fn open(
    function: &str,
    handles: Handles,
    id: *const GUID,
    mut arguments: Value,
    handle: *mut *mut c_void,
    record: *mut PWSTR,
) -> HRESULT {
    // SAFETY: as the caller promises.
    let Some(id) = (unsafe { uuid(id) }) else {
        return INVALID_ARGUMENT;
    };
    arguments["id"] = json!(id.to_string());
    let reply = call(function, arguments);
    // SAFETY: as the caller promises; CoTaskMemAlloc gives so many bytes.
    unsafe { give(reply.error.as_deref(), record, |size| CoTaskMemAlloc(size)) };
    if reply.status >= 0 && !handle.is_null() {
        let mut state = state();
        let number = state.new_handle();
        handles(&mut state).insert(number, id);
        // SAFETY: as the caller promises.
        unsafe { *handle = ptr::without_provenance_mut(number) };
    }
    reply.status
}

/// # Safety
/// `id` is null or a GUID; `record` is null or a variable of the caller's.
unsafe fn delete(function: &str, id: *const GUID, record: *mut PWSTR) -> HRESULT {
    // SAFETY: as the caller promises.
    let Some(id) = (unsafe { uuid(id) }) else {
        return INVALID_ARGUMENT;
    };
    let reply = call(function, json!({ "id": id.to_string() }));
    // SAFETY: as the caller promises; CoTaskMemAlloc gives so many bytes.
    unsafe { give(reply.error.as_deref(), record, |size| CoTaskMemAlloc(size)) };
    reply.status
}

fn find(handles: Handles, handle: *const c_void) -> Option<Uuid> {
    handles(&mut state()).get(&handle.addr()).copied()
}

fn close(handles: Handles, handle: *const c_void) -> HRESULT {
    match handles(&mut state()).remove(&handle.addr()) {
        Some(_) => 0,
        None => INVALID_HANDLE,
    }
}

/// # Safety
/// The pointer is null or a GUID.
unsafe fn uuid(id: *const GUID) -> Option<Uuid> {
    // SAFETY: as the caller promises.
    let id = unsafe { id.as_ref() }?;
    Some(Uuid::from_fields(id.data1, id.data2, id.data3, &id.data4))
}

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}
