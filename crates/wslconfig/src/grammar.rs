//! WSL's grammar: where its parser sees sections and entries.
//!
//! One function per label of `ParseConfigFile` (`src/shared/configfile/configfile.cpp:276-867`). Places
//! are indices of code units.

use std::ops::Range;

use crate::encoding::Text;

/// What WSL's parser finds in a file. What it skips is not in here.
#[derive(Clone, Debug, Default)]
pub struct Outline {
    pub headers: Vec<Header>,
    pub entries: Vec<Entry>,
    pub tail: Tail,
}

/// A line `[section]`.
#[derive(Clone, Debug)]
pub struct Header {
    pub section: String,
    /// Its line break, or the end of the text.
    pub line_break: usize,
}

/// A `key = value` that reaches WSL's settings.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The section that the entry counts to; empty before the first one.
    pub section: String,
    pub name: String,
    /// From the first letter of the key to the end of the value.
    pub place: Range<usize>,
    /// The value as written: without blanks around it, with quotes, escapes and continued lines.
    pub value_place: Range<usize>,
    /// The value as WSL keeps it.
    pub value: Vec<u8>,
}

/// What the text ends with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tail {
    /// Nothing, or a line break.
    #[default]
    LineStart,
    /// Something else.
    Line,
    /// A backslash in a value, or one and a CR, which makes WSL skip the line. A line feed behind it would
    /// be escaped, and the line would count.
    Backslash,
}

/// Reads a text as WSL's parser does.
pub fn outline(text: &Text) -> Outline {
    let mut parser = Parser {
        text,
        place: 0,
        section: Vec::new(),
        outline: Outline::default(),
    };
    parser.lines();
    parser.outline
}

struct Parser<'a> {
    text: &'a Text,
    place: usize,
    section: Vec<u8>,
    outline: Outline,
}

impl Parser<'_> {
    fn lines(&mut self) {
        while let Some(code) = self.peek() {
            self.outline.tail = match code {
                b'\r' | b'\n' => Tail::LineStart,
                _ => Tail::Line,
            };
            match code {
                // A lone CR between lines is no more than a blank to WSL's parser.
                b' ' | b'\t' | b'\r' | b'\n' => self.place += 1,
                b'[' => self.header(),
                b'a'..=b'z' | b'A'..=b'Z' => self.entry(),
                _ => self.skip_line(),
            }
        }
    }

    /// The next code unit. What is no ASCII means nothing in the grammar, and is shown as 0xFF.
    fn peek(&self) -> Option<u8> {
        let unit = self.text.units.get(self.place)?;
        Some(u8::try_from(unit.code).unwrap_or(0xFF))
    }

    /// Goes behind the next line feed. A lone CR ends neither a comment nor a line that is skipped.
    fn skip_line(&mut self) {
        while let Some(code) = self.peek() {
            self.place += 1;
            if code == b'\n' {
                self.outline.tail = Tail::LineStart;
                return;
            }
        }
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.place += 1;
        }
    }

    fn word(&mut self) -> Vec<u8> {
        let mut word = Vec::new();
        while let Some(code) = self.peek().filter(u8::is_ascii_alphanumeric) {
            word.push(code);
            self.place += 1;
        }
        word
    }

    fn header(&mut self) {
        self.place += 1;
        if !self.peek().is_some_and(|code| code.is_ascii_alphabetic()) {
            return self.skip_line();
        }
        let word = self.word();
        if self.peek() != Some(b']') {
            return self.bad_header(word);
        }
        self.place += 1;
        self.skip_blanks();
        if !matches!(self.peek(), None | Some(b'\r' | b'\n' | b'#')) {
            return self.bad_header(word);
        }
        self.section = word;
        let line_break = self.line_break();
        self.outline.headers.push(Header {
            section: lossy(&self.section),
            line_break,
        });
    }

    /// WSL's parser reads the word over the current section's name and keeps the length of that name:
    /// `[abc]` then `[wsl2` makes the section `wsl`, and a shorter word is filled up with NULs.
    fn bad_header(&mut self, mut word: Vec<u8>) {
        word.resize(self.section.len(), 0);
        self.section = word;
        self.skip_line();
    }

    /// Where the line ends whose header has been read.
    fn line_break(&self) -> usize {
        let rest = &self.text.units[self.place..];
        let is_end = |code| code == u16::from(b'\n');
        let len = match self.peek() {
            Some(b'\r') => Some(0),
            _ => rest.iter().position(|unit| is_end(unit.code)),
        };
        self.place + len.unwrap_or(rest.len())
    }

    fn entry(&mut self) {
        let start = self.place;
        let name = self.word();
        self.skip_blanks();
        if self.peek() != Some(b'=') {
            return self.skip_line();
        }
        self.place += 1;
        self.skip_blanks();
        let value_start = self.place;
        if let Some((mut value, value_end)) = self.value() {
            // It is handed on as a C string.
            if let Some(len) = value.iter().position(|byte| *byte == 0) {
                value.truncate(len);
            }
            self.outline.entries.push(Entry {
                section: lossy(&self.section),
                name: lossy(&name),
                place: start..value_end,
                value_place: value_start..value_end,
                value,
            });
        } else {
            self.skip_line();
        }
    }

    /// The value and where it ends, without the blanks behind it; nothing if WSL skips the line.
    fn value(&mut self) -> Option<(Vec<u8>, usize)> {
        let mut value = Vec::new();
        let (mut len, mut end) = (0, self.place);
        let mut quoted = false;
        while let Some(code) = self.peek().filter(|code| !matches!(code, b'\r' | b'\n')) {
            match code {
                b'#' if !quoted => break,
                b'"' => quoted = !quoted,
                b'\\' => {
                    self.place += 1;
                    value.extend(self.escape()?);
                }
                // `static_cast<char>`: of what is no ASCII, the lower byte stays.
                _ => value.push(self.text.units[self.place].code.to_le_bytes()[0]),
            }
            self.place += 1;
            if !matches!(code, b' ' | b'\t') {
                (len, end) = (value.len(), self.place);
            }
        }
        value.truncate(len);
        (!quoted).then_some((value, end))
    }

    /// What stands for the character behind a backslash: nothing for a line that goes on. `None` for an
    /// escape that WSL doesn't know.
    fn escape(&mut self) -> Option<Option<u8>> {
        match self.peek() {
            Some(code @ (b'\\' | b'"')) => Some(Some(code)),
            Some(b'b') => Some(Some(b'\x08')),
            Some(b'n') => Some(Some(b'\n')),
            Some(b't') => Some(Some(b'\t')),
            Some(b'\n') => Some(None),
            code => {
                let is_last = self.place + 1 >= self.text.units.len();
                if is_last && matches!(code, None | Some(b'\r')) {
                    self.outline.tail = Tail::Backslash;
                }
                None
            }
        }
    }
}

fn lossy(word: &[u8]) -> String {
    String::from_utf8_lossy(word).into_owned()
}

#[cfg(test)]
#[path = "grammar_tests.rs"]
mod tests;
