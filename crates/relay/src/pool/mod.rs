//! Buffers and pipes that connections borrow while data moves.

mod pipe;
#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

pub use pipe::Pipe;
use pipe::{Ends, Pipes};

/// What a connection starts with: the bytes of an interactive message, and a page load's request. A
/// whole TLS record fits ([`tls::MAX_INCOMING`]), so that half of one never needs a large buffer.
pub const SMALL: usize = 20 * 1024;

/// What a connection gets once it has filled a small one: fewer system calls per byte. On loopback,
/// 1 MiB was no faster.
pub const LARGE: usize = 256 * 1024;

/// How many large buffers may be out at once (64 MiB). A slow reader keeps its buffer until it reads
/// on, so without a bound many of them would eat the machine. Beyond it small buffers serve.
const MAX_LARGE: usize = 256;

/// How many unused buffers are kept for the next connection: 5 MiB of small, 8 MiB of large ones, and
/// as many again of those that are written to TLS.
const KEEP_SMALL: usize = 256;
const KEEP_LARGE: usize = 32;

/// A pool of buffers of two sizes, [`SMALL`] and [`LARGE`], and of pipes. Clones share it.
#[derive(Clone, Default)]
pub struct BufferPool(Arc<Shelves>);

/// What a [`BufferPool`] has given out and what it keeps, in buffers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PoolUse {
    /// Small buffers that hold data now.
    pub small_out: usize,
    /// Large buffers that hold data now.
    pub large_out: usize,
    /// Pipes that hold data now.
    pub pipes_out: usize,
    /// Small buffers kept for reuse.
    pub small_kept: usize,
    /// Large buffers kept for reuse.
    pub large_kept: usize,
    /// Pipes kept for reuse.
    pub pipes_kept: usize,
}

#[derive(Default)]
struct Shelves {
    small: Size,
    large: Size,
    pipes: Pipes,
}

/// Buffers of one size.
#[derive(Default)]
struct Size {
    out: AtomicUsize,
    full: Shelf<Box<[u8]>>,
    empty: Shelf<Vec<u8>>,
}

/// What is kept for reuse.
struct Shelf<T>(Mutex<Vec<T>>);

/// A buffer on loan to read into. It goes back to its pool when dropped.
pub struct Buffer {
    bytes: Box<[u8]>,
    home: Arc<Shelves>,
}

/// A buffer on loan to append to: empty, with room for [`SMALL`] or [`LARGE`] bytes. It goes back to
/// its pool when dropped.
pub struct Output {
    bytes: Vec<u8>,
    is_large: bool,
    home: Arc<Shelves>,
}

impl BufferPool {
    /// A buffer of [`SMALL`] bytes, with anything in it.
    pub fn small(&self) -> Buffer {
        self.0.small.out.fetch_add(1, Ordering::Relaxed);
        let bytes = self.0.small.full.take();
        self.lend(bytes.unwrap_or_else(|| vec![0; SMALL].into_boxed_slice()))
    }

    /// A buffer of [`LARGE`] bytes, with anything in it; a small one when too many large ones are
    /// out.
    pub fn large(&self) -> Buffer {
        if !self.0.may_lend_large() {
            return self.small();
        }
        let bytes = self.0.large.full.take();
        self.lend(bytes.unwrap_or_else(|| vec![0; LARGE].into_boxed_slice()))
    }

    /// An empty buffer as large as `input`, for what becomes of it.
    pub fn output(&self, input: &Buffer) -> Output {
        let is_large = input.is_large();
        if is_large {
            // The limit is for buffers to read into: this one goes along with one of those.
            self.0.large.out.fetch_add(1, Ordering::Relaxed);
        } else {
            self.0.small.out.fetch_add(1, Ordering::Relaxed);
        }
        let size = self.0.size(is_large);
        let bytes = size.empty.take();
        Output {
            bytes: bytes.unwrap_or_else(|| Vec::with_capacity(input.len())),
            is_large,
            home: Arc::clone(&self.0),
        }
    }

    /// An empty pipe, unless too many are out or the kernel gives only short ones.
    pub fn pipe(&self) -> Option<Pipe> {
        let ends: Ends = self.0.pipes.take()?;
        Some(Pipe::new(ends, Arc::clone(&self.0)))
    }

    /// What is out and what is kept at this moment.
    pub fn usage(&self) -> PoolUse {
        let Shelves {
            small,
            large,
            pipes,
        } = &*self.0;
        PoolUse {
            small_out: small.out.load(Ordering::Relaxed),
            large_out: large.out.load(Ordering::Relaxed),
            pipes_out: pipes.out(),
            small_kept: small.full.len() + small.empty.len(),
            large_kept: large.full.len() + large.empty.len(),
            pipes_kept: pipes.kept(),
        }
    }

    fn lend(&self, bytes: Box<[u8]>) -> Buffer {
        Buffer {
            bytes,
            home: Arc::clone(&self.0),
        }
    }
}

impl fmt::Debug for BufferPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.usage().fmt(f)
    }
}

impl Shelves {
    fn size(&self, is_large: bool) -> &Size {
        if is_large { &self.large } else { &self.small }
    }

    fn may_lend_large(&self) -> bool {
        let may = self.large.out.fetch_add(1, Ordering::Relaxed) < MAX_LARGE;
        if !may {
            self.large.out.fetch_sub(1, Ordering::Relaxed);
        }
        may
    }
}

impl<T> Shelf<T> {
    fn take(&self) -> Option<T> {
        self.kept().pop()
    }

    fn put_back(&self, it: T, most: usize) {
        let mut kept = self.kept();
        if kept.len() < most {
            kept.push(it);
        }
    }

    fn len(&self) -> usize {
        self.kept().len()
    }

    /// A panic elsewhere leaves the list whole: it is only pushed to and popped from.
    fn kept(&self) -> MutexGuard<'_, Vec<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl Buffer {
    /// Whether this is a [`LARGE`] one.
    pub fn is_large(&self) -> bool {
        self.bytes.len() == LARGE
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let is_large = self.is_large();
        let size = self.home.size(is_large);
        size.out.fetch_sub(1, Ordering::Relaxed);
        let bytes = std::mem::take(&mut self.bytes);
        size.full.put_back(bytes, most(is_large));
    }
}

impl Deref for Output {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.bytes
    }
}

impl DerefMut for Output {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        let size = self.home.size(self.is_large);
        size.out.fetch_sub(1, Ordering::Relaxed);
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        size.empty.put_back(bytes, most(self.is_large));
    }
}

fn most(is_large: bool) -> usize {
    if is_large { KEEP_LARGE } else { KEEP_SMALL }
}
