//! UDP for programs that ask the proxy for it.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use datagrams::{Flow, Received};
use relay::{Association, DatagramWay};
use tokio::sync::{mpsc, watch};
use wire::Destination;

use super::Way;
use super::direct::{ANY, Sockets};
use crate::rules::Rules;

/// How many datagrams may wait for a program; the others are dropped.
const QUEUE: usize = 256;

/// The way that UDP takes at the moment, and the rules that have some of it take another.
#[derive(Clone, Debug)]
pub struct UdpWay {
    way: watch::Receiver<Way>,
    rules: Rules,
}

/// The ways out of one program's port.
struct Ways {
    rules: Rules,
    /// Through the hub, if that is the usual way.
    hub: Option<Flow>,
    opened: Mutex<Opened>,
    queue: mpsc::Sender<(SocketAddr, Bytes)>,
}

/// What is opened when it is needed.
#[derive(Default)]
struct Opened {
    straight: Option<Sockets>,
    /// By the name of an uplink, each with its addresses at that time.
    uplinks: BTreeMap<String, (Vec<IpAddr>, Sockets)>,
}

impl UdpWay {
    pub(super) fn new(way: watch::Receiver<Way>, rules: Rules) -> Self {
        Self { way, rules }
    }
}

impl DatagramWay for UdpWay {
    fn open(&self) -> io::Result<Association> {
        let (queue, receive) = mpsc::channel(QUEUE);
        let mut opened = Opened::default();
        let hub = match &*self.way.borrow() {
            Way::Hub(tunnel) if *tunnel.up().borrow() => {
                let (flow, received) = tunnel.open();
                // It ends with the flow.
                tokio::spawn(pass_on(received, queue.clone()));
                Some(flow)
            }
            Way::Hub(_) | Way::Direct => {
                opened.straight = Some(Sockets::open(&ANY, &queue)?);
                None
            }
            Way::Off => return Err(io::ErrorKind::PermissionDenied.into()),
        };
        let ways = Ways {
            rules: self.rules.clone(),
            hub,
            opened: Mutex::new(opened),
            queue,
        };
        Ok(Association {
            send: Box::new(move |to, payload| ways.send(to, payload)),
            receive,
        })
    }
}

impl Ways {
    fn send(&self, to: &Destination, payload: &[u8]) {
        let sent = match (self.rules.way_of_datagram(to), &self.hub) {
            (relay::Way::Usual | relay::Way::ByName(_), Some(flow)) => {
                flow.send(to, payload);
                Ok(())
            }
            (relay::Way::Usual | relay::Way::ByName(_) | relay::Way::Straight, _) => {
                self.straight(to, payload)
            }
            (relay::Way::Uplink { name, from }, _) => match from {
                Ok(from) => self.by_uplink(name, from, to, payload),
                Err(why) => Err(io::Error::other(format!("uplink {name}: {why}"))),
            },
            (relay::Way::Refused { rule }, _) => {
                Err(io::Error::other(format!("rule {rule} refuses it")))
            }
        };
        if let Err(error) = sent {
            tracing::debug!(%to, "a program's datagram is dropped: {error}");
        }
    }

    fn straight(&self, to: &Destination, payload: &[u8]) -> io::Result<()> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let sockets = match &mut opened.straight {
            Some(sockets) => sockets,
            none => none.insert(Sockets::open(&ANY, &self.queue)?),
        };
        sockets.send(to, payload);
        Ok(())
    }

    /// From another port when the uplink has got other addresses.
    fn by_uplink(
        &self,
        name: String,
        from: Vec<IpAddr>,
        to: &Destination,
        payload: &[u8],
    ) -> io::Result<()> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let known = opened.uplinks.get(&name).filter(|(of, _)| *of == from);
        if let Some((_, sockets)) = known {
            sockets.send(to, payload);
            return Ok(());
        }
        let sockets = Sockets::open(&from, &self.queue)?;
        sockets.send(to, payload);
        opened.uplinks.insert(name, (from, sockets));
        Ok(())
    }
}

/// What comes through the hub goes to where the other ways' goes.
async fn pass_on(mut received: mpsc::Receiver<Received>, queue: mpsc::Sender<(SocketAddr, Bytes)>) {
    while let Some(received) = received.recv().await {
        // SOCKS5 has no words for a refusal.
        if let Received::Datagram(from, payload) = received
            && queue.send((from, payload)).await.is_err()
        {
            return;
        }
    }
}
