//! How far the sweep is, on standard error.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::outcome::Outcome;
use super::table::number;
use crate::link::Profile;

/// A bar on a terminal, lines elsewhere.
pub(super) struct Progress(ProgressBar);

impl Progress {
    pub(super) fn new(links: usize) -> Self {
        let template = "{bar:30} {pos}/{len}  {elapsed}, {eta} left  {msg}";
        let style =
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::new(links as u64).with_style(style);
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    /// A second link is done.
    pub(super) fn step(&self, outcome: &Outcome, link: Profile) {
        self.0.inc(1);
        let lines = outcome.all_lines().into_iter();
        let ratios = lines
            .filter(|line| line.link == link)
            .map(|line| format!("{} {}", line.direction, number(line.ratio)));
        let ratios = ratios.collect::<Vec<_>>().join(", ");
        let worst = number(outcome.summary().worst);
        let message = format!("{link}: {ratios}; worst {worst}");
        if self.0.is_hidden() {
            let (at, seconds) = (self.0.position(), self.0.elapsed().as_secs_f64());
            let all = self.0.length().unwrap_or_default();
            eprintln!("{seconds:5.0} s  {at}/{all}  {message}");
        } else {
            self.0.set_message(message);
        }
    }

    pub(super) fn end(&self) {
        self.0.finish_and_clear();
    }
}
