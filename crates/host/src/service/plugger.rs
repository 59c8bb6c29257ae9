//! Makes switches and plugs cards into VMs, in a thread of its own: a switch takes seconds.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use hcs::{Hcs, SystemId, Watch};

use super::event::Event;
use crate::causes::with_causes;
use crate::goal::Goal;
use crate::store::Store;
use crate::wiring::{Card, InVm, OtherWay, Vm, Wirer};

/// How often it is looked which VMs run: Windows tells of their end, and not of their start.
const EVERY: Duration = Duration::from_secs(1);

/// A round without a reason that is known.
const SLOW: Duration = Duration::from_secs(30);

/// What is to be plugged in where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Orders {
    pub(super) goal: Goal,
    pub(super) cards: Vec<Card>,
    /// The edge, if one runs.
    pub(super) edge: Option<InVm>,
}

/// What reaches the thread.
enum Message {
    Orders(Orders),
    /// Windows says that something has changed.
    Look,
    /// Switches that could not be made are tried again at once.
    Forgive,
    End,
}

/// The thread's other end. It ends with this.
pub(super) struct Plugger {
    messages: Sender<Message>,
    last: Option<Orders>,
}

impl Plugger {
    pub(super) fn start(
        hcs: Hcs,
        store: Store,
        other_way: Box<dyn OtherWay>,
        reports: Sender<Event>,
    ) -> Self {
        let (messages, received) = mpsc::channel();
        let work = Work {
            _network_watch: watch_networks(&hcs, &messages),
            wirer: Wirer::new(hcs.clone(), store, other_way),
            hcs,
            orders: None,
            vms: Vec::new(),
            vm_watches: Vec::new(),
            looks: messages.clone(),
            reports,
            is_due: true,
            last: Instant::now(),
        };
        thread::spawn(move || work.run(&received));
        Self {
            messages,
            last: None,
        }
    }

    /// Has it be so from now on.
    pub(super) fn order(&mut self, orders: Orders) {
        if self.last.as_ref() != Some(&orders) {
            self.last = Some(orders.clone());
            self.send(Message::Orders(orders));
        }
    }

    /// Has what failed be tried again at once.
    pub(super) fn forgive(&self) {
        self.send(Message::Forgive);
    }

    fn send(&self, message: Message) {
        // It ends with this only.
        let _ = self.messages.send(message);
    }
}

impl Drop for Plugger {
    fn drop(&mut self) {
        self.send(Message::End);
    }
}

struct Work {
    hcs: Hcs,
    wirer: Wirer,
    orders: Option<Orders>,
    vms: Vec<Vm>,
    /// Tell when a VM ends, and when somebody else changes a switch.
    vm_watches: Vec<(SystemId, Watch)>,
    _network_watch: Option<Watch>,
    looks: Sender<Message>,
    reports: Sender<Event>,
    is_due: bool,
    last: Instant,
}

impl Work {
    fn run(mut self, messages: &Receiver<Message>) {
        loop {
            match messages.recv_timeout(EVERY) {
                Ok(Message::End) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(Message::Orders(orders)) => {
                    self.is_due = true;
                    self.orders = Some(orders);
                }
                Ok(Message::Look) => self.is_due = true,
                Ok(Message::Forgive) => {
                    self.is_due = true;
                    self.wirer.forgive();
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            self.look_for_vms();
            if self.is_due || self.last.elapsed() >= SLOW {
                self.round();
            }
        }
    }

    fn look_for_vms(&mut self) {
        // What can't be told now the round reports.
        let Ok(vms) = self.wirer.vms() else {
            return;
        };
        self.is_due |= vms != self.vms;
        self.vms = vms;
        self.vm_watches
            .retain(|(id, _)| self.vms.iter().any(|vm| vm.system == *id));
        for vm in &self.vms {
            if self.vm_watches.iter().all(|(id, _)| *id != vm.system) {
                let looks = self.looks.clone();
                let tell = move |_| drop(looks.send(Message::Look));
                // One that has gone by now is not seen at the next look.
                if let Ok(watch) = self.hcs.watch(&vm.system, tell) {
                    self.vm_watches.push((vm.system.clone(), watch));
                }
            }
        }
    }

    fn round(&mut self) {
        let Some(orders) = &self.orders else {
            return;
        };
        self.is_due = false;
        let chosen = orders.edge.as_ref().and_then(|it| it.chosen(&self.vms));
        let report = self
            .wirer
            .round(orders.goal, &orders.cards, chosen.as_ref());
        self.last = Instant::now();
        // The service may be about to end.
        let _ = self.reports.send(Event::Plugged(orders.goal, report));
    }
}

/// Tells of changes to switches; `None` where Windows can't.
fn watch_networks(hcs: &Hcs, looks: &Sender<Message>) -> Option<Watch> {
    let looks = looks.clone();
    let tell = move |_| drop(looks.send(Message::Look));
    let watch = hcs.watch_networks(tell);
    let why = watch.as_ref().err();
    if let Some(why) = why {
        tracing::warn!("{}", with_causes(why));
    }
    watch.ok()
}
