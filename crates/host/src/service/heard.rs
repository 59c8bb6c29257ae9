//! What the edge says, and what follows.

use channel::{Applied, Mptcp, ToHost};

use super::{Running, Service};
use crate::edge::Heard;
use crate::kernels::trial;
use crate::supervisor;
use crate::verify;

impl Running {
    /// With what to do about it, as far as that is known here.
    fn last_words(&self, words: String) -> String {
        let mptcp = self.hello.as_ref().map(|it| it.mptcp);
        match mptcp {
            Some(Mptcp::Missing) => format!(
                "{words}; the kernel in .wslconfig counts when WSL starts the next time, so run: wsl --shutdown"
            ),
            _ => words,
        }
    }
}

impl Service {
    pub(super) fn heard(&mut self, heard: Heard) {
        let message = match heard {
            Heard::Message(message) => message,
            Heard::Ended(words) => {
                let words = match self.edge.take() {
                    Some(running) => running.last_words(words),
                    None => words,
                };
                tracing::warn!("the edge has ended: {words}");
                self.answer_all();
                self.decide(supervisor::Event::Ended(Some(words)));
                return self.order();
            }
        };
        let greets = matches!(message, ToHost::Hello(_));
        let wanted = greets.then(|| self.kernels().wanted).flatten();
        let Some(running) = &mut self.edge else {
            return;
        };
        let event = match message {
            ToHost::Hello(hello) => {
                if let Err(error) = channel::check_protocol(hello.protocol, &hello.version) {
                    tracing::error!("{error}");
                    return running.edge.kill();
                }
                tracing::info!(
                    "an edge runs on kernel {} in VM {:?}",
                    hello.kernel,
                    hello.vm
                );
                let kernel = hello.kernel.clone();
                running.differences = verify::differences(&hello, wanted.as_deref());
                for difference in &running.differences {
                    tracing::warn!("{difference}");
                }
                running.hello = Some(hello);
                self.decide(supervisor::Event::Greeted);
                self.tried(&trial::Event::Greeted(&kernel));
                self.tell_edge();
                return self.order();
            }
            ToHost::Ready(ready) => {
                // Without a way out it could but keep what it takes in.
                let gateways = if ready.online {
                    ready.gateways
                } else {
                    Vec::new()
                };
                supervisor::Event::Ready(gateways)
            }
            ToHost::Applied(Applied::Refused { errors }) => {
                tracing::error!("the edge refuses its settings: {errors}");
                running.refused = Some(errors);
                supervisor::Event::Heard
            }
            ToHost::Applied(Applied::Taken { need_restart }) => {
                running.refused = None;
                match need_restart.is_empty() {
                    true => supervisor::Event::Heard,
                    false => {
                        let keys = need_restart.join(", ");
                        tracing::info!("the edge starts anew, for other settings: {keys}");
                        supervisor::Event::Restart
                    }
                }
            }
            ToHost::Status(status) => {
                self.answer(&status);
                supervisor::Event::Heard
            }
            // Its end follows, with these words.
            ToHost::Alive | ToHost::Fatal(_) => supervisor::Event::Heard,
        };
        self.decide(event);
    }
}
