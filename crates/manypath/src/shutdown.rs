//! When to stop: SIGTERM from a service manager, SIGINT from a terminal, SIGHUP from one that goes.

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

/// The same, and SIGHUP: for a program that takes its orders from whoever runs it, and has no file to read
/// again.
///
/// # Errors
/// When the signals can't be caught.
pub fn requested_or_left() -> io::Result<impl Future<Output = ()>> {
    let mut hangup = signal(SignalKind::hangup())?;
    let requested = requested()?;
    Ok(async move {
        tokio::select! {
            _ = hangup.recv() => {}
            () = requested => {}
        }
    })
}
