//! Payload that lies in pieces.

use std::io::{self, IoSlice};
use std::ops::Range;

use tokio::net::TcpStream;

/// How many pieces are written at once.
const SLICES: usize = 16;

/// What is left of payload that lies in several places of a buffer.
pub(super) struct Pieces<'a> {
    buffer: &'a [u8],
    ranges: &'a [Range<usize>],
    /// How much of the first piece is done with.
    skip: usize,
}

impl<'a> Pieces<'a> {
    pub(super) fn new(buffer: &'a [u8], ranges: &'a [Range<usize>]) -> Self {
        Self {
            buffer,
            ranges,
            skip: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.iter().map(<[u8]>::len).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes as much as the socket takes.
    pub(super) fn write(&mut self, to: &TcpStream) -> io::Result<usize> {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let count = self.ranges.len().min(SLICES);
        for (slice, piece) in slices.iter_mut().zip(self.iter()) {
            *slice = IoSlice::new(piece);
        }
        let written = to.try_write_vectored(&slices[..count])?;
        self.advance(written);
        Ok(written)
    }

    /// Copies as much as fits; says how much.
    pub(super) fn copy_to(&mut self, out: &mut [u8]) -> usize {
        let mut copied = 0;
        while let Some(piece) = self.iter().next()
            && copied < out.len()
        {
            let fits = piece.len().min(out.len() - copied);
            out[copied..copied + fits].copy_from_slice(&piece[..fits]);
            copied += fits;
            self.advance(fits);
        }
        copied
    }

    fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let (buffer, mut skip) = (self.buffer, self.skip);
        self.ranges.iter().map(move |range| {
            let start = range.start + std::mem::take(&mut skip);
            &buffer[start..range.end]
        })
    }

    fn advance(&mut self, mut bytes: usize) {
        while let Some((first, others)) = self.ranges.split_first() {
            let left = first.len() - self.skip;
            if bytes < left {
                self.skip += bytes;
                return;
            }
            bytes -= left;
            (self.ranges, self.skip) = (others, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_copied_in_order_whatever_fits() {
        let buffer: Vec<u8> = (0..100).collect();
        let ranges = [0..7, 10..11, 20..50];
        let expected: Vec<u8> = (0..7).chain(10..11).chain(20..50).collect();
        for room in 1..40 {
            let mut pieces = Pieces::new(&buffer, &ranges);
            let (mut all, mut out) = (Vec::new(), vec![0; room]);
            while !pieces.is_empty() {
                let copied = pieces.copy_to(&mut out);
                all.extend_from_slice(&out[..copied]);
            }
            assert_eq!(all, expected, "{room} at once");
        }
    }
}
