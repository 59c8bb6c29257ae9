//! A `.wslconfig` file in memory.

use std::ops::Range;

use crate::encoding::{Encoding, ParseError, Text};
use crate::grammar::{Entry, Outline, outline};
use crate::key::Key;

/// A `.wslconfig` file, byte for byte, and what WSL reads in it.
///
/// WSL goes by what is in the file when the VM starts: after a change it wants `wsl --shutdown`.
#[derive(Clone, Debug)]
pub struct Document {
    pub(crate) bytes: Vec<u8>,
    pub(crate) encoding: Encoding,
    /// Where the text starts: behind the byte order mark.
    start: usize,
    pub(crate) text: Text,
    pub(crate) outline: Outline,
}

/// A value as WSL reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The value, without quotes and escapes. Of characters beyond ASCII WSL keeps the lower eight bits;
    /// where these are no UTF-8 there is U+FFFD.
    pub text: String,
    /// The line where the key is, counted from 1.
    pub line: usize,
}

impl Document {
    /// Reads a file. An empty one, or one that is not there, is no bytes.
    ///
    /// # Errors
    /// If WSL can't read it either, whatever is in it. A line that WSL can't read is no error: WSL skips
    /// it, and it stays as it is.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let (encoding, start) = Encoding::detect(bytes)?;
        let text = encoding.read(bytes, start);
        Ok(Self {
            bytes: bytes.to_vec(),
            encoding,
            start,
            outline: outline(&text),
            text,
        })
    }

    /// The file.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The value that WSL uses: the first one in the file, even if WSL can make nothing of it
    /// (`configfile.cpp:187-198`). Sections and keys are compared without regard to case.
    pub fn get(&self, key: Key) -> Option<Found> {
        let entry = self.entries(key).next()?;
        let before = &self.text.units[..entry.place.start];
        let line_breaks = before.iter().filter(|unit| unit.code == u16::from(b'\n'));
        Some(Found {
            text: String::from_utf8_lossy(&entry.value).into_owned(),
            line: 1 + line_breaks.count(),
        })
    }

    /// Whether there are modules but no kernel. WSL then doesn't start the VM (`WslCoreVm.cpp:254-257`), so
    /// this is worth a warning after [`Document::restore`]: the user may have set modules of their own.
    pub fn has_modules_without_kernel(&self) -> bool {
        let is_set = |key| self.get(key).is_some_and(|found| !found.text.is_empty());
        is_set(Key::KernelModules) && !is_set(Key::Kernel)
    }

    /// The entries of a key, under any of its names. WSL uses the first.
    pub(crate) fn entries(&self, key: Key) -> impl Iterator<Item = &Entry> {
        self.outline.entries.iter().filter(move |entry| {
            key.names().iter().any(|(section, name)| {
                entry.section.eq_ignore_ascii_case(section) && entry.name.eq_ignore_ascii_case(name)
            })
        })
    }

    /// Where these code units are in the file.
    pub(crate) fn span(&self, place: &Range<usize>) -> Range<usize> {
        self.text.offset(place.start)..self.text.offset(place.end)
    }

    /// Puts bytes in the place of others.
    pub(crate) fn splice(&mut self, span: Range<usize>, bytes: Vec<u8>) {
        self.bytes.splice(span, bytes);
        self.text = self.encoding.read(&self.bytes, self.start);
        self.outline = outline(&self.text);
    }
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
