//! Logging to standard error. `MANYPATH_LOG` chooses what, as `RUST_LOG` does elsewhere.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Starts logging. Levels: `MANYPATH_LOG=debug`, or `MANYPATH_LOG=info,relay=debug`.
pub fn start() {
    let filter = EnvFilter::try_from_env("MANYPATH_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    // The journal has times of its own.
    if std::env::var_os("JOURNAL_STREAM").is_some() {
        log.without_time().init()
    } else {
        log.init()
    }
}
