//! Takes everything away again: for `manypath uninstall`.

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread;

use winproc::Users;

use super::Service;
use super::event::Event;
use super::prepare::Workshop;
use crate::causes::with_causes;
use crate::control::Answer;
use crate::goal::Goal;
use crate::setup::{Wanted, WantedKernel};
use crate::supervisor::Phase;

/// A removal under way.
pub(super) struct Removal {
    answer: Sender<Answer>,
    /// Switches and endpoints are gone, or as good as.
    pub(super) unplugged: bool,
    /// What was set up for users is being taken away.
    is_restoring: bool,
}

impl Service {
    /// The edge goes first, then what it stood on.
    pub(super) fn remove(&mut self, answer: Sender<Answer>) {
        tracing::info!("everything is taken away");
        self.goal = Goal::Gone;
        self.removal = Some(Removal {
            answer,
            unplugged: false,
            is_restoring: false,
        });
        self.want();
        self.order();
    }

    pub(super) fn go_on_removing(&mut self) {
        let is_idle = *self.supervisor.phase() == Phase::Idle;
        let Some(removal) = &mut self.removal else {
            return;
        };
        if !is_idle || !removal.unplugged || std::mem::replace(&mut removal.is_restoring, true) {
            return;
        }
        let (workshop, users) = (self.workshop(), Arc::clone(&self.users));
        let me = self.me.clone();
        thread::spawn(move || {
            let problems = workshop.restore_all(&*users);
            // The service may be about to end.
            let _ = me.send(Event::Removed(problems));
        });
    }

    pub(super) fn removed(&mut self, problems: Vec<String>) {
        let Some(removal) = self.removal.take() else {
            return;
        };
        let left = self.report.cards.iter().filter_map(|it| it.problem.clone());
        let problems: Vec<String> = left
            .chain(self.report.problems.iter().cloned())
            .chain(problems)
            .collect();
        let answer = match problems.is_empty() {
            true => Answer::Done("everything is as it was before".to_owned()),
            false => Answer::Refused(format!("this is left: {}", problems.join("; "))),
        };
        // Who asked may have gone.
        let _ = removal.answer.send(answer);
    }
}

impl Workshop {
    /// Gives every user back what was changed. Returns what could not be.
    fn restore_all(&self, users: &dyn Users) -> Vec<String> {
        let changed = match self.store.users() {
            Ok(changed) => changed,
            Err(error) => return vec![with_causes(&error)],
        };
        let sessions = match users.sessions() {
            Ok(sessions) => sessions,
            Err(error) => return vec![with_causes(&error)],
        };
        let restore = |sid: String| {
            let mut sessions = sessions.iter();
            let theirs = |it: &&winproc::Session| {
                let account = it.user.as_ref();
                account.is_some_and(|account| account.sid.to_string() == sid)
            };
            match sessions.find(theirs) {
                Some(session) => self.restore(users, session.id),
                None => vec![format!(
                    "user {sid} is not logged on and still has Manypath's lines in .wslconfig and its distribution; \
                     have them log on, and run this again"
                )],
            }
        };
        changed.into_iter().flat_map(restore).collect()
    }

    fn restore(&self, users: &dyn Users, session: winproc::SessionId) -> Vec<String> {
        let wanted = Wanted {
            goal: Goal::Gone,
            kernel: WantedKernel::Theirs,
            distribution: String::new(),
            image: self.image.id.clone(),
        };
        let user = users.user(session).map_err(with_causes);
        match user.and_then(|user| self.bring_about(&*user, &wanted)) {
            Ok(problems) => problems,
            Err(problem) => vec![problem],
        }
    }
}
