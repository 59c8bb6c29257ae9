#![no_main]

use libfuzzer_sys::fuzz_target;
use wslconfig::{Changes, Document, Kernel, Key, Setting};

const KERNEL: &str = r"C:\Program Files\M#1\bzImage";
const MODULES: &str = r"C:\Program Files\M#1\modules.vhdx";

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut document) = Document::parse(bytes) else {
        return;
    };
    assert_eq!(document.as_bytes(), bytes);
    let is = |document: &Document, key, value: &str| {
        document.get(key).is_some_and(|found| found.text == value)
    };
    // Of such a kernel it is known that it is ours, so it would not be put back.
    if is(&document, Key::Kernel, KERNEL) || is(&document, Key::KernelModules, MODULES) {
        return;
    }
    let kernel = Kernel {
        kernel: KERNEL.parse().unwrap(),
        modules: MODULES.parse().unwrap(),
    };
    let mut changes = Changes::default();
    for setting in [
        Setting::InstanceIdleTimeout(-1),
        Setting::Kernel(kernel),
        Setting::VmIdleTimeout(-1),
        Setting::VmIdleTimeout(0),
    ] {
        document.set(&setting, &mut changes);
    }
    let mut document = Document::parse(document.as_bytes()).unwrap();
    assert!(is(&document, Key::Kernel, KERNEL));
    assert!(is(&document, Key::KernelModules, MODULES));
    assert!(is(&document, Key::VmIdleTimeout, "0"));
    assert!(is(&document, Key::InstanceIdleTimeout, "-1"));
    document.restore(changes);
    assert_eq!(document.as_bytes(), bytes);
});
