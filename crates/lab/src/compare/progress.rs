//! How far a measurement is, on standard error.

use std::fmt;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// A bar on a terminal, lines elsewhere.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    pub(crate) fn new(steps: usize) -> Self {
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len}  {elapsed}  {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::new(steps as u64).with_style(style);
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    /// Something begins.
    pub(crate) fn now(&self, what: impl fmt::Display) {
        if self.0.is_hidden() {
            eprintln!("{:4.0} s  {what}", self.0.elapsed().as_secs_f64());
        } else {
            self.0.set_message(what.to_string());
        }
    }

    /// One more is done.
    pub(crate) fn step(&self) {
        self.0.inc(1);
    }

    pub(crate) fn end(&self) {
        self.0.finish_and_clear();
    }
}
