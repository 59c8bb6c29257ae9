//! The edge's connections together: which of them live, and which are used.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use quinn::Connection;
use serde::Serialize;
use tokio::sync::mpsc;
use wire::hub::datagram::{Order, Packet, Rank};

use crate::choice::{Candidate, Standing, choose};
use crate::life::{BUSY, Interest, Life};
use crate::outgoing::Ways;
use crate::quic::Close;
use crate::tunnel::{Running, Uplink};

/// How long there may be no connection before UDP goes another way. Roaming takes a moment.
const GRACE: Duration = Duration::from_secs(4);

/// How long all connections may be silent at once before they are begun anew: a hub that was started again knows
/// none of them, and can't say so.
const GONE: Duration = Duration::from_secs(2);

/// The uplinks and their connections.
#[derive(Debug, Default)]
pub struct Links {
    all: BTreeMap<u32, Link>,
    first: Option<u32>,
    second: Option<u32>,
    /// Counts the choices.
    number: u32,
    moved: Option<Instant>,
    /// Since when there is no connection, although there is an uplink.
    none_since: Option<Instant>,
    told: Option<bool>,
}

#[derive(Debug)]
struct Link {
    uplink: Uplink,
    /// The addresses that its task goes by.
    from: Vec<IpAddr>,
    live: Option<Live>,
    trouble: Option<String>,
    _task: Running,
}

#[derive(Debug)]
struct Live {
    connection: Connection,
    orders: mpsc::UnboundedSender<Order>,
    life: Life,
}

/// One connection, for the status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LinkStatus {
    /// The uplink.
    pub uplink: String,
    /// Whether the hub has agreed to it.
    pub connected: bool,
    /// Whether datagrams go by it.
    pub used: bool,
    /// Whether nothing comes back over it.
    pub silent: bool,
    /// Round trip, in microseconds.
    pub round_trip_us: Option<u64>,
    /// Why it is not connected.
    pub trouble: Option<String>,
}

impl Links {
    /// Goes by these uplinks; `connect` begins to.
    pub fn follow(&mut self, uplinks: Vec<Uplink>, connect: impl Fn(&Uplink) -> Running) {
        let mut before = std::mem::take(&mut self.all);
        for uplink in uplinks {
            let known = before.remove(&uplink.id);
            let known = known.filter(|link| link.fits(&uplink));
            let link = match known {
                Some(link) => Link { uplink, ..link },
                None => Link {
                    _task: connect(&uplink),
                    from: uplink.addresses.clone(),
                    uplink,
                    live: None,
                    trouble: None,
                },
            };
            self.all.insert(link.uplink.id, link);
        }
    }

    pub fn connected(
        &mut self,
        id: u32,
        connection: Connection,
        orders: mpsc::UnboundedSender<Order>,
    ) {
        if let Some(link) = self.all.get_mut(&id) {
            link.trouble = None;
            link.live = Some(Live {
                connection,
                orders,
                life: Life::default(),
            });
            // It has been told nothing yet.
            self.first = self.first.filter(|first| *first != id);
            self.second = self.second.filter(|second| *second != id);
        }
    }

    pub fn failed(&mut self, id: u32, why: String) {
        if let Some(link) = self.all.get_mut(&id) {
            link.live = None;
            link.trouble = Some(why);
        }
    }

    /// Chooses anew, and tells the hub if that changes anything.
    pub fn choose(&mut self, duplicate: bool) {
        let candidates: Vec<Candidate> = self.all.values().filter_map(Link::candidate).collect();
        let (first, second) = choose(&candidates, self.first);
        let second = second.filter(|_| duplicate);
        if first != self.first {
            self.number = self.number.wrapping_add(1);
            self.tell(first, Rank::First);
            self.first = first;
        }
        if second != self.second {
            self.number = self.number.wrapping_add(1);
            self.tell(second, Rank::Second);
            self.second = second;
        }
    }

    fn tell(&self, id: Option<u32>, rank: Rank) {
        if let Some(live) = id.and_then(|id| self.live(id)) {
            let number = self.number;
            // Its task has ended: so will the connection.
            let _told = live.orders.send(Order::Prefer { number, rank });
        }
    }

    /// What to send over now.
    pub fn ways_to_send(&mut self, now: Instant) -> Option<Ways> {
        self.moved = Some(now);
        for id in [self.first, self.second].into_iter().flatten() {
            if let Some(live) = self.all.get_mut(&id).and_then(|link| link.live.as_mut()) {
                live.life.sends(now);
            }
        }
        Some(Ways {
            first: self.live(self.first?)?.connection.clone(),
            second: self
                .second
                .and_then(|id| self.live(id))
                .map(|live| live.connection.clone()),
        })
    }

    /// Looks for signs of life. `true` while there is something to look for.
    pub fn look(&mut self, now: Instant) -> bool {
        let used = [self.first, self.second];
        let is_busy = self.is_busy(now);
        for (id, link) in &mut self.all {
            let interest = match link.uplink.standing {
                _ if used.contains(&Some(*id)) => Interest::Used,
                Standing::Carries if is_busy => Interest::MayBeUsed,
                _ => Interest::None,
            };
            if let Some(live) = &mut link.live {
                let came = live.look(interest, now);
                if came {
                    self.moved = Some(now);
                }
            }
        }
        self.leave_the_gone(now);
        self.is_busy(now)
    }

    fn is_busy(&self, now: Instant) -> bool {
        self.moved.is_some_and(|moved| now - moved < BUSY)
    }

    /// Their tasks notice, and connect anew.
    fn leave_the_gone(&self, now: Instant) {
        let live = || self.all.values().filter_map(|link| link.live.as_ref());
        let is_gone = |live: &Live| live.life.silence(now) >= GONE;
        if live().all(is_gone) {
            for live in live() {
                live.connection.close(Close::Done.into(), b"");
            }
        }
    }

    /// What has become of the tunnel, when that is news: `true` if the hub can be reached.
    pub fn turned(&mut self, now: Instant) -> Option<bool> {
        let is_up = self.all.values().any(|link| link.live.is_some());
        let could = self
            .all
            .values()
            .any(|link| link.uplink.standing < Standing::Fails);
        match is_up || !could {
            true => self.none_since = None,
            false => self.none_since = self.none_since.or(Some(now)),
        }
        let is_over = self.none_since.is_some_and(|since| now - since >= GRACE);
        let turned = if is_up {
            Some(true)
        } else {
            is_over.then_some(false)
        };
        let is_news = turned.is_some() && turned != self.told;
        if is_news {
            self.told = turned;
        }
        turned.filter(|_| is_news)
    }

    pub fn connections(&self) -> impl Iterator<Item = &Connection> {
        let live = self.all.values().filter_map(|link| link.live.as_ref());
        live.map(|live| &live.connection)
    }

    pub fn trouble(&self) -> Option<String> {
        let with_trouble = self.all.values().find_map(|link| {
            let trouble = link.trouble.as_ref()?;
            Some(format!("uplink {}: {trouble}", link.uplink.name))
        });
        with_trouble.or_else(|| (!self.all.is_empty()).then(|| "no answer yet".to_owned()))
    }

    pub fn status(&self) -> Vec<LinkStatus> {
        let status = |(id, link): (&u32, &Link)| LinkStatus {
            uplink: link.uplink.name.clone(),
            connected: link.live.is_some(),
            used: [self.first, self.second].contains(&Some(*id)),
            silent: link.live.as_ref().is_some_and(|live| live.life.is_silent()),
            round_trip_us: link.live.as_ref().map(|live| {
                let micros = live.connection.rtt().as_micros();
                u64::try_from(micros).unwrap_or(u64::MAX)
            }),
            trouble: link.trouble.clone(),
        };
        self.all.iter().map(status).collect()
    }

    fn live(&self, id: u32) -> Option<&Live> {
        self.all.get(&id)?.live.as_ref()
    }
}

impl Link {
    /// Whether it can stay as it is. A connection that lives needs no address that has come since.
    fn fits(&self, uplink: &Uplink) -> bool {
        let has = |address: &IpAddr| uplink.addresses.contains(address);
        self.from == uplink.addresses || (self.live.is_some() && self.from.iter().all(has))
    }

    fn candidate(&self) -> Option<Candidate> {
        let live = self.live.as_ref()?;
        Some(Candidate {
            id: self.uplink.id,
            standing: self.uplink.standing,
            silent: live.life.is_silent(),
            round_trip: live.connection.rtt(),
        })
    }
}

impl Live {
    /// `true` if a datagram has come.
    fn look(&mut self, interest: Interest, now: Instant) -> bool {
        let frames = self.connection.stats().frame_rx;
        let came = self.life.has_come(frames.datagram);
        let heard = (frames.acks + frames.datagram, frames.datagram);
        if self.life.look(heard, interest, self.connection.rtt(), now) {
            let probe = Packet::Probe.encode().into();
            // A connection that is over has a task that notices.
            let _sent = self.connection.send_datagram(probe);
        }
        came
    }
}
