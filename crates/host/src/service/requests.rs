//! Does what is asked for by the command line.

use std::sync::mpsc::Sender;
use std::time::Instant;

use channel::ToEdge;
use serde_json::Value;
use settings::edge::Role;
use settings::edit::{EditError, with_hub, with_role};
use settings::host::Settings;
use zeroize::Zeroizing;

use super::{STATUS_LIMIT, Service};
use crate::cards;
use crate::causes::with_causes;
use crate::control::{Answer, Asker, Request};
use crate::goal::Goal;
use crate::recording::ServiceRecording;
use crate::wiring::InVm;

/// The settings before and after the last `Connect`.
pub(super) struct Connected {
    before: Zeroizing<String>,
    after: Zeroizing<String>,
}

impl Service {
    pub(super) fn asked(&mut self, request: Request, asker: &Asker, answer: Sender<Answer>) {
        let owner = self.supervisor.user().map(|it| it.account.sid.to_string());
        let answered = match request.permit(asker, owner.as_deref()) {
            Err(why) => Answer::Refused(why),
            Ok(()) => match request {
                Request::Status => return self.ask_edge(answer),
                Request::Record => self.recorded(),
                Request::Remove => return self.remove(answer),
                Request::TryKernel { id } => return self.try_kernel(id, answer),
                Request::Up => self.set_goal(Goal::Up),
                Request::Down => self.set_goal(Goal::Down),
                Request::Connect { link } => self.connect(&link.0),
                Request::Disconnect => self.disconnect(),
                Request::SetRole { uplink, role } => self.set_role(&uplink, &role),
            },
        };
        // Who asked may have gone.
        let _ = answer.send(answered);
    }

    fn recorded(&self) -> Answer {
        let hello = self.edge.as_ref().and_then(|it| it.hello.as_ref());
        match self.store.wiring() {
            Ok(made) => Answer::Recorded(Box::new(ServiceRecording {
                interfaces: self.interfaces.clone(),
                made,
                edge: hello.map(|hello| InVm(hello.vm.clone())),
                windows: self.recorder.recording(),
            })),
            Err(error) => Answer::Refused(with_causes(&error)),
        }
    }

    fn set_goal(&mut self, goal: Goal) -> Answer {
        if let Err(error) = self.store.set_goal(goal) {
            return Answer::Refused(with_causes(&error));
        }
        self.goal = goal;
        self.plugger.forgive();
        self.look_at = Instant::now();
        Answer::Done(match goal {
            Goal::Up => "Manypath starts; manypath status shows how far it is".to_owned(),
            Goal::Down | Goal::Gone => "Windows has its network back".to_owned(),
        })
    }

    fn connect(&mut self, link: &str) -> Answer {
        let link = match link.parse() {
            Ok(link) => link,
            Err(error) => return Answer::Refused(with_causes(&error)),
        };
        let before = Zeroizing::new(self.config.text().to_owned());
        let edited = with_hub::<Settings>(&before, &link);
        let answer = self.write_settings(
            edited,
            format!("connections go through {}", link.destination),
        );
        let after = Zeroizing::new(self.config.text().to_owned());
        self.connected = matches!(answer, Answer::Done(_)).then_some(Connected { before, after });
        answer
    }

    /// What the user has written since is theirs.
    fn disconnect(&mut self) -> Answer {
        self.config.read_again();
        match self.connected.take() {
            Some(Connected { before, after }) if *after == self.config.text() => {
                let done = "the settings are as before".to_owned();
                self.write_settings(Ok(before.to_string()), done)
            }
            _ => Answer::Refused("there is no link to be taken back".to_owned()),
        }
    }

    fn set_role(&mut self, uplink: &str, role: &str) -> Answer {
        let found = Role::WORDS.into_iter().find(|(word, _)| *word == role);
        let Some((_, role)) = found else {
            return Answer::Refused(format!(
                "{role:?} is no role; they are active, backup and off"
            ));
        };
        let settings = match self.config.settings() {
            Some(settings) => settings,
            None => return Answer::Refused(self.config.error().unwrap_or_default().to_owned()),
        };
        let adapters = cards::adapters(&self.interfaces);
        let uplinks = settings.uplinks(&adapters);
        let named = |it: &&settings::host::Uplink<'_>| {
            let name = it.name.as_ref().map(settings::edge::UplinkName::as_str);
            name == Some(uplink) || it.adapter.alias == uplink
        };
        let Some(found) = uplinks.iter().find(named) else {
            let known: Vec<&str> = uplinks.iter().map(|it| it.adapter.alias.as_str()).collect();
            return Answer::Refused(format!(
                "there is no uplink {uplink:?}; the uplinks are {}",
                known.join(", ")
            ));
        };
        let edited = with_role::<Settings>(self.config.text(), &settings.place_of(found), role);
        self.write_settings(edited, format!("{uplink} is {role} now"))
    }

    fn write_settings(&mut self, edited: Result<String, EditError>, done: String) -> Answer {
        let written = edited
            .map_err(with_causes)
            .and_then(|text| self.store.set_settings(&text).map_err(with_causes));
        if let Err(why) = written {
            return Answer::Refused(why);
        }
        self.look();
        match self.config.error() {
            None => Answer::Done(done),
            Some(error) => Answer::Refused(error.to_owned()),
        }
    }

    /// Answers with the edge's status when it has come, or after a while without it.
    fn ask_edge(&mut self, answer: Sender<Answer>) {
        match &self.edge {
            Some(running) if running.hello.is_some() => {
                running.edge.say(ToEdge::Status);
                self.waiting.push((answer, Instant::now() + STATUS_LIMIT));
            }
            // Who asked may have gone.
            _ => drop(answer.send(self.status(&Value::Null))),
        }
    }

    /// The edge has sent its status.
    pub(super) fn answer(&mut self, edge: &Value) {
        for (waiting, _) in std::mem::take(&mut self.waiting) {
            let _ = waiting.send(self.status(edge));
        }
    }

    /// The edge will not answer any more.
    pub(super) fn answer_all(&mut self) {
        self.answer(&Value::Null);
    }

    /// The edge has not answered in time.
    pub(super) fn answer_late(&mut self, now: Instant) {
        if self.waiting.iter().any(|(_, until)| *until <= now) {
            self.answer_all();
        }
    }
}
