//! The result of parsing a buffer that may still be growing, and the reader behind the parsers.

/// What a parser made of the bytes received so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed<T> {
    /// A whole message.
    Complete {
        /// The message.
        value: T,
        /// How many bytes it took from the front of the buffer. What follows is the next message.
        used: usize,
    },
    /// A good beginning: read more and parse again from the start.
    Incomplete,
}

/// Takes bytes from the front of a buffer and counts them.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    used: usize,
}

impl<'a> Reader<'a> {
    /// Runs a parser over `bytes`. `None` from the parser means that bytes are missing.
    pub(crate) fn parse<T, E>(
        bytes: &'a [u8],
        message: impl FnOnce(&mut Self) -> Result<Option<T>, E>,
    ) -> Result<Parsed<T>, E> {
        let mut reader = Self {
            rest: bytes,
            used: 0,
        };
        Ok(match message(&mut reader)? {
            Some(value) => Parsed::Complete {
                value,
                used: reader.used,
            },
            None => Parsed::Incomplete,
        })
    }

    pub(crate) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        self.used += len;
        Some(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        self.used += N;
        Some(*taken)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    /// A field with its length in one byte before it.
    pub(crate) fn counted(&mut self) -> Option<&'a [u8]> {
        let len = self.u8()?;
        self.take(len.into())
    }

    /// A field ended by a zero byte, which is taken too and not part of the field.
    /// An error when the field has more than `max` bytes.
    pub(crate) fn zero_ended(&mut self, max: usize) -> Result<Option<&'a [u8]>, FieldTooLong> {
        match self.rest.iter().take(max + 1).position(|byte| *byte == 0) {
            Some(len) => {
                let field = self.take(len);
                self.take(1);
                Ok(field)
            }
            None if self.rest.len() > max => Err(FieldTooLong),
            None => Ok(None),
        }
    }
}

/// A zero-ended field went past its limit.
pub(crate) struct FieldTooLong;
