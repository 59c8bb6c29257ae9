//! Setting again, and restoring what others have changed meanwhile.

use super::*;
use Restored::{Back, Gone, Theirs};

const NEVER: Setting = Setting::VmIdleTimeout(-1);

fn timeout(restored: Restored) -> Vec<(Key, Restored)> {
    vec![(Key::VmIdleTimeout, restored)]
}

#[track_caller]
fn assert_restores_to(bench: &Bench, text: &str, restored: Restored) {
    let (bytes, what) = bench.restore();
    assert_eq!(String::from_utf8(bytes).unwrap(), text);
    assert_eq!(what, timeout(restored));
}

#[test]
fn setting_again_changes_nothing() {
    let once = Bench::new("[wsl2]\nkernel=C:\\\\k\n")
        .set(&kernel())
        .set(&NEVER);
    let (text, changes) = (once.text(), once.changes.clone());
    let twice = once.set(&kernel()).set(&NEVER);
    assert_eq!((twice.text(), &twice.changes), (text, &changes));
    twice.assert_restores();
}

#[test]
fn another_value_of_ours_keeps_what_was_first() {
    for file in ["", "[wsl2]\n", "[wsl2]\nkernel=C:\\\\k # mine\n", "[wsl2]"] {
        let bench = Bench::new(file).set(&kernel()).set(&NEVER);
        let bench = bench.set(&kernel_at(r"C:\new\k", r"C:\new\m"));
        let bench = bench
            .set(&Setting::InstanceIdleTimeout(-1))
            .set(&Setting::VmIdleTimeout(7));
        assert_eq!(bench.document.get(Key::Kernel).unwrap().text, r"C:\new\k");
        assert_eq!(bench.document.get(Key::VmIdleTimeout).unwrap().text, "7");
        bench.assert_restores();
    }
}

#[test]
fn a_file_that_was_not_written_after_all_is_no_loss() {
    let file = "[wsl2]\nkernel=C:\\\\k\n";
    let mut bench = Bench::new(file).set(&kernel());
    let before = bench.text();
    bench = bench.set(&kernel_at(r"C:\new\k", r"C:\new\m"));
    // The changes are kept, and then the program is killed.
    bench = bench.edit(|_| before.clone());
    bench.assert_restores();
    bench
        .set(&kernel_at(r"C:\new\k", r"C:\new\m"))
        .assert_restores();

    let bench = Bench::new(file).set(&kernel()).edit(|_| file.to_owned());
    let (bytes, restored) = bench.restore();
    assert_eq!(bytes, file.as_bytes());
    assert_eq!(
        restored,
        [(Key::Kernel, Theirs), (Key::KernelModules, Gone)]
    );
    bench.set(&kernel()).assert_restores();
}

#[test]
fn what_the_user_has_set_meanwhile_stays() {
    let bench = Bench::new("[wsl2]\nvmIdleTimeout=1\n").set(&NEVER);
    let theirs = bench.edit(|text| text.replace("-1", "5"));
    assert_restores_to(&theirs, "[wsl2]\nvmIdleTimeout=5\n", Theirs);
    // It is also what to go back to if it is set once more.
    let again = theirs.set(&NEVER);
    assert_restores_to(&again, "[wsl2]\nvmIdleTimeout=5\n", Back);
    let gone = again.edit(|_| "[wsl2]\n".to_owned());
    assert_restores_to(&gone, "[wsl2]\n", Gone);
}

#[test]
fn ours_is_found_wherever_it_is_and_however_it_is_written() {
    let bench = Bench::new("[wsl2]\nmemory=1\n").set(&NEVER);
    let bench = bench.edit(|_| "[x]\n[wsl2]\nmemory=1\n  vmIdleTimeout = \"-1\" \n".to_owned());
    assert_restores_to(&bench, "[x]\n[wsl2]\nmemory=1\n", Back);
    // Below another value of the user's, ours would come to count when that one goes.
    let bench = bench.edit(|_| "[wsl2]\nvmIdleTimeout=5\nvmIdleTimeout=-1 # why\n".to_owned());
    assert_restores_to(&bench, "[wsl2]\nvmIdleTimeout=5\n # why\n", Back);
}

#[test]
fn ours_does_not_stay_below_theirs_when_it_is_set_again() {
    let bench = Bench::new("[wsl2]\nmemory=1\n").set(&NEVER);
    let bench = bench.edit(|text| text.replace("[wsl2]\n", "[wsl2]\nvmIdleTimeout=5\n"));
    let bench = bench.set(&NEVER);
    assert_eq!(bench.text(), "[wsl2]\nvmIdleTimeout=-1\nmemory=1\n");
    assert_restores_to(&bench, "[wsl2]\nvmIdleTimeout=5\nmemory=1\n", Back);
    // What the user has set by hand, if only to the same, is the user's.
    let bench = bench.edit(|text| text.replace("-1", "0"));
    let bench = bench.set(&Setting::VmIdleTimeout(0));
    assert!(bench.changes.is_empty());
}

#[test]
fn a_section_of_ours_stays_if_others_use_it() {
    let bench = Bench::new("[x]\r\na=1").set(&NEVER);
    let bench = bench.edit(|text| text + "memory=1\r\n");
    assert_restores_to(&bench, "[x]\r\na=1\r\n\r\n[wsl2]\r\nmemory=1\r\n", Back);
    let bench = Bench::new("[wsl2]")
        .set(&NEVER)
        .edit(|text| text + "\r\nmemory=1");
    assert_restores_to(&bench, "[wsl2]\r\nmemory=1", Back);
}

#[test]
fn the_encoding_may_have_changed() {
    let file = "[wsl2]\r\nvmIdleTimeout=\"1\" # Zoë\r\n";
    let mut bench = Bench::new(file).set(&NEVER);
    let utf16 = |text: &str| Encoding::Utf16Le.encode(&format!("\u{FEFF}{text}"));
    bench.document = Document::parse(&utf16(&bench.text())).unwrap();
    assert_eq!(bench.restore(), (utf16(file), timeout(Back)));
}

#[test]
fn a_value_that_was_there_already_stays() {
    let bench = Bench::new("[wsl2]\nvmIdleTimeout=-1\n").set(&NEVER);
    assert!(bench.changes.is_empty());
    bench.assert_restores();
}

#[test]
fn a_kernel_of_ours_goes_even_if_nothing_is_known_of_it() {
    let mut bench = Bench::new("[wsl2]\nmemory=1\n").set(&kernel());
    bench.changes = Changes::default();
    let bench = bench.set(&kernel());
    assert!(!bench.changes.is_empty());
    bench.assert_restores();
}
