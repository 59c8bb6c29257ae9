//! The event log. Needs an administrator's rights.
#![cfg(windows)]

use windows_registry::LOCAL_MACHINE;
use winproc::{EventLog, Severity};

#[test]
fn a_source_is_registered_reports_and_goes() {
    let source = format!("winproc test {}", std::process::id());
    let key = format!(r"SYSTEM\CurrentControlSet\Services\EventLog\Application\{source}");
    EventLog::register(&source).unwrap();
    let registered = LOCAL_MACHINE.open(&key).unwrap();
    assert_eq!(registered.get_u32("TypesSupported").unwrap(), 7);
    let log = EventLog::open(&source).unwrap();
    for severity in [Severity::Error, Severity::Warning, Severity::Information] {
        log.report(severity, "a test says nothing of importance")
            .unwrap();
    }
    log.report(Severity::Error, &"x".repeat(100_000)).unwrap();
    EventLog::unregister(&source).unwrap();
    EventLog::unregister(&source).unwrap();
    assert!(LOCAL_MACHINE.open(&key).is_err());
}
