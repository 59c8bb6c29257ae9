//! What a real Windows says is understood. Nothing is changed.
#![cfg(all(windows, target_env = "msvc"))]

use std::sync::Arc;

use hcs::{Dlls, Hcs, HcsError, LoadError};

#[test]
fn documents_of_this_windows_are_read() {
    let dlls = match Dlls::load() {
        Ok(dlls) => dlls,
        // The Virtual Machine Platform is off.
        Err(LoadError::Missing { .. }) => return,
        Err(error) => panic!("{error}"),
    };
    let hcs = Hcs::new(Arc::new(dlls));
    understood("networks", hcs.networks());
    understood("endpoints", hcs.endpoints());
    understood("systems", hcs.systems());
}

/// A call may fail, for want of rights or of a service. What it gives must make sense.
fn understood<T: std::fmt::Debug>(what: &str, result: Result<T, HcsError>) {
    match result {
        Ok(value) => println!("{what}: {value:#?}"),
        Err(HcsError::Failed { task, source }) => println!("{what}: can't {task}: {source}"),
        Err(error) => panic!("{what}: {error:?}"),
    }
}
