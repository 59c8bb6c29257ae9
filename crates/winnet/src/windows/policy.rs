//! `fMinimizeConnections` in the registry.

use std::io;

use windows_registry::{Key, LOCAL_MACHINE};

use crate::{Original, Policy, PolicyError, PolicyStore};

const PARENT: &str = r"SOFTWARE\Policies\Microsoft\Windows\WcmSvc";
const GROUP: &str = r"SOFTWARE\Policies\Microsoft\Windows\WcmSvc\GroupPolicy";
const LOCAL: &str = r"SOFTWARE\Policies\Microsoft\Windows\WcmSvc\Local";
const VALUE: &str = "fMinimizeConnections";

/// The registry of this PC.
#[derive(Clone, Copy, Debug)]
pub struct RegistryPolicy;

impl PolicyStore for RegistryPolicy {
    fn policy(&self) -> Result<Policy, PolicyError> {
        let group = read(GROUP).map_err(failed("read", GROUP))?;
        let local = read(LOCAL).map_err(failed("read", LOCAL))?;
        Ok(Policy {
            group: match group {
                Original::Value(value) => Some(value),
                Original::NoKey | Original::NoValue => None,
            },
            local,
        })
    }

    fn set_local(&self, value: Original) -> Result<(), PolicyError> {
        match value {
            Original::Value(value) => {
                let set = || LOCAL_MACHINE.create(LOCAL)?.set_u32(VALUE, value);
                set().map_err(win32).map_err(failed("set", LOCAL))
            }
            Original::NoValue => remove_value().map_err(failed("delete", LOCAL)),
            Original::NoKey => remove_value()
                .and_then(|()| remove_if_empty(LOCAL))
                .and_then(|()| remove_if_empty(PARENT))
                .map_err(failed("delete", LOCAL)),
        }
    }
}

fn read(path: &str) -> io::Result<Original> {
    let Some(key) = there(LOCAL_MACHINE.open(path))? else {
        return Ok(Original::NoKey);
    };
    let value = there(key.get_u32(VALUE))?;
    Ok(value.map_or(Original::NoValue, Original::Value))
}

fn remove_value() -> io::Result<()> {
    let Some(key) = open_to_write(LOCAL)? else {
        return Ok(());
    };
    there(key.remove_value(VALUE)).map(drop)
}

fn remove_if_empty(path: &str) -> io::Result<()> {
    let Some(key) = there(LOCAL_MACHINE.open(path))? else {
        return Ok(());
    };
    let (mut keys, mut values) = (key.keys().map_err(win32)?, key.values().map_err(win32)?);
    if keys.next().is_some() || values.next().is_some() {
        return Ok(());
    }
    there(LOCAL_MACHINE.remove_tree(path)).map(drop)
}

fn open_to_write(path: &str) -> io::Result<Option<Key>> {
    there(LOCAL_MACHINE.options().read().write().open(path))
}

/// None where there is no such key or value.
fn there<T>(result: windows_registry::Result<T>) -> io::Result<Option<T>> {
    match result.map_err(win32) {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The registry's error as others give it: the crate makes a COM result of it (`HRESULT_FROM_WIN32`).
fn win32(error: impl Into<io::Error>) -> io::Error {
    let error = error.into();
    match error.raw_os_error() {
        Some(code) if code.cast_unsigned() >> 16 == 0x8007 => {
            io::Error::from_raw_os_error(code & 0xFFFF)
        }
        _ => error,
    }
}

fn failed(verb: &'static str, key: &'static str) -> impl FnOnce(io::Error) -> PolicyError {
    move |source| PolicyError { verb, key, source }
}
