//! Pipes, through which the kernel moves pages from socket to socket.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rustix::pipe::{PipeFlags, SpliceFlags};

use super::{Shelf, Shelves};

/// How much a pipe holds: the most that an ordinary user may ask for by default
/// (`fs.pipe-max-size`). With the 64 KiB that pipes have by themselves splicing saves little.
const SIZE: usize = 1 << 20;

/// A shorter one is not worth it. An ordinary user gets those once it has many
/// (`fs.pipe-user-pages-soft`).
const LEAST_SIZE: usize = 256 * 1024;

/// How many pipes may be out at once: they may pin 64 MiB, and take two files each.
const MAX_OUT: usize = 64;

/// How many unused pipes are kept.
const KEEP: usize = 16;

/// A pipe on loan. Empty, it goes back to its pool when dropped; else it is closed.
pub struct Pipe {
    ends: Option<Ends>,
    held: usize,
    home: Arc<Shelves>,
}

pub(super) struct Ends {
    read: OwnedFd,
    write: OwnedFd,
}

#[derive(Default)]
pub(super) struct Pipes {
    kept: Shelf<Ends>,
    out: AtomicUsize,
    /// The kernel gives none, or short ones only.
    refused: AtomicBool,
}

impl Pipe {
    pub(super) fn new(ends: Ends, home: Arc<Shelves>) -> Self {
        Self {
            ends: Some(ends),
            held: 0,
            home,
        }
    }

    /// How many bytes are in it.
    pub fn held(&self) -> usize {
        self.held
    }

    /// Moves at most `most` bytes from a socket into the pipe; says how many. 0 is the end of data.
    ///
    /// # Errors
    /// The socket's. `WouldBlock` also if the pipe is full, so it is to be empty.
    pub fn fill(&mut self, from: impl AsFd, most: usize) -> io::Result<usize> {
        let moved = splice(from, &self.ends().write, most.min(SIZE))?;
        self.held += moved;
        Ok(moved)
    }

    /// Moves what the pipe holds to a socket; says how many bytes.
    ///
    /// # Errors
    /// The socket's.
    pub fn drain(&mut self, to: impl AsFd) -> io::Result<usize> {
        let moved = splice(&self.ends().read, to, self.held)?;
        self.held -= moved;
        Ok(moved)
    }

    fn ends(&self) -> &Ends {
        self.ends.as_ref().expect("they go when it is dropped")
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        let pipes = &self.home.pipes;
        pipes.out.fetch_sub(1, Ordering::Relaxed);
        if let (0, Some(ends)) = (self.held, self.ends.take()) {
            pipes.kept.put_back(ends, KEEP);
        }
    }
}

impl Pipes {
    pub(super) fn take(&self) -> Option<Ends> {
        if self.refused.load(Ordering::Relaxed) {
            return None;
        }
        let may = self.out.fetch_add(1, Ordering::Relaxed) < MAX_OUT;
        let ends = match may {
            true => self.kept.take().or_else(|| self.open()),
            false => None,
        };
        if ends.is_none() {
            self.out.fetch_sub(1, Ordering::Relaxed);
        }
        ends
    }

    pub(super) fn out(&self) -> usize {
        self.out.load(Ordering::Relaxed)
    }

    pub(super) fn kept(&self) -> usize {
        self.kept.len()
    }

    fn open(&self) -> Option<Ends> {
        match Ends::open() {
            Ok(Some(ends)) => return Some(ends),
            Ok(None) => {
                self.refused.store(true, Ordering::Relaxed);
                tracing::debug!("the kernel gives short pipes only; the relay copies");
            }
            // For want of files, most likely: that may pass.
            Err(error) => tracing::debug!(%error, "no pipe; the relay copies"),
        }
        None
    }
}

impl Ends {
    /// `None` if it would be too short.
    fn open() -> io::Result<Option<Self>> {
        let (read, write) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        // Refused beyond what the user may have: the size is then what it was.
        let _as_is = rustix::pipe::fcntl_setpipe_size(&write, SIZE);
        let size = rustix::pipe::fcntl_getpipe_size(&write)?;
        Ok((size >= LEAST_SIZE).then_some(Self { read, write }))
    }
}

fn splice(from: impl AsFd, to: impl AsFd, most: usize) -> io::Result<usize> {
    let flags = SpliceFlags::NONBLOCK | SpliceFlags::MOVE;
    Ok(rustix::pipe::splice(from, None, to, None, most, flags)?)
}
