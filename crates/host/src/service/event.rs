//! What happens to the service, and who may make it happen.

use std::sync::mpsc::{self, Sender};

use super::prepare::Prepared;
use crate::control::{Answer, Asker, Request};
use crate::edge::Heard;
use crate::goal::Goal;
use crate::wiring::Report;

/// Something that happened.
pub(super) enum Event {
    /// The service is to end.
    Stop,
    /// Something may have changed: the network, who is logged on, whether the PC sleeps.
    Look,
    /// Somebody asks for something.
    Asked {
        request: Request,
        asker: Asker,
        answer: Sender<Answer>,
    },
    /// A user's WSL is prepared, or can't be.
    Prepared(Result<Prepared, String>),
    /// The edge has said something, or ended.
    Heard(Heard),
    /// Switches and adapters are as good as they get, for this goal.
    Plugged(Goal, Report),
    /// What was set up for users is taken away, but for these problems.
    Removed(Vec<String>),
}

/// By this others make things happen.
#[derive(Clone, Debug)]
pub struct Handle(Sender<Event>);

impl Handle {
    pub(super) fn new(sender: Sender<Event>) -> Self {
        Self(sender)
    }

    /// Of a service that has ended.
    #[cfg(test)]
    pub(super) fn nobody() -> Self {
        Self(mpsc::channel().0)
    }

    /// Has the service end. One that has ended hears nothing.
    pub fn stop(&self) {
        let _ = self.0.send(Event::Stop);
    }

    /// Has the service look again now.
    pub fn look(&self) {
        let _ = self.0.send(Event::Look);
    }

    /// Asks, and waits for the answer.
    pub fn ask(&self, request: Request, asker: Asker) -> Answer {
        let (answer, answered) = mpsc::channel();
        let asked = Event::Asked {
            request,
            asker,
            answer,
        };
        let sent = self.0.send(asked).is_ok();
        let answered = sent.then(|| answered.recv().ok()).flatten();
        answered.unwrap_or_else(|| Answer::Refused("the service is about to end".to_owned()))
    }
}
