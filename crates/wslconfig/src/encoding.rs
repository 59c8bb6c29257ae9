//! What the Windows C runtime makes of the file's bytes before WSL's parser sees them.

const UTF8_BOM: &[u8] = b"\xEF\xBB\xBF";
const UTF16LE_BOM: &[u8] = b"\xFF\xFE";
const UTF16BE_BOM: &[u8] = b"\xFE\xFF";

/// In text mode the C runtime takes it for the end of the file.
const CTRL_Z: u16 = 0x1A;
const CR: u16 = b'\r' as u16;
const LF: u16 = b'\n' as u16;

/// Why a file can't be edited.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The C runtime refuses to open such a file, so WSL goes on with its defaults.
    #[error(
        ".wslconfig begins with the byte order mark of big-endian UTF-16, and WSL can't read it; save it as UTF-8"
    )]
    Utf16BigEndian,
}

/// How the file's text is written. Decided by the first bytes alone, as the C runtime does; without a
/// byte order mark it is UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Utf8,
    Utf16Le,
}

/// A UTF-16 code unit, as `fgetwc` returns it. CR LF has become one LF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit {
    pub code: u16,
    /// Its first byte in the file.
    pub at: usize,
}

/// What WSL's parser gets to read.
#[derive(Clone, Debug)]
pub struct Text {
    pub units: Vec<Unit>,
    /// Where it ends in the file: before a Ctrl-Z, and before half a code unit.
    pub end: usize,
}

impl Encoding {
    /// The encoding, and how long its byte order mark is.
    pub fn detect(bytes: &[u8]) -> Result<(Self, usize), ParseError> {
        if bytes.starts_with(UTF8_BOM) {
            Ok((Self::Utf8, UTF8_BOM.len()))
        } else if bytes.starts_with(UTF16LE_BOM) {
            Ok((Self::Utf16Le, UTF16LE_BOM.len()))
        } else if bytes.starts_with(UTF16BE_BOM) {
            Err(ParseError::Utf16BigEndian)
        } else {
            Ok((Self::Utf8, 0))
        }
    }

    /// The text from the byte `start` on.
    pub fn read(self, bytes: &[u8], start: usize) -> Text {
        let mut units = match self {
            Self::Utf8 => utf8_units(bytes, start),
            Self::Utf16Le => utf16_units(bytes, start),
        };
        let mut end = bytes.len();
        if self == Self::Utf16Le {
            end -= (bytes.len() - start) % 2;
        }
        if let Some(place) = units.iter().position(|unit| unit.code == CTRL_Z) {
            end = units[place].at;
            units.truncate(place);
        }
        let mut folded = Vec::with_capacity(units.len());
        let mut units = units.into_iter().peekable();
        while let Some(mut unit) = units.next() {
            if unit.code == CR && units.next_if(|next| next.code == LF).is_some() {
                unit.code = LF;
            }
            folded.push(unit);
        }
        Text { units: folded, end }
    }

    /// The bytes of a text.
    pub fn encode(self, text: &str) -> Vec<u8> {
        match self {
            Self::Utf8 => text.as_bytes().to_vec(),
            Self::Utf16Le => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        }
    }

    /// The text whose bytes these are, if it encodes to the same bytes again.
    pub fn decode(self, bytes: &[u8]) -> Option<String> {
        match self {
            Self::Utf8 => str::from_utf8(bytes).ok().map(str::to_owned),
            Self::Utf16Le => {
                let (pairs, []) = bytes.as_chunks() else {
                    return None;
                };
                let codes: Vec<u16> = pairs.iter().copied().map(u16::from_le_bytes).collect();
                String::from_utf16(&codes).ok()
            }
        }
    }
}

impl Text {
    /// Where the unit at `place` begins in the file.
    pub fn offset(&self, place: usize) -> usize {
        self.units.get(place).map_or(self.end, |unit| unit.at)
    }

    /// How the line break at `place` is written; if there is none, or a lone CR, as the first in the file.
    pub fn line_break(&self, place: usize, bytes: &[u8]) -> &'static str {
        match self.units.get(place) {
            Some(unit) if unit.code == LF && bytes[unit.at] == b'\r' => "\r\n",
            Some(unit) if unit.code == LF => "\n",
            _ => self.first_line_break(bytes),
        }
    }

    /// How the first line break in the file is written; as on Windows where there is none.
    pub fn first_line_break(&self, bytes: &[u8]) -> &'static str {
        let first = self.units.iter().position(|unit| unit.code == LF);
        first.map_or("\r\n", |place| self.line_break(place, bytes))
    }
}

/// Bytes that are no UTF-8 become U+FFFD (`MultiByteToWideChar` without flags). Not shown here: where the C
/// runtime's buffer or the file ends with such a byte, reading fails there (`read.cpp`,
/// `translate_ansi_or_utf8_nolock`), and WSL doesn't see the rest or that buffer.
fn utf8_units(bytes: &[u8], start: usize) -> Vec<Unit> {
    let mut units = Vec::with_capacity(bytes.len() - start);
    let mut at = start;
    for chunk in bytes[start..].utf8_chunks() {
        for char in chunk.valid().chars() {
            for &mut code in char.encode_utf16(&mut [0; 2]) {
                units.push(Unit { code, at });
            }
            at += char.len_utf8();
        }
        if !chunk.invalid().is_empty() {
            units.push(Unit { code: 0xFFFD, at });
            at += chunk.invalid().len();
        }
    }
    units
}

fn utf16_units(bytes: &[u8], start: usize) -> Vec<Unit> {
    let (pairs, _) = bytes[start..].as_chunks();
    let codes = pairs.iter().copied().map(u16::from_le_bytes);
    let places = (start..).step_by(2);
    codes
        .zip(places)
        .map(|(code, at)| Unit { code, at })
        .collect()
}

#[cfg(test)]
#[path = "encoding_tests.rs"]
mod tests;
