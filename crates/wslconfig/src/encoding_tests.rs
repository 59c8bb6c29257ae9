use super::*;

fn text(bytes: &[u8]) -> (String, usize) {
    let (encoding, start) = Encoding::detect(bytes).unwrap();
    let text = encoding.read(bytes, start);
    let codes: Vec<u16> = text.units.iter().map(|unit| unit.code).collect();
    (String::from_utf16_lossy(&codes), text.end)
}

fn utf16(text: &str) -> Vec<u8> {
    [UTF16LE_BOM, &Encoding::Utf16Le.encode(text)].concat()
}

#[test]
fn the_first_bytes_decide_the_encoding() {
    assert_eq!(text("a=é😀".as_bytes()), ("a=é😀".to_owned(), 8));
    assert_eq!(text(b"\xEF\xBB\xBFa"), ("a".to_owned(), 4));
    assert_eq!(text(&utf16("a=é😀")), ("a=é😀".to_owned(), 12));
    assert_eq!(text(b""), (String::new(), 0));
    assert_eq!(text(b"\xFF\xFE"), (String::new(), 2));
    // Without a mark it is UTF-8 to the C runtime, whatever it looks like.
    assert_eq!(text(b"a\0"), ("a\0".to_owned(), 2));
}

#[test]
fn big_endian_is_refused_with_a_way_out() {
    let error = Encoding::detect(b"\xFE\xFF\0a").unwrap_err();
    assert_eq!(error, ParseError::Utf16BigEndian);
    assert!(error.to_string().ends_with("save it as UTF-8"), "{error}");
}

#[test]
fn line_breaks_become_one_character() {
    assert_eq!(
        text(b"a\r\nb\nc\rd\r\r\n").0,
        "a\nb\nc\rd\r\n",
        "a lone CR stays"
    );
    assert_eq!(text(&utf16("a\r\nb\r")).0, "a\nb\r");
    for (bytes, line_break) in [
        (&b"a\nb\r\n"[..], "\n"),
        (b"a\r\nb\n", "\r\n"),
        (b"a\rb\n", "\n"),
        (b"a\r", "\r\n"),
        (b"", "\r\n"),
        (&utf16("a\r\n"), "\r\n"),
        (&utf16("a\n"), "\n"),
    ] {
        let (encoding, start) = Encoding::detect(bytes).unwrap();
        let text = encoding.read(bytes, start);
        assert_eq!(text.first_line_break(bytes), line_break, "{bytes:?}");
    }
}

#[test]
fn the_text_ends_before_what_the_c_runtime_does_not_read() {
    assert_eq!(text(b"a=b\x1A[wsl2]"), ("a=b".to_owned(), 3));
    assert_eq!(text(&utf16("ab\u{1A}c")), ("ab".to_owned(), 6));
    let odd = [utf16("ab"), vec![b'c']].concat();
    assert_eq!(text(&odd), ("ab".to_owned(), 6));
}

#[test]
fn bytes_that_are_no_utf8_keep_their_places() {
    let bytes = b"\xE9a\xF0\x9F\x98b";
    let units = Encoding::Utf8.read(bytes, 0).units;
    let places: Vec<_> = units.iter().map(|unit| (unit.code, unit.at)).collect();
    assert_eq!(
        places,
        [(0xFFFD, 0), (97, 1), (0xFFFD, 2), (98, 5)],
        "each is one U+FFFD"
    );
    assert_eq!(Encoding::Utf8.decode(bytes), None);
    assert_eq!(Encoding::Utf16Le.decode(b"a\0b"), None, "half a character");
    assert_eq!(Encoding::Utf16Le.decode(b"\0\xD8"), None, "half a pair");
    let text = "é😀\r\n";
    for encoding in [Encoding::Utf8, Encoding::Utf16Le] {
        assert_eq!(encoding.decode(&encoding.encode(text)).unwrap(), text);
    }
}
