//! Any file, against the model.

use proptest::prelude::*;

use super::*;

const LINES: &[&str] = &[
    "[wsl2]",
    "[WSL2]  ",
    "[wsl2] # main",
    "[wsl2] ; main",
    "[wsl2",
    "[experimental]",
    "[general]",
    "[user]",
    "[abcdef]x",
    "[]",
    "[ wsl2 ]",
    "",
    "   ",
    "junk",
    "# kernel=a",
    "; kernel=b",
    "=c",
    "kernel=C:\\\\k",
    "  Kernel = \"C:\\\\my # k\" # note",
    "kernel=C:\\Users\\k",
    "kernel=",
    "kernel C:\\k",
    "kernelModules=C:\\\\m.vhdx",
    "kernelCommandLine=kernel=x \\",
    "kernel=\"",
    "vmIdleTimeout=60000",
    "\tvmIdleTimeout\t=\t-1\t",
    "vmidletimeout=-1",
    "vmIdleTimeout= # none",
    "instanceIdleTimeout=\"1\"5",
    "networkingMode=mirrored",
    "firewall=false",
    "safeMode=true#",
    "memory=4GB",
    "swap=0\\",
    "swap=\"a\\nb\" \\",
    "path=Zoë",
    "path=😀",
    "a\0=b",
    "path=\0x",
    "\u{FEFF}[wsl2]",
    "\u{1A}",
];

/// A file as people write it, if badly: as UTF-8 with or without a mark, or as UTF-16.
fn files() -> impl Strategy<Value = Vec<u8>> {
    let line = prop::sample::select(LINES);
    let end = prop_oneof![6 => Just("\n"), 6 => Just("\r\n"), 1 => Just("\r"), 1 => Just("")];
    let lines = prop::collection::vec((line, end), 0..16);
    let text = lines.prop_map(|lines| {
        let lines = lines.into_iter();
        lines
            .map(|(line, end)| format!("{line}{end}"))
            .collect::<String>()
    });
    let soup = "(kernel|wsl2|vmIdleTimeout|-1|[\\[\\]=\\\\\"#a; \t\r\n\u{1A}\u{E9}\u{141}]){0,40}";
    let mark = prop_oneof![Just(""), Just("\u{FEFF}")];
    (
        prop_oneof![3 => text, 1 => soup],
        mark,
        0..3_u8,
        any::<bool>(),
    )
        .prop_map(|(text, mark, encoding, has_byte_more)| {
            let mut bytes = match encoding {
                0 => Encoding::Utf16Le.encode(&format!("\u{FEFF}{text}")),
                _ => format!("{mark}{text}").into_bytes(),
            };
            bytes.extend(has_byte_more.then_some(0xC3));
            bytes
        })
}

fn settings() -> impl Strategy<Value = Setting> {
    let path = r"[C-D]:\\[a-zA-Z#. \\]{0,9}[a-z# ]";
    prop_oneof![
        (path, path).prop_map(|(kernel, modules)| kernel_at(&kernel, &modules)),
        (-1..3).prop_map(Setting::VmIdleTimeout),
        (-1..3).prop_map(Setting::InstanceIdleTimeout),
    ]
}

/// The first value of each key.
fn in_force(bytes: &[u8]) -> Vec<(String, String)> {
    let mut entries: Vec<(String, String)> = Vec::new();
    for entry in model::entries(bytes) {
        if !entries.iter().any(|(name, _)| *name == entry.0) {
            entries.push(entry);
        }
    }
    entries.sort();
    entries
}

fn check_reading(bytes: &[u8]) -> Result<(), TestCaseError> {
    let Ok(document) = Document::parse(bytes) else {
        prop_assert!(bytes.starts_with(b"\xFE\xFF"));
        return Ok(());
    };
    prop_assert_eq!(document.as_bytes(), bytes);
    for (key, names) in [
        (Key::Kernel, &["wsl2.kernel"][..]),
        (Key::KernelModules, &["wsl2.kernelmodules"]),
        (Key::KernelCommandLine, &["wsl2.kernelcommandline"]),
        (Key::SafeMode, &["wsl2.safemode"]),
        (Key::VmIdleTimeout, &["wsl2.vmidletimeout"]),
        (Key::InstanceIdleTimeout, &["general.instanceidletimeout"]),
        (
            Key::NetworkingMode,
            &["wsl2.networkingmode", "experimental.networkingmode"],
        ),
        (Key::Firewall, &["wsl2.firewall", "experimental.firewall"]),
    ] {
        let found = document.get(key).map(|found| found.text);
        prop_assert_eq!(found, model::get(bytes, names), "{}", key);
    }
    let entries = document.outline.entries;
    prop_assert_eq!(entries.len(), model::entries(bytes).len());
    Ok(())
}

/// Whatever is set in whatever order: WSL uses it, and nothing else changes for WSL; and it goes back.
fn check_setting(bytes: &[u8], settings: &[Setting]) -> Result<(), TestCaseError> {
    if bytes.starts_with(b"\xFE\xFF") {
        return Ok(());
    }
    let mut bench = Bench::new(bytes);
    for setting in settings {
        let mut expected = in_force(bench.document.as_bytes());
        bench = bench.set(setting);
        for (key, value) in setting.entries() {
            let name = key.to_string().to_ascii_lowercase();
            expected.retain(|(it, _)| *it != name);
            expected.push((name, value.as_str().to_owned()));
        }
        expected.sort();
        prop_assert_eq!(in_force(bench.document.as_bytes()), expected);
        check_reading(bench.document.as_bytes())?;
    }
    if !is_adopted(bytes, settings) {
        prop_assert_eq!(bench.restore().0, bytes);
    }
    Ok(())
}

/// A kernel of ours that is there already was left by a run whose changes are lost: it goes.
fn is_adopted(bytes: &[u8], settings: &[Setting]) -> bool {
    let before = in_force(bytes);
    let kernels = settings.iter().filter(|it| it.is_surely_ours());
    let mut entries = kernels.flat_map(|it| it.entries());
    entries.any(|(key, value)| {
        let entry = (
            key.to_string().to_ascii_lowercase(),
            value.as_str().to_owned(),
        );
        before.contains(&entry)
    })
}

/// What may come into a file that doesn't have the key.
fn blocks(line: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    for line_break in ["\n", "\r\n"] {
        blocks.push(format!("{line}{line_break}"));
        blocks.push(format!("{line_break}{line}"));
        let section = format!("[wsl2]{line_break}{line}{line_break}");
        for before in ["", " "] {
            for line_breaks in 0..3 {
                let line_breaks = line_break.repeat(line_breaks);
                blocks.push(format!("{before}{line_breaks}{section}"));
            }
        }
    }
    blocks
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn files_are_read_as_wsl_does(bytes in files()) {
        check_reading(&bytes)?;
    }

    #[test]
    fn bytes_are_read_as_wsl_does(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        check_reading(&bytes)?;
    }

    #[test]
    fn what_is_set_counts_and_goes_back(
        bytes in files(),
        settings in prop::collection::vec(settings(), 0..6),
    ) {
        check_setting(&bytes, &settings)?;
    }

    #[test]
    fn what_is_set_in_any_bytes_counts_and_goes_back(
        bytes in prop::collection::vec(any::<u8>(), 0..64),
        settings in prop::collection::vec(settings(), 0..6),
    ) {
        check_setting(&bytes, &settings)?;
    }

    /// One value is replaced, or one line is put somewhere, or a section with it.
    #[test]
    fn every_other_byte_stays(old in files()) {
        let document = Document::parse(&old).unwrap();
        let encoding = document.encoding;
        let bench = Bench::new(&old).set(&Setting::VmIdleTimeout(1234));
        let new = bench.document.as_bytes();
        if let Some(entry) = document.entries(Key::VmIdleTimeout).next() {
            let span = document.span(&entry.value_place);
            let value = encoding.encode("1234");
            prop_assert_eq!(new, [&old[..span.start], &value, &old[span.end..]].concat());
        } else {
            let blocks = blocks("vmIdleTimeout=1234");
            let is_put = |block: &String| {
                let block = encoding.encode(block);
                let whole = |at| [&old[..at], &block, &old[at..]].concat();
                (0..=old.len()).any(|at| whole(at) == new)
            };
            prop_assert!(blocks.iter().any(is_put), "{:?}", bench.document);
        }
    }

    /// What the user writes behind ours stays, and nothing of ours does.
    #[test]
    fn what_the_user_adds_stays(bytes in files(), added in prop::sample::select(LINES)) {
        let mut bench = Bench::new(&bytes).set(&kernel());
        let encoding = bench.document.encoding;
        let added = encoding.encode(&format!("{added}\r\n"));
        let line_break = encoding.encode("\r\n");
        let all = [bench.document.as_bytes(), &line_break, &added].concat();
        bench.document = Document::parse(&all).unwrap();
        let (bytes, _) = bench.restore();
        prop_assert!(bytes.ends_with(&added));
        let document = Document::parse(&bytes).unwrap();
        for entry in &document.outline.entries {
            prop_assert!(![KERNEL.as_bytes(), MODULES.as_bytes()].contains(&&entry.value[..]));
        }
    }
}
