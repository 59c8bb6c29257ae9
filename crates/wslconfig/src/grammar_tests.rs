use super::*;
use crate::encoding::Encoding;

fn read(text: &str) -> Outline {
    outline(&Encoding::Utf8.read(text.as_bytes(), 0))
}

/// The entries, as `section.name=value`.
fn entries(text: &str) -> Vec<String> {
    let entries = read(text).entries.into_iter();
    entries
        .map(|it| format!("{}.{}={}", it.section, it.name, lossy(&it.value)))
        .collect()
}

/// The only value of `[s]` that WSL sees in a file with this line.
fn value(line: &str) -> Option<String> {
    let entries = entries(&format!("[s]\n{line}"));
    assert!(entries.len() <= 1, "{entries:?}");
    let value = entries.first()?.split_once('=').unwrap().1;
    Some(value.to_owned())
}

#[test]
fn values() {
    for (line, expected) in [
        ("k=v", "v"),
        ("  k \t=\t v \t", "v"),
        ("k=", ""),
        ("k=\"\"", ""),
        ("k=a b", "a b"),
        ("k=a=b", "a=b"),
        ("k=v#c", "v"),
        ("k=v # c", "v"),
        ("k=#c", ""),
        ("k=v ; no comment", "v ; no comment"),
        ("k=\" v \" ", " v "),
        ("k=\"a # b\" # c", "a # b"),
        ("k=a\" \"b", "a b"),
        ("k=a\\\\b\\\"c\\tz", "a\\b\"c\tz"),
        ("k=a\\b", "a\u{8}"),
        ("k=\"a\\nb\"", "a\nb"),
        ("k=a \\\n  b", "a   b"),
        ("k=a\\\r\nb", "ab"),
        ("k=a\\\n", "a"),
        ("k=a \\\n# c", "a "),
        ("k=v\rjunk", "v"),
        ("k=a\0b", "a"),
        ("k=Zo\u{141}", "ZoA"),
        ("k=a\u{100}b", "a"),
    ] {
        assert_eq!(value(line).as_deref(), Some(expected), "{line:?}");
    }
}

#[test]
fn lines_that_wsl_skips() {
    for line in [
        "; k=v",
        "# k=v",
        "k",
        "k v",
        "k-x=v",
        "1k=v",
        "=v",
        "\"k\"=v",
        "k=\"v",
        "k=\"a \\\n b",
        r"k=C:\Users\me",
        r"k=v\",
        "k=a\\\rb",
        "é=v",
        "k=\"a\rk=b",
        "# comment\rk=v",
    ] {
        assert_eq!(value(line), None, "{line:?}");
        let next = format!("[s]\n{line}\n\nnext=1");
        let last = entries(&next).pop();
        let expected = Some("s.next=1");
        assert_eq!(
            last.as_deref(),
            expected,
            "{line:?} takes the next line along"
        );
    }
}

#[test]
fn sections() {
    for (text, expected) in [
        ("a=1\n[S1]\nb=2\n[t]\nc=3", ".a=1 S1.b=2 t.c=3"),
        ("[s] # [t]\na=1", "s.a=1"),
        ("  [s]\t\ra=1", "s.a=1"),
        ("[s]\n[ t ]\na=1", "s.a=1"),
        ("[s]\n[1]\na=1", "s.a=1"),
        ("[s]\n[\na=1", "s.a=1"),
        // A header with something behind it, or with no end, spoils the section's name.
        ("[wsl2] ; mine\na=1", ".a=1"),
        ("[user]\n[wsl2] ; mine\na=1", "wsl2.a=1"),
        ("[user]\n[experimental]x\na=1", "expe.a=1"),
        ("[user]\n[wsl2\na=1\n[s]\nb=1", "wsl2.a=1 s.b=1"),
        ("[user]\n[ab-c]\na=1", "ab\0\0.a=1"),
    ] {
        assert_eq!(entries(text).join(" "), expected, "{text:?}");
    }
}

#[test]
fn places_are_where_the_text_is() {
    let text = "[s] # é\r\n  k = \"a\" b \\\r\n c \t# d";
    let units = Encoding::Utf8.read(text.as_bytes(), 0);
    let outline = outline(&units);
    let slice = |place: &Range<usize>| &text[units.offset(place.start)..units.offset(place.end)];
    let entry = &outline.entries[0];
    assert_eq!(slice(&entry.place), "k = \"a\" b \\\r\n c");
    assert_eq!(slice(&entry.value_place), "\"a\" b \\\r\n c");
    assert_eq!(entry.value, b"a b  c");
    let header = &outline.headers[0];
    assert_eq!(header.section, "s");
    let rest = header.line_break..units.units.len();
    assert!(slice(&rest).starts_with("\r\n  k"));
}

#[test]
fn where_a_header_ends() {
    for (text, rest) in [
        ("[s]", ""),
        ("[s]  \nx", "\nx"),
        ("[s] # a\rb\nx", "\nx"),
        ("[s] # a", ""),
        ("[s]\rx\n", "\rx\n"),
    ] {
        let header = &read(text).headers[0];
        assert_eq!(&text[header.line_break..], rest, "{text:?}");
    }
    assert!(read("[s] x\n[s\n[]").headers.is_empty());
}

#[test]
fn tails() {
    for (text, tail) in [
        ("", Tail::LineStart),
        ("k=v\n", Tail::LineStart),
        ("k=v\r", Tail::LineStart),
        ("junk\n", Tail::LineStart),
        ("# c\n", Tail::LineStart),
        ("k=v", Tail::Line),
        ("k=v\n  ", Tail::Line),
        ("# c\r", Tail::Line),
        ("[s]", Tail::Line),
        ("k=v\\\n", Tail::Line),
        ("k=v\\", Tail::Backslash),
        ("k=v\\\r", Tail::Backslash),
        ("k=v\\\r ", Tail::Line),
        ("k=v\\x", Tail::Line),
        ("k=v\\x\n", Tail::LineStart),
    ] {
        assert_eq!(read(text).tail, tail, "{text:?}");
    }
}
