//! Logging to standard error. `MANYPATH_LOG` chooses what, as `RUST_LOG` does elsewhere.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError, channel, sync_channel};
use std::thread;
use std::time::Duration;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

/// How many messages wait for a reader before they are left out.
const MOST_WAITING: usize = 1024;

/// How long the last messages may take. A reader that does not read gets none.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Starts logging. Levels: `MANYPATH_LOG=debug`, or `MANYPATH_LOG=info,relay=debug`.
pub fn start() {
    start_to(BoxMakeWriter::new(io::stderr));
}

/// The same for a program whose standard error is another program's to read, and must not stand still
/// because that one does: what finds no room is left out, and the log says how much. Drop what is returned
/// last of all.
pub fn start_without_waiting() -> Rest {
    let (queue, items) = sync_channel(MOST_WAITING);
    let left_out = Arc::<AtomicU64>::default();
    let lines = Lines {
        queue: queue.clone(),
        left_out: Arc::clone(&left_out),
    };
    thread::spawn(move || write(&items, &left_out));
    start_to(BoxMakeWriter::new(move || lines.clone()));
    Rest(queue)
}

fn start_to(writer: BoxMakeWriter) {
    let filter = EnvFilter::try_from_env("MANYPATH_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_writer(writer)
        .with_ansi(io::stderr().is_terminal());
    // The journal has times of its own.
    if std::env::var_os("JOURNAL_STREAM").is_some() {
        log.without_time().init()
    } else {
        log.init()
    }
}

enum Item {
    Message(Vec<u8>),
    /// Say when everything before it is written.
    Mark(Sender<()>),
}

/// What is still to be written. Gets a moment for it when dropped.
pub struct Rest(SyncSender<Item>);

impl Drop for Rest {
    fn drop(&mut self) {
        let (written, is_written) = channel();
        if self.0.try_send(Item::Mark(written)).is_ok() {
            let _ = is_written.recv_timeout(LAST_WORDS);
        }
    }
}

/// Takes whole messages, which is how the subscriber writes them, and never waits.
#[derive(Clone)]
struct Lines {
    queue: SyncSender<Item>,
    left_out: Arc<AtomicU64>,
}

impl Write for Lines {
    fn write(&mut self, message: &[u8]) -> io::Result<usize> {
        let item = Item::Message(message.to_vec());
        if let Err(TrySendError::Full(_)) = self.queue.try_send(item) {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
        Ok(message.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Errors are passed over: nobody is left who could be told.
fn write(items: &Receiver<Item>, left_out: &AtomicU64) {
    let mut stderr = io::stderr();
    for item in items {
        match item {
            Item::Message(message) => drop(stderr.write_all(&message)),
            Item::Mark(written) => drop(written.send(())),
        }
        let missing = left_out.swap(0, Ordering::Relaxed);
        if missing > 0 {
            let _ = writeln!(
                stderr,
                "{missing} messages found no reader and are left out"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_room_is_counted_and_nothing_waits() {
        let (queue, items) = sync_channel(2);
        let left_out = Arc::<AtomicU64>::default();
        let mut lines = Lines {
            queue,
            left_out: Arc::clone(&left_out),
        };
        for message in ["one", "two", "three", "four"] {
            lines.write_all(message.as_bytes()).unwrap();
        }
        assert_eq!(left_out.load(Ordering::Relaxed), 2);
        let kept = items.try_iter().map(|item| match item {
            Item::Message(message) => message,
            Item::Mark(_) => Vec::new(),
        });
        assert_eq!(kept.collect::<Vec<_>>(), [b"one".to_vec(), b"two".to_vec()]);
    }
}
