//! How far the comparison is, on standard error.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::peer::Peer;

/// A bar on a terminal, lines elsewhere.
pub(super) struct Progress(ProgressBar);

impl Progress {
    pub(super) fn new(steps: usize) -> Self {
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len}  {elapsed}  {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::new(steps as u64).with_style(style);
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    /// Something begins.
    pub(super) fn now(&self, peer: Peer, what: &str) {
        if self.0.is_hidden() {
            eprintln!("{:4.0} s  {peer}: {what}", self.0.elapsed().as_secs_f64());
        } else {
            self.0.set_message(format!("{peer}: {what}"));
        }
    }

    /// A peer is done with a scene.
    pub(super) fn step(&self) {
        self.0.inc(1);
    }

    pub(super) fn end(&self) {
        self.0.finish_and_clear();
    }
}
