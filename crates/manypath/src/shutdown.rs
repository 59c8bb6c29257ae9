//! When to stop: SIGTERM from a service manager, SIGINT from a terminal.

use std::io;

use tokio::signal::unix::{SignalKind, signal};

/// Done at the first SIGTERM or SIGINT. Signals count from the call on, not from the first poll.
///
/// # Errors
/// When the signals can't be caught.
pub fn requested() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
