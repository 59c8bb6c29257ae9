//! Buffers that connections borrow while data moves.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

/// What a connection starts with: the bytes of an interactive message, and a page load's request.
pub const SMALL: usize = 16 * 1024;

/// What a connection gets once it has filled a small one: fewer system calls per byte. On loopback,
/// 1 MiB was no faster.
pub const LARGE: usize = 256 * 1024;

/// How many large buffers may be out at once (64 MiB). A slow reader keeps its buffer until it reads
/// on, so without a bound many of them would eat the machine. Beyond it small buffers serve.
const MAX_LARGE: usize = 256;

/// How many unused buffers are kept for the next connection: 4 MiB of small, 8 MiB of large ones.
const KEEP_SMALL: usize = 256;
const KEEP_LARGE: usize = 32;

/// A pool of buffers of two sizes, [`SMALL`] and [`LARGE`]. Clones share it.
#[derive(Clone, Default)]
pub struct BufferPool(Arc<Shelves>);

/// What a [`BufferPool`] has given out and what it keeps, in buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PoolUse {
    /// Small buffers that hold data now.
    pub small_out: usize,
    /// Large buffers that hold data now.
    pub large_out: usize,
    /// Small buffers kept for reuse.
    pub small_kept: usize,
    /// Large buffers kept for reuse.
    pub large_kept: usize,
}

#[derive(Default)]
struct Shelves {
    small: Shelf,
    large: Shelf,
}

#[derive(Default)]
struct Shelf {
    kept: Mutex<Vec<Box<[u8]>>>,
    out: AtomicUsize,
}

/// A buffer on loan. It goes back to its pool when dropped.
pub struct Buffer {
    bytes: Box<[u8]>,
    home: Arc<Shelves>,
}

impl BufferPool {
    /// A buffer of [`SMALL`] bytes, with anything in it.
    pub fn small(&self) -> Buffer {
        self.0.small.out.fetch_add(1, Ordering::Relaxed);
        self.lend(self.0.small.take(SMALL))
    }

    /// A buffer of [`LARGE`] bytes, with anything in it; a small one when too many large ones are
    /// out.
    pub fn large(&self) -> Buffer {
        let out = &self.0.large.out;
        if out.fetch_add(1, Ordering::Relaxed) >= MAX_LARGE {
            out.fetch_sub(1, Ordering::Relaxed);
            return self.small();
        }
        self.lend(self.0.large.take(LARGE))
    }

    /// What is out and what is kept at this moment.
    pub fn usage(&self) -> PoolUse {
        PoolUse {
            small_out: self.0.small.out.load(Ordering::Relaxed),
            large_out: self.0.large.out.load(Ordering::Relaxed),
            small_kept: self.0.small.kept().len(),
            large_kept: self.0.large.kept().len(),
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

impl Shelf {
    fn take(&self, len: usize) -> Box<[u8]> {
        let kept = self.kept().pop();
        kept.unwrap_or_else(|| vec![0; len].into_boxed_slice())
    }

    fn put_back(&self, bytes: Box<[u8]>, keep: usize) {
        self.out.fetch_sub(1, Ordering::Relaxed);
        let mut kept = self.kept();
        if kept.len() < keep {
            kept.push(bytes);
        }
    }

    /// A panic elsewhere leaves the list whole: it is only pushed to and popped from.
    fn kept(&self) -> std::sync::MutexGuard<'_, Vec<Box<[u8]>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
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
        let large = self.is_large();
        let bytes = std::mem::take(&mut self.bytes);
        if large {
            self.home.large.put_back(bytes, KEEP_LARGE);
        } else {
            self.home.small.put_back(bytes, KEEP_SMALL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_come_back() {
        let pool = BufferPool::default();
        let (small, large) = (pool.small(), pool.large());
        assert_eq!((small.len(), large.len()), (SMALL, LARGE));
        assert_eq!((pool.usage().small_out, pool.usage().large_out), (1, 1));
        drop((small, large));
        let idle = PoolUse {
            small_out: 0,
            large_out: 0,
            small_kept: 1,
            large_kept: 1,
        };
        assert_eq!(pool.usage(), idle);
        drop((pool.small(), pool.large()));
        assert_eq!(pool.usage(), idle, "reused, not allocated anew");
    }

    #[test]
    fn large_buffers_are_bounded() {
        let pool = BufferPool::default();
        let out: Vec<Buffer> = (0..MAX_LARGE + 3).map(|_| pool.large()).collect();
        assert_eq!(
            (pool.usage().small_out, pool.usage().large_out),
            (3, MAX_LARGE)
        );
        assert!(!out[MAX_LARGE].is_large());
        drop(out);
        assert_eq!((pool.usage().small_out, pool.usage().large_out), (0, 0));
        assert_eq!(pool.usage().large_kept, KEEP_LARGE);
    }
}
