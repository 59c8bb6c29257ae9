//! `fMinimizeConnections` in a registry that may be changed: Wine's.
#![cfg(all(windows, not(target_env = "msvc")))]

use std::error::Error;
use std::sync::{Mutex, MutexGuard, PoisonError};

use windows_registry::LOCAL_MACHINE;
use winnet::{Minimize, Original, Policy, PolicyStore, RegistryPolicy, allow_all, restore};

const PARENT: &str = r"SOFTWARE\Policies\Microsoft\Windows\WcmSvc";
const GROUP: &str = r"SOFTWARE\Policies\Microsoft\Windows\WcmSvc\GroupPolicy";
const LOCAL: &str = r"SOFTWARE\Policies\Microsoft\Windows\WcmSvc\Local";
const VALUE: &str = "fMinimizeConnections";

/// A registry that knows nothing of this, for one test at a time.
struct Turn(#[expect(dead_code, reason = "held")] MutexGuard<'static, ()>);

impl Turn {
    fn new() -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(
            LOCAL_MACHINE.open(PARENT).is_err(),
            "somebody has left {PARENT}"
        );
        Self(turn)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // A test may have left nothing.
        drop(LOCAL_MACHINE.remove_tree(PARENT));
    }
}

fn policy() -> Policy {
    RegistryPolicy.policy().expect("a registry")
}

#[test]
fn what_was_not_there_is_not_there_again() {
    let _turn = Turn::new();
    assert_eq!(policy().group, None);
    assert_eq!(policy().local, Original::NoKey);
    allow_all(&RegistryPolicy).unwrap();
    assert_eq!(LOCAL_MACHINE.open(LOCAL).unwrap().get_u32(VALUE), Ok(0));
    assert_eq!(policy().in_force(), Minimize::Never);
    restore(&RegistryPolicy, Original::NoKey).unwrap();
    assert!(LOCAL_MACHINE.open(PARENT).is_err());
    restore(&RegistryPolicy, Original::NoKey).unwrap();
}

#[test]
fn what_others_have_put_there_stays() {
    let _turn = Turn::new();
    let key = LOCAL_MACHINE.create(LOCAL).unwrap();
    key.set_u32("WCMPresent", 1).unwrap();
    assert_eq!(policy().local, Original::NoValue);
    for original in [Original::NoKey, Original::NoValue] {
        allow_all(&RegistryPolicy).unwrap();
        restore(&RegistryPolicy, original).unwrap();
        assert_eq!(policy().local, Original::NoValue);
    }
    assert_eq!(key.get_u32("WCMPresent"), Ok(1));
}

#[test]
fn a_value_is_put_back() {
    let _turn = Turn::new();
    RegistryPolicy.set_local(Original::Value(2)).unwrap();
    let original = policy().local;
    allow_all(&RegistryPolicy).unwrap();
    restore(&RegistryPolicy, original).unwrap();
    assert_eq!(policy().local, Original::Value(2));
    // Not ours any more.
    restore(&RegistryPolicy, Original::NoValue).unwrap();
    assert_eq!(policy().local, Original::Value(2));
}

#[test]
fn the_administrators_word_counts() {
    let _turn = Turn::new();
    allow_all(&RegistryPolicy).unwrap();
    let group = LOCAL_MACHINE.create(GROUP).unwrap();
    group.set_u32(VALUE, 3).unwrap();
    assert!(policy().is_forced());
    assert_eq!(policy().in_force(), Minimize::NoWifiOnEthernet);
    restore(&RegistryPolicy, Original::NoKey).unwrap();
    assert!(LOCAL_MACHINE.open(LOCAL).is_err());
    assert_eq!(group.get_u32(VALUE), Ok(3));
}

#[test]
fn a_value_that_is_no_number_is_an_error() {
    let _turn = Turn::new();
    let key = LOCAL_MACHINE.create(LOCAL).unwrap();
    key.set_string(VALUE, "yes").unwrap();
    let error = RegistryPolicy.policy().unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("can't read the value {VALUE} of {LOCAL}")
    );
    assert!(error.source().is_some());
}
