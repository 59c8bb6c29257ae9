//! Setting and restoring. `Bench` is a file, what was changed in it, and what it was at first.

#[path = "edit_tests/model.rs"]
mod model;
#[path = "edit_tests/properties.rs"]
mod properties;
#[path = "edit_tests/prototype.rs"]
mod prototype;
#[path = "edit_tests/restoring.rs"]
mod restoring;

use super::*;
use crate::encoding::Encoding;
use crate::setting::Kernel;

const KERNEL: &str = r"C:\Program Files\M\bzImage";
const MODULES: &str = r"C:\Program Files\M\modules.vhdx";

fn kernel() -> Setting {
    kernel_at(KERNEL, MODULES)
}

fn kernel_at(kernel: &str, modules: &str) -> Setting {
    Setting::Kernel(Kernel {
        kernel: kernel.parse().unwrap(),
        modules: modules.parse().unwrap(),
    })
}

struct Bench {
    document: Document,
    changes: Changes,
    at_first: Vec<u8>,
}

impl Bench {
    fn new(file: impl AsRef<[u8]>) -> Self {
        Self {
            document: Document::parse(file.as_ref()).unwrap(),
            changes: Changes::default(),
            at_first: file.as_ref().to_vec(),
        }
    }

    fn set(mut self, setting: &Setting) -> Self {
        self.document.set(setting, &mut self.changes);
        self
    }

    /// Somebody else saves the file.
    fn edit(mut self, edit: impl FnOnce(String) -> String) -> Self {
        let text = edit(self.text());
        self.document = Document::parse(text.as_bytes()).unwrap();
        self
    }

    fn text(&self) -> String {
        String::from_utf8(self.document.as_bytes().to_vec()).unwrap()
    }

    /// As a program does that was stopped meanwhile: file and changes are read again.
    fn restore(&self) -> (Vec<u8>, Vec<(Key, Restored)>) {
        let mut document = Document::parse(self.document.as_bytes()).unwrap();
        let kept = serde_json::to_string(&self.changes).unwrap();
        let restored = document.restore(serde_json::from_str(&kept).unwrap());
        (document.as_bytes().to_vec(), restored)
    }

    #[track_caller]
    fn assert_restores(&self) {
        let (bytes, restored) = self.restore();
        assert_eq!(
            String::from_utf8_lossy(&bytes),
            String::from_utf8_lossy(&self.at_first)
        );
        assert_eq!(bytes, self.at_first);
        assert!(restored.iter().all(|(_, it)| *it == Restored::Back));
    }
}

/// Sets the VM's time-out to -1, compares the file, and restores.
#[track_caller]
fn assert_set(file: &str, expected: &str) {
    let bench = Bench::new(file).set(&Setting::VmIdleTimeout(-1));
    assert_eq!(bench.text(), expected, "{file:?}");
    bench.assert_restores();
}

#[test]
fn a_value_is_replaced_where_it_is() {
    for (old, new) in [
        ("vmIdleTimeout=60000\n", "vmIdleTimeout=-1\n"),
        (
            "  VMIDLETIMEOUT\t= 60000 \t# note\r\n",
            "  VMIDLETIMEOUT\t= -1 \t# note\r\n",
        ),
        ("vmIdleTimeout=\"60 # \"# note", "vmIdleTimeout=-1# note"),
        ("vmIdleTimeout=60\\\r\n000\r\n", "vmIdleTimeout=-1\r\n"),
        ("vmIdleTimeout=\n", "vmIdleTimeout=-1\n"),
        ("vmIdleTimeout= # none\n", "vmIdleTimeout= -1# none\n"),
        ("vmIdleTimeout=1", "vmIdleTimeout=-1"),
        ("vmIdleTimeout=1\rmemory=1", "vmIdleTimeout=-1\rmemory=1"),
        (
            "vmIdleTimeout=1\nvmIdleTimeout=2\n",
            "vmIdleTimeout=-1\nvmIdleTimeout=2\n",
        ),
    ] {
        assert_set(&format!("[wsl2]\n{old}"), &format!("[wsl2]\n{new}"));
    }
}

#[test]
fn a_line_goes_below_the_first_header_of_its_section() {
    assert_set(
        "# a\n[wsl2] # b\nmemory=1\n\n[wsl2]\n[x]",
        "# a\n[wsl2] # b\nvmIdleTimeout=-1\nmemory=1\n\n[wsl2]\n[x]",
    );
    assert_set("[WSL2]\r\n[x]\r\n", "[WSL2]\r\nvmIdleTimeout=-1\r\n[x]\r\n");
    assert_set("[wsl2]", "[wsl2]\r\nvmIdleTimeout=-1");
    assert_set("[x]\n[wsl2] # a", "[x]\n[wsl2] # a\nvmIdleTimeout=-1");
    assert_set("[wsl2]\rmemory=1", "[wsl2]\rvmIdleTimeout=-1\r\nmemory=1");
    // A skipped line with the key comes to count when the user mends it, so ours is above.
    assert_set(
        "[wsl2]\nvmIdleTimeout=1\\x\n",
        "[wsl2]\nvmIdleTimeout=-1\nvmIdleTimeout=1\\x\n",
    );
    // WSL takes the first line for the section wsl2, but only by mistake.
    assert_set(
        "[user]\n[wsl2] ;\n[wsl2]\n",
        "[user]\n[wsl2] ;\n[wsl2]\nvmIdleTimeout=-1\n",
    );
}

#[test]
fn a_missing_section_goes_to_the_end() {
    let section = "[wsl2]\nvmIdleTimeout=-1\n";
    let windows = "[wsl2]\r\nvmIdleTimeout=-1\r\n";
    assert_set("", windows);
    assert_set("\n", &format!("\n\n{section}"));
    assert_set("[x]\n", &format!("[x]\n\n{section}"));
    assert_set("[x]\r\na=1", &format!("[x]\r\na=1\r\n\r\n{windows}"));
    assert_set("[x]\na=1\r", &format!("[x]\na=1\r\n{section}"));
    assert_set("[wsl2", &format!("[wsl2\r\n\r\n{windows}"));
    // Here WSL stops to read.
    assert_set(
        "[x]\n\u{1A}[wsl2]\n",
        &format!("[x]\n\n{section}\u{1A}[wsl2]\n"),
    );
}

#[test]
fn a_line_that_goes_on_does_not_swallow_a_section() {
    let section = "[wsl2]\nvmIdleTimeout=-1\n";
    assert_set("[x]\na=1\\\n", &format!("[x]\na=1\\\n\n\n{section}"));
    // A line break alone would make the line count.
    assert_set("[x]\na=1\\\r", &format!("[x]\na=1\\\r \n\n{section}"));
    let backslash = "[x]\na=1\\";
    let with_section = format!("[x]\na=1\\ \n\n{section}");
    assert_set(backslash, &with_section);
    assert_eq!(model::entries(backslash.as_bytes()), []);
    let entries = model::entries(with_section.as_bytes());
    assert_eq!(
        entries,
        [("wsl2.vmidletimeout".to_owned(), "-1".to_owned())]
    );
}

#[test]
fn encodings_are_kept() {
    let text = "\u{FEFF}[wsl2]\r\nmemory=4GB # Zoë 😀\r\n";
    let with_line = "\u{FEFF}[wsl2]\r\nvmIdleTimeout=-1\r\nmemory=4GB # Zoë 😀\r\n";
    assert_set(text, with_line);

    let encode = |text| Encoding::Utf16Le.encode(text);
    let bench = Bench::new(encode(text)).set(&Setting::VmIdleTimeout(-1));
    assert_eq!(bench.document.as_bytes(), encode(with_line));
    bench.assert_restores();

    let latin1 = b"[wsl2]\nvmIdleTimeout=\xE9 # \xFC\n";
    let bench = Bench::new(latin1).set(&Setting::VmIdleTimeout(-1));
    assert_eq!(
        bench.document.as_bytes(),
        b"[wsl2]\nvmIdleTimeout=-1 # \xFC\n"
    );
    bench.assert_restores();
}

#[test]
fn values_are_escaped_and_quoted_as_wsl_wants_it() {
    for (path, written) in [
        (r"C:\a b\c", r"C:\\a b\\c"),
        (r"C:\a#b", "\"C:\\\\a#b\""),
        (r"C:\a ", "\"C:\\\\a \""),
    ] {
        let bench = Bench::new("[wsl2]\n").set(&kernel_at(path, r"C:\m"));
        let expected = format!("[wsl2]\nkernel={written}\nkernelModules=C:\\\\m\n");
        assert_eq!(bench.text(), expected);
        assert_eq!(bench.document.get(Key::Kernel).unwrap().text, path);
    }
}
