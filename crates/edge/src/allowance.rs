//! What each uplink has carried since its month began, in a file, so that it survives restarts.

mod date;
mod file;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use settings::edge::{Cap, DayOfMonth};

pub use date::Date;

/// What a `kill -9` may cost.
const INTERVAL: Duration = Duration::from_secs(60);

/// The bytes of each uplink, both ways together, by its name.
#[derive(Debug)]
pub struct Allowance {
    path: PathBuf,
    uplinks: Table,
    /// What the file holds.
    written: Table,
    /// When that was written, or tried in vain.
    tried: Option<SystemTime>,
}

type Table = BTreeMap<String, Usage>;

/// One uplink's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Usage {
    /// The day on which its month began.
    since: Date,
    /// What it has carried since then.
    used: u64,
    /// Its interface's counter when last looked at. It goes on while no edge runs.
    counter: u64,
}

impl Allowance {
    /// Reads the file. One that can't be read is put aside, which the warning says: old numbers are no reason
    /// not to start.
    pub fn load(path: &Path) -> (Self, Option<String>) {
        let (written, warning) = match file::read(path) {
            Ok(table) => (table, None),
            Err(error) => (Table::new(), Some(file::put_aside(path, &error))),
        };
        let allowance = Self {
            path: path.to_owned(),
            uplinks: written.clone(),
            written,
            tried: None,
        };
        (allowance, warning)
    }

    /// Takes down what an uplink's interface has counted, both ways together. An uplink that was never seen
    /// before begins with nothing: when its interface has carried the rest is not known.
    pub fn note(&mut self, name: &str, counter: u64, cap: Option<&Cap>, now: SystemTime) {
        let began = began(cap, now);
        let Some(usage) = self.uplinks.get_mut(name) else {
            let usage = Usage {
                since: began,
                used: 0,
                counter,
            };
            self.uplinks.insert(name.to_owned(), usage);
            return;
        };
        // Never back: the clock of a machine without a battery begins in the past.
        if usage.since < began {
            usage.since = began;
            usage.used = 0;
        }
        // An interface that was made anew counts from nothing.
        let carried = counter.checked_sub(usage.counter).unwrap_or(counter);
        usage.used = usage.used.saturating_add(carried);
        usage.counter = counter;
    }

    /// How many bytes each uplink has carried since its month began.
    pub fn all(&self) -> BTreeMap<String, u64> {
        let uplinks = self.uplinks.iter();
        uplinks
            .map(|(name, usage)| (name.clone(), usage.used))
            .collect()
    }

    /// Writes the file if something has changed, and the last time is a minute ago.
    ///
    /// # Errors
    /// When the file can't be written. It is tried again after a minute.
    pub fn save_if_needed(&mut self, now: SystemTime) -> io::Result<()> {
        // A clock that was set back does not keep it from being written.
        let is_recent = |tried: SystemTime| now.duration_since(tried).is_ok_and(|it| it < INTERVAL);
        match self.tried.is_some_and(is_recent) {
            true => Ok(()),
            false => {
                self.tried = Some(now);
                self.save()
            }
        }
    }

    /// Writes the file if something has changed.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn save(&mut self) -> io::Result<()> {
        if self.uplinks != self.written {
            file::write(&self.path, &self.uplinks)?;
            self.written.clone_from(&self.uplinks);
        }
        Ok(())
    }
}

/// The day (UTC) from which on a cap is counted anew.
pub fn next_reset(cap: &Cap, now: SystemTime) -> Date {
    Date::of(now).last(cap.resets_on).next_month()
}

fn began(cap: Option<&Cap>, now: SystemTime) -> Date {
    let day = cap.map_or_else(DayOfMonth::default, |cap| cap.resets_on);
    Date::of(now).last(day)
}

#[cfg(test)]
mod tests;
