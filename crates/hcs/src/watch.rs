//! To be told when something happens.
//!
//! Windows calls back on a thread of its own, on which nothing may be closed and little be called. So a
//! callback only passes the event on, to a thread of the watch, which runs the user's code.

use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use crate::{Hcs, HcsError, NetworkEvent, Registration, SystemEvent, SystemId};

/// Somebody is told about events until this is dropped.
#[derive(Debug)]
pub struct Watch {
    thread: Option<JoinHandle<()>>,
    stop: Box<dyn Stop>,
}

enum Message<E> {
    Event(E),
    Stop,
}

trait Stop: Send + std::fmt::Debug {
    fn stop(&self);
}

impl Hcs {
    /// Tells when a VM has gone, once. The handle that this needs is closed at once then: it might keep
    /// the VM's remains alive (`ShouldTerminateOnLastHandleClosed`).
    ///
    /// # Errors
    /// When the VM is gone already, or Windows refuses.
    pub fn watch(
        &self,
        system: &SystemId,
        on_event: impl FnMut(SystemEvent) + Send + 'static,
    ) -> Result<Watch, HcsError> {
        let (sender, receiver) = mpsc::channel();
        let pass_on = pass_on(sender.clone());
        let registration = self
            .api
            .watch_system(system.as_str(), Box::new(pass_on))
            .map_err(HcsError::failed(format!("watch WSL's VM {system}")))?;
        Ok(Watch::start(
            sender,
            receiver,
            registration,
            |_| true,
            on_event,
        ))
    }

    /// Tells about switches and their ports, until the service that keeps them ends.
    ///
    /// # Errors
    /// When Windows refuses.
    pub fn watch_networks(
        &self,
        on_event: impl FnMut(NetworkEvent) + Send + 'static,
    ) -> Result<Watch, HcsError> {
        let (sender, receiver) = mpsc::channel();
        let pass_on = pass_on(sender.clone());
        let registration = self
            .api
            .watch_networks(Box::new(pass_on))
            .map_err(HcsError::failed("watch the virtual switches"))?;
        let is_last = |event| event == NetworkEvent::ServiceDisconnect;
        Ok(Watch::start(
            sender,
            receiver,
            registration,
            is_last,
            on_event,
        ))
    }
}

/// What Windows calls. Nobody listens any more once the watch is dropped.
fn pass_on<E>(sender: Sender<Message<E>>) -> impl Fn(E) + Send + Sync
where
    E: Send,
{
    move |event| drop(sender.send(Message::Event(event)))
}

impl Watch {
    fn start<E: Copy + Send + 'static>(
        sender: Sender<Message<E>>,
        receiver: Receiver<Message<E>>,
        registration: Registration,
        is_last: impl Fn(E) -> bool + Send + 'static,
        mut on_event: impl FnMut(E) + Send + 'static,
    ) -> Self {
        let thread = thread::spawn(move || {
            while let Ok(Message::Event(event)) = receiver.recv() {
                if is_last(event) {
                    drop(registration);
                    return on_event(event);
                }
                on_event(event);
            }
        });
        Self {
            thread: Some(thread),
            stop: Box::new(sender),
        }
    }
}

impl<E: Send> Stop for Sender<Message<E>> {
    fn stop(&self) {
        // The thread may have ended by itself.
        drop(self.send(Message::Stop));
    }
}

/// Afterwards nobody is told any more, and what was open is closed.
impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.stop();
        if let Some(thread) = self.thread.take()
            // Whoever is told may drop the watch.
            && thread.thread().id() != thread::current().id()
        {
            drop(thread.join());
        }
    }
}
