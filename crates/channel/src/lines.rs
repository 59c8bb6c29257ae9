//! Messages to lines, and back.

use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The longest line, in bytes without its end: a status with some ten thousand connections.
pub const LONGEST_LINE: usize = 16 << 20;

/// What came in is no message. The other end is to be left.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// It does not come to its end.
    #[error("a line of more than {LONGEST_LINE} bytes came in")]
    TooLong,
    /// It is something else.
    #[error("this line is no message: {start:?}")]
    NoMessage {
        /// Its first characters, up to what might be settings.
        start: String,
        /// What is wrong.
        source: serde_json::Error,
    },
}

/// A message as a line.
pub fn line(message: &impl Serialize) -> Vec<u8> {
    // Messages have text for keys, and nothing that fails to be written.
    let mut bytes = serde_json::to_vec(message).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// Takes bytes as they come and gives messages.
#[derive(Debug)]
pub struct Lines<T> {
    bytes: Vec<u8>,
    /// Up to here there is no end of a line.
    searched: usize,
    message: PhantomData<T>,
}

impl<T> Default for Lines<T> {
    fn default() -> Self {
        Self {
            bytes: Vec::new(),
            searched: 0,
            message: PhantomData,
        }
    }
}

impl<T: DeserializeOwned> Lines<T> {
    /// More has come in.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next message; `None` if more has to come first.
    ///
    /// # Errors
    /// When the line is none, or too long. Nothing after that makes sense.
    pub fn take(&mut self) -> Result<Option<T>, LineError> {
        loop {
            let unsearched = &self.bytes[self.searched..];
            let Some(end) = unsearched.iter().position(|byte| *byte == b'\n') else {
                self.searched = self.bytes.len();
                return match self.searched > LONGEST_LINE {
                    true => Err(LineError::TooLong),
                    false => Ok(None),
                };
            };
            let rest = self.bytes.split_off(self.searched + end + 1);
            let line = std::mem::replace(&mut self.bytes, rest);
            self.searched = 0;
            let line = line.trim_ascii();
            if line.len() > LONGEST_LINE {
                return Err(LineError::TooLong);
            }
            if !line.is_empty() {
                return serde_json::from_slice(line).map(Some).map_err(|source| {
                    let start = line.iter().take_while(|byte| **byte != b':').take(20);
                    let start = start.map(|byte| char::from(*byte)).collect();
                    LineError::NoMessage { start, source }
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::messages::{SecretText, ToEdge};

    fn all(lines: &mut Lines<ToEdge>) -> Vec<ToEdge> {
        std::iter::from_fn(|| lines.take().unwrap()).collect()
    }

    #[test]
    fn an_unknown_message_shows_the_word() {
        let mut lines = Lines::<ToEdge>::default();
        lines.push(b"{\"dance\":3}\n");
        let error = lines.take().unwrap_err();
        let source = std::error::Error::source(&error).unwrap();
        assert!(source.to_string().contains("dance"), "{source}");
    }

    #[test]
    fn a_line_without_end_is_given_up() {
        let mut lines = Lines::<ToEdge>::default();
        let piece = vec![b' '; 1 << 20];
        for _ in 0..LONGEST_LINE / piece.len() {
            lines.push(&piece);
            assert!(matches!(lines.take(), Ok(None)));
        }
        lines.push(&piece);
        assert!(matches!(lines.take(), Err(LineError::TooLong)));
    }

    #[test]
    fn empty_lines_and_carriage_returns_are_passed_over() {
        let mut lines = Lines::<ToEdge>::default();
        lines.push(b"\r\n\n\"stop\"\r\n \n");
        assert_eq!(all(&mut lines), [ToEdge::Stop]);
    }

    proptest! {
        #[test]
        fn messages_arrive_however_they_are_cut(
            texts in prop::collection::vec(any::<String>(), 1..5),
            cuts in prop::collection::vec(1_usize..20, 1..50),
        ) {
            let messages: Vec<ToEdge> =
                texts.into_iter().map(|text| ToEdge::Settings(SecretText(text))).collect();
            let bytes: Vec<u8> = messages.iter().flat_map(line).collect();
            let (mut lines, mut rest, mut got) = (Lines::default(), bytes.as_slice(), Vec::new());
            for cut in cuts.iter().cycle() {
                let (piece, after) = rest.split_at((*cut).min(rest.len()));
                lines.push(piece);
                got.extend(all(&mut lines));
                rest = after;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(got, messages);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let mut lines = Lines::<ToEdge>::default();
            lines.push(&bytes);
            while let Ok(Some(_)) = lines.take() {}
        }
    }
}
