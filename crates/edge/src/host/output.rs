//! Standard output.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use channel::{ToHost, line};

/// How long the last words may take. A host that does not read gets none.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Messages to the host. Never waits: a thread writes them, and while the host does not read, the newest of
/// each kind is all that is kept.
#[derive(Clone, Debug)]
pub struct Output(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    messages: Vec<ToHost>,
    is_writing: bool,
}

impl Output {
    /// Begins to write.
    pub fn start() -> Self {
        let shared = Arc::<Shared>::default();
        let theirs = Arc::clone(&shared);
        thread::spawn(move || theirs.write());
        Self(shared)
    }

    /// Has a message written as soon as the host reads.
    pub fn say(&self, message: ToHost) {
        let mut waiting = self.0.lock();
        let is_same =
            |other: &ToHost| std::mem::discriminant(other) == std::mem::discriminant(&message);
        waiting.messages.retain(|other| !is_same(other));
        waiting.messages.push(message);
        self.0.changed.notify_all();
    }

    /// Waits until everything is written, for a moment.
    pub fn finish(&self) {
        let is_busy = |waiting: &mut Waiting| waiting.is_writing || !waiting.messages.is_empty();
        let waiting = self.0.lock();
        drop(
            self.0
                .changed
                .wait_timeout_while(waiting, LAST_WORDS, is_busy),
        );
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) {
        loop {
            let waiting = self.lock();
            let is_idle = |waiting: &mut Waiting| waiting.messages.is_empty();
            let mut waiting = self
                .changed
                .wait_while(waiting, is_idle)
                .unwrap_or_else(PoisonError::into_inner);
            let messages = std::mem::take(&mut waiting.messages);
            waiting.is_writing = true;
            drop(waiting);
            let bytes: Vec<u8> = messages.iter().flat_map(line).collect();
            let mut stdout = io::stdout().lock();
            // The end of the input says that the host has gone.
            let _ = stdout.write_all(&bytes).and_then(|()| stdout.flush());
            drop(stdout);
            self.lock().is_writing = false;
            self.changed.notify_all();
        }
    }
}
