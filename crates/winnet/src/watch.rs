//! To be told when something changes.
//!
//! Windows calls back on threads of its own, on which its functions must not be waited for. So a callback
//! only passes the change on, to a thread of the watch, which runs the user's code.

use std::fmt;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use crate::{Api, Change, Failure, Registration};

/// Somebody is told about changes until this is dropped.
pub struct Watch {
    /// The way in for changes ends with it, and then the thread.
    registration: Option<Registration>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    pub(crate) fn start(
        api: &dyn Api,
        on_change: impl FnMut(Change) + Send + 'static,
    ) -> Result<Self, Failure> {
        let (sender, changes) = mpsc::channel();
        let pass_on = move |change| {
            // Nobody listens any more once the user's code has panicked.
            let _ = sender.send(change);
        };
        let registration = api.notify(Box::new(pass_on))?;
        let thread = thread::spawn(move || changes.into_iter().for_each(on_change));
        Ok(Self {
            registration: Some(registration),
            thread: Some(thread),
        })
    }
}

/// Afterwards nobody is told any more.
impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.registration.take());
        if let Some(thread) = self.thread.take()
            // Whoever is told may drop the watch.
            && thread.thread().id() != thread::current().id()
        {
            drop(thread.join());
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}
