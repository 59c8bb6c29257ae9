use super::*;
use crate::encoding::ParseError;

fn get(text: &str, key: Key) -> Option<String> {
    let document = Document::parse(text.as_bytes()).unwrap();
    document.get(key).map(|found| found.text)
}

#[test]
fn the_first_entry_counts() {
    let text = "[wsl2]\nkernel=C:\\\\a\n[x]\nkernel=C:\\\\b\n[WSL2]\nKERNEL=C:\\\\c\n";
    assert_eq!(get(text, Key::Kernel).unwrap(), r"C:\a");
    assert_eq!(get("[Wsl2]\nkErNeL=x", Key::Kernel).unwrap(), "x");
    // Also an empty one, and one that is no number: WSL remembers that it has seen the key.
    assert_eq!(get("[wsl2]\nkernel=\nkernel=x", Key::Kernel).unwrap(), "");
    let text = "[wsl2]\nvmIdleTimeout=never\nvmIdleTimeout=1";
    assert_eq!(get(text, Key::VmIdleTimeout).unwrap(), "never");
}

#[test]
fn keys_are_whole_words_in_their_own_section() {
    let text = "kernel=a\n[wsl2]\nkernelModules=b\nkernelCommandLine=kernel=c\n[boot]\nkernel=d";
    assert_eq!(get(text, Key::Kernel), None);
    assert_eq!(get(text, Key::KernelModules).unwrap(), "b");
    assert_eq!(get(text, Key::KernelCommandLine).unwrap(), "kernel=c");
}

#[test]
fn a_setting_may_have_a_former_name() {
    let text = "[experimental]\nnetworkingMode=mirrored\n[wsl2]\nnetworkingMode=nat";
    assert_eq!(get(text, Key::NetworkingMode).unwrap(), "mirrored");
    assert_eq!(get("[experimental]\nkernel=x", Key::Kernel), None);
}

#[test]
fn lines_that_wsl_skips_do_not_count() {
    let text = "[wsl2]\n; kernel=a\nkernel=C:\\Users\\b\nkernel=\"c\n#kernel=d\nkernel=C:\\\\e";
    let found = Document::parse(text.as_bytes()).unwrap().get(Key::Kernel);
    let text = r"C:\e".to_owned();
    assert_eq!(found, Some(Found { text, line: 6 }));
}

#[test]
fn lines_are_counted_as_an_editor_does() {
    let text = "# a\r\n\r\n[wsl2]\r\nmemory=4\\\r\nGB\r\nsafeMode=true\r\n";
    let found = Document::parse(text.as_bytes()).unwrap().get(Key::SafeMode);
    assert_eq!(found.unwrap().line, 6);
}

#[test]
fn letters_beyond_ascii_are_what_wsl_makes_of_them() {
    let text = "[wsl2]\nkernel=C:\\\\Zo\u{EB}\\\\\u{142}";
    assert_eq!(get(text, Key::Kernel).unwrap(), "C:\\Zo\u{FFFD}\\B");
}

#[test]
fn modules_want_a_kernel() {
    for (text, expected) in [
        ("", false),
        ("[wsl2]\nkernel=a", false),
        ("[wsl2]\nkernel=a\nkernelModules=b", false),
        ("[wsl2]\nkernelModules=b", true),
        ("[wsl2]\nkernel=\nkernelModules=b", true),
        ("[wsl2]\nkernelModules=", false),
    ] {
        let document = Document::parse(text.as_bytes()).unwrap();
        assert_eq!(document.has_modules_without_kernel(), expected, "{text:?}");
    }
}

#[test]
fn no_line_makes_parsing_fail() {
    for bytes in [
        &b""[..],
        b"\xFF",
        b"\xC3",
        b"[",
        b"k=\\",
        b"\0",
        b"\x1A",
        b"\xFF\xFEa",
    ] {
        assert_eq!(Document::parse(bytes).unwrap().as_bytes(), bytes);
    }
    let error = Document::parse(b"\xFE\xFF\0[").unwrap_err();
    assert_eq!(error, ParseError::Utf16BigEndian);
}
