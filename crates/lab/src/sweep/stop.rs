use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Ends a sweep early, from any thread.
#[derive(Debug, Default)]
pub struct Stop {
    is_set: Mutex<bool>,
    changed: Condvar,
}

impl Stop {
    /// From now on.
    pub fn set(&self) {
        *self.lock() = true;
        self.changed.notify_all();
    }

    pub(super) fn is_set(&self) -> bool {
        *self.lock()
    }

    /// Waits for so long.
    ///
    /// # Errors
    /// When it was stopped before.
    pub(super) fn sleep(&self, time: Duration) -> anyhow::Result<()> {
        let waited = self
            .changed
            .wait_timeout_while(self.lock(), time, |is_set| !*is_set);
        let (is_set, _) = waited.unwrap_or_else(PoisonError::into_inner);
        anyhow::ensure!(!*is_set, "stopped");
        Ok(())
    }

    /// A bool is whole at every moment, so a panic elsewhere leaves nothing to fear.
    fn lock(&self) -> MutexGuard<'_, bool> {
        self.is_set.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn a_stop_ends_sleep() {
        let stop = Stop::default();
        assert!(stop.sleep(Duration::from_millis(1)).is_ok() && !stop.is_set());
        std::thread::scope(|scope| {
            let sleeper = scope.spawn(|| stop.sleep(HOUR));
            stop.set();
            assert!(sleeper.join().unwrap().is_err());
        });
        assert!(stop.sleep(HOUR).is_err() && stop.is_set());
    }
}
