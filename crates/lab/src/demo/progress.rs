//! The demo on a terminal: a line for each phase.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

use super::{Event, Phase, Recording};

/// Shows events on standard error: live on a terminal, else a line for each finished phase.
#[derive(Debug)]
pub struct Progress {
    live: bool,
    line: Option<ProgressBar>,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            live: std::io::stderr().is_terminal(),
            line: None,
        }
    }
}

impl Progress {
    /// Shows an event.
    pub fn show(&mut self, event: &Event<'_>) {
        match event {
            Event::SettingUp => self.set_up(),
            Event::Begins(phase) => self.begin(*phase),
            Event::Goes {
                received,
                total,
                links,
            } => self.go(*received, *total, links),
            Event::Ends(recording) => self.end(recording),
        }
    }

    fn set_up(&mut self) {
        if self.live {
            let line = ProgressBar::new_spinner();
            line.set_message("setting up the lab");
            self.line = Some(line);
        }
    }

    fn begin(&mut self, phase: Phase) {
        if let Some(line) = self.line.take() {
            line.finish_and_clear();
        }
        if self.live {
            let line = ProgressBar::new(1).with_style(style());
            line.set_prefix(phase.title());
            self.line = Some(line);
        }
    }

    fn go(&self, received: u64, total: u64, links: &[(&str, Option<f64>)]) {
        let Some(line) = &self.line else { return };
        line.set_length(total);
        line.set_position(received);
        let links = links.iter().map(|(name, rate)| match rate {
            Some(rate) => format!("{name} {:4.1}", rate / 1e6),
            None => format!("{name} pulled"),
        });
        line.set_message(format!("{} Mb/s", links.collect::<Vec<_>>().join("  ")));
    }

    fn end(&mut self, recording: &Recording) {
        let goodput = recording.transfer.goodput() / 1e6;
        let megabytes = recording.transfer.bytes as f64 / 1e6;
        let result = format!("{megabytes:.0} MB, {goodput:.1} Mb/s");
        match self.line.take() {
            Some(line) => line.finish_with_message(result),
            None => eprintln!("{}: {result}", recording.phase.title()),
        }
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{prefix:38} {bar:20} {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━╸─")
}
