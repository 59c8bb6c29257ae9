//! The service's log: a file a day, the oldest of which go, and errors in Windows' event log besides.

use std::path::Path;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_appender::rolling::{InitError, RollingFileAppender, Rotation};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};
use winproc::{EventLog, Severity};

use super::SERVICE;

/// So many days are kept.
const DAYS: usize = 7;

/// Starts logging to that folder. Levels as in `MANYPATH_LOG=debug`.
///
/// # Errors
/// When there can be no file.
pub fn start(folder: &Path) -> Result<(), InitError> {
    let files = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("manypath")
        .filename_suffix("log")
        .max_log_files(DAYS)
        .build(folder)?;
    let filter = EnvFilter::try_from_env("MANYPATH_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer(files);
    // The event log is for people who have no reason yet to look here.
    let errors = EventLog::open(SERVICE).ok().map(Errors);
    tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .with(errors)
        .init();
    Ok(())
}

struct Errors(EventLog);

impl<S: Subscriber> Layer<S> for Errors {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if *event.metadata().level() == Level::ERROR {
            let mut text = Text::default();
            event.record(&mut text);
            // There is no other place to complain.
            let _ = self.0.report(Severity::Error, &text.0);
        }
    }
}

#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}
