//! Where connections wait until it is known whose they are.
//!
//! Anyone on the Internet may open connections and say nothing. Their number is bounded, and who
//! comes when the room is full is let in all the same: the oldest of those that fill it has to go. A
//! real edge says who it is within a few round trips, so it is out again before its turn comes.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// One network may fill this part of the room.
const SHARE: usize = 8;

/// Connections of which nobody knows yet whose they are.
#[derive(Debug)]
pub(super) struct Room {
    most: usize,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    count: usize,
    last: u64,
    /// By network, oldest first. A sender that is dropped tells its connection to go.
    networks: HashMap<IpAddr, VecDeque<(u64, oneshot::Sender<Infallible>)>>,
}

/// A connection's place in the room, until dropped.
#[derive(Debug)]
pub(super) struct Seat {
    room: Arc<Room>,
    network: IpAddr,
    number: u64,
    turned_out: oneshot::Receiver<Infallible>,
}

impl Room {
    /// For `most` connections, at least one.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most: most.max(1),
            waiting: Mutex::default(),
        }
    }

    /// How many are waiting.
    pub(super) fn len(&self) -> usize {
        self.waiting().count
    }

    /// Lets a connection in, and turns another out if there is no room.
    pub(super) fn enter(self: &Arc<Self>, from: IpAddr) -> Seat {
        let network = network(from);
        let (notice, turned_out) = oneshot::channel();
        let mut waiting = self.waiting();
        let share = (self.most / SHARE).max(1);
        let of_network = waiting.networks.get(&network).map_or(0, VecDeque::len);
        if of_network >= share {
            waiting.turn_out_of(network);
        } else if waiting.count >= self.most {
            waiting.turn_out();
        }
        waiting.last += 1;
        waiting.count += 1;
        let number = waiting.last;
        let queue = waiting.networks.entry(network).or_default();
        queue.push_back((number, notice));
        drop(waiting);
        Seat {
            room: Arc::clone(self),
            network,
            number,
            turned_out,
        }
    }

    /// A panic elsewhere leaves the lists whole.
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// The oldest of the network that takes most of the room; the oldest network among equals.
    fn turn_out(&mut self) {
        let by_need = self.networks.iter().max_by_key(|(_, queue)| {
            let oldest = queue.front().map_or(u64::MAX, |(number, _)| *number);
            (queue.len(), std::cmp::Reverse(oldest))
        });
        if let Some(network) = by_need.map(|(network, _)| *network) {
            self.turn_out_of(network);
        }
    }

    fn turn_out_of(&mut self, network: IpAddr) {
        let oldest = self.networks.get(&network).and_then(VecDeque::front);
        if let Some(number) = oldest.map(|(number, _)| *number) {
            self.leave(network, number);
        }
    }

    fn leave(&mut self, network: IpAddr, number: u64) {
        let Some(queue) = self.networks.get_mut(&network) else {
            return;
        };
        // Numbers only grow. One that is not there was turned out before.
        let Ok(at) = queue.binary_search_by_key(&number, |(number, _)| *number) else {
            return;
        };
        queue.remove(at);
        self.count -= 1;
        if queue.is_empty() {
            self.networks.remove(&network);
        }
    }
}

impl Seat {
    /// Done when the connection has to go.
    pub(super) async fn turned_out(&mut self) {
        // It never gets a value; the sender is dropped.
        let _gone = (&mut self.turned_out).await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.room.waiting().leave(self.network, self.number);
    }
}

/// What one party usually has at its disposal: a /24, or with IPv6 a site's /48.
fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(ip) => Ipv4Addr::from_bits(ip.to_bits() & (u32::MAX << 8)).into(),
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & (u128::MAX << 80)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter(room: &Arc<Room>, from: &str) -> Seat {
        room.enter(from.parse().unwrap())
    }

    fn is_in(seat: &mut Seat) -> bool {
        use oneshot::error::TryRecvError;
        matches!(seat.turned_out.try_recv(), Err(TryRecvError::Empty))
    }

    #[test]
    fn a_network_that_fills_its_share_turns_its_own_out() {
        let room = Arc::new(Room::new(16));
        let mut other = enter(&room, "198.51.100.1");
        let mut flood: Vec<_> = (0..10)
            .map(|n| enter(&room, &format!("203.0.113.{n}")))
            .collect();
        let left: Vec<_> = flood.iter_mut().map(is_in).collect();
        assert_eq!(left, [[false; 8].as_slice(), &[true; 2]].concat());
        assert!(is_in(&mut other));
        assert_eq!(room.len(), 3);
        drop(flood);
        assert_eq!(room.len(), 1);
        drop(other);
        assert_eq!(room.len(), 0);
        assert!(room.waiting().networks.is_empty());
    }

    #[test]
    fn when_the_room_is_full_the_greediest_network_gives_way() {
        let room = Arc::new(Room::new(16));
        let mut early = enter(&room, "2001:db8:1::1");
        let mut pairs: Vec<_> = (0..15)
            .map(|n| enter(&room, &format!("192.0.{}.1", n / 2)))
            .collect();
        assert_eq!(room.len(), 16);
        let mut late = enter(&room, "2001:db8:2::1");
        assert_eq!(room.len(), 16);
        assert!(is_in(&mut early) && is_in(&mut late));
        let left: Vec<_> = pairs.iter_mut().map(is_in).collect();
        assert_eq!(left.iter().position(|is_in| !is_in), Some(0));
        assert_eq!(left.iter().filter(|is_in| !**is_in).count(), 1);
    }

    #[test]
    fn addresses_of_one_site_are_one_network() {
        let same = |a: &str, b: &str| network(a.parse().unwrap()) == network(b.parse().unwrap());
        assert!(same("192.0.2.1", "192.0.2.255"));
        assert!(same("192.0.2.1", "::ffff:192.0.2.9"));
        assert!(!same("192.0.2.1", "192.0.3.1"));
        assert!(same("2001:db8:1:2::3", "2001:db8:1:ffff::"));
        assert!(!same("2001:db8:1::", "2001:db8:2::"));
    }

    #[tokio::test]
    async fn who_is_turned_out_hears_of_it() {
        let room = Arc::new(Room::new(1));
        let mut first = enter(&room, "192.0.2.1");
        let _second = enter(&room, "192.0.2.2");
        first.turned_out().await;
    }
}
