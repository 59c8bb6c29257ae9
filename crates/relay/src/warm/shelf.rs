//! The idle connections, and which of them goes first.

use std::cmp::Reverse;

use tokio::time::Instant;

/// What is known of a connection to the hub, whether it is idle or in use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    /// Unique within the pool.
    pub(super) id: u64,
    /// When the hub said WELCOME.
    pub(super) opened: Instant,
    /// How often the uplinks had changed when it was dialled.
    pub(super) generation: u64,
    /// When it last carried a user connection; `None` if it never has.
    pub(super) used: Option<Instant>,
}

/// An idle connection.
#[derive(Debug)]
pub(super) struct Idle<S> {
    pub(super) facts: Facts,
    pub(super) stream: S,
    pub(super) since: Instant,
    pub(super) ping: Ping,
}

/// Where an idle connection is with its pings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ping {
    /// None is under way; the next is due then.
    Due(Instant),
    /// Something has changed, and the connection has not been asked yet.
    Doubted,
    /// These bytes are to come back until then.
    Sent { opaque: [u8; 8], until: Instant },
}

/// The idle connections.
#[derive(Debug)]
pub(super) struct Shelf<S>(Vec<Idle<S>>);

impl<S> Default for Shelf<S> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<S> Idle<S> {
    /// Nothing hints at its being dead.
    pub(super) fn is_certain(&self) -> bool {
        matches!(self.ping, Ping::Due(_))
    }

    /// Greatest goes first. The congestion window and the path of the connection that was used last
    /// are the warmest. A fresh one has none, and the one that waits longest has had most time to
    /// join its subflows.
    fn rank(&self) -> impl Ord + use<S> {
        (
            self.is_certain(),
            self.facts.used,
            Reverse(self.facts.opened),
        )
    }
}

impl<S> Shelf<S> {
    pub(super) fn put(&mut self, idle: Idle<S>) {
        self.0.push(idle);
    }

    /// The best connection that `fits`, which is asked about no more of them than needed.
    pub(super) fn take(&mut self, fits: impl Fn(&Idle<S>) -> bool) -> Option<Idle<S>> {
        let mut order: Vec<usize> = (0..self.0.len()).collect();
        order.sort_by_key(|place| Reverse(self.0[*place].rank()));
        let best = order.into_iter().find(|place| fits(&self.0[*place]))?;
        Some(self.0.swap_remove(best))
    }

    pub(super) fn get_mut(&mut self, id: u64) -> Option<&mut Idle<S>> {
        self.0.iter_mut().find(|idle| idle.facts.id == id)
    }

    pub(super) fn remove(&mut self, id: u64) -> Option<Idle<S>> {
        let place = self.0.iter().position(|idle| idle.facts.id == id)?;
        Some(self.0.swap_remove(place))
    }

    /// Takes what is too much, with `wanted` to be kept: connections from before the last change of
    /// uplinks at once, the others after they have been idle since `long_ago`.
    pub(super) fn surplus(
        &mut self,
        wanted: usize,
        generation: u64,
        long_ago: Option<Instant>,
    ) -> Vec<Idle<S>> {
        let mut surplus = Vec::new();
        while self.0.len() > wanted {
            let is_old = |idle: &Idle<S>| idle.facts.generation < generation;
            let goes = |idle: &Idle<S>| {
                is_old(idle) || long_ago.is_some_and(|long_ago| idle.since <= long_ago)
            };
            let candidates = self.0.iter().enumerate().filter(|(_, idle)| goes(idle));
            let Some((least, _)) = candidates.min_by_key(|(_, idle)| (!is_old(idle), idle.rank()))
            else {
                break;
            };
            surplus.push(self.0.swap_remove(least));
        }
        surplus
    }

    pub(super) fn drain(&mut self) -> Vec<Idle<S>> {
        std::mem::take(&mut self.0)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Idle<S>> {
        self.0.iter_mut()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// How many were dialled since the last change of uplinks.
    pub(super) fn len_of(&self, generation: u64) -> usize {
        let is_new = |idle: &&Idle<S>| idle.facts.generation == generation;
        self.0.iter().filter(is_new).count()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    struct Scene {
        began: Instant,
        shelf: Shelf<&'static str>,
    }

    impl Scene {
        fn new() -> Self {
            Self {
                began: Instant::now(),
                shelf: Shelf::default(),
            }
        }

        fn at(&self, second: u64) -> Instant {
            self.began + Duration::from_secs(second)
        }

        fn put(
            &mut self,
            name: &'static str,
            opened: u64,
            used: Option<u64>,
        ) -> &mut Idle<&'static str> {
            let used = used.map(|used| self.at(used));
            let since = used.unwrap_or(self.at(opened));
            let id = self.shelf.len() as u64;
            let idle = Idle {
                facts: Facts {
                    id,
                    opened: self.at(opened),
                    generation: 0,
                    used,
                },
                stream: name,
                since,
                ping: Ping::Due(self.at(1000)),
            };
            self.shelf.put(idle);
            self.shelf.get_mut(id).unwrap()
        }

        fn take_all(&mut self) -> Vec<&'static str> {
            std::iter::from_fn(|| self.shelf.take(|_| true))
                .map(|idle| idle.stream)
                .collect()
        }
    }

    #[test]
    fn the_warmest_goes_first_and_the_doubtful_last() {
        let mut scene = Scene::new();
        scene.put("fresh", 5, None);
        scene.put("fresher", 6, None);
        scene.put("doubted", 1, Some(9)).ping = Ping::Doubted;
        scene.put("warm", 0, Some(3));
        scene.put("warmest", 4, Some(7));
        assert_eq!(
            scene.take_all(),
            ["warmest", "warm", "fresh", "fresher", "doubted"]
        );
    }

    #[test]
    fn only_what_fits_is_taken() {
        let mut scene = Scene::new();
        scene.put("old", 0, Some(1));
        scene.put("new", 2, None);
        let since = scene.at(2);
        let mut take = || scene.shelf.take(|idle| idle.facts.opened >= since);
        assert_eq!(take().map(|idle| idle.stream), Some("new"));
        assert!(take().is_none());
    }

    #[test]
    fn surplus_is_what_was_idle_for_long() {
        let mut scene = Scene::new();
        scene.put("coldest", 2, None);
        scene.put("cold", 1, None);
        scene.put("warm", 0, Some(50));
        let long_ago = Some(scene.at(10));
        let gone = |gone: Vec<Idle<&'static str>>| -> Vec<_> {
            gone.iter().map(|idle| idle.stream).collect()
        };
        assert!(scene.shelf.surplus(3, 0, long_ago).is_empty());
        assert_eq!(gone(scene.shelf.surplus(2, 0, long_ago)), ["coldest"]);
        assert_eq!(gone(scene.shelf.surplus(0, 0, long_ago)), ["cold"]);
        assert_eq!(scene.shelf.len(), 1, "used a moment ago");
    }

    #[test]
    fn surplus_is_what_is_from_before_a_change() {
        let mut scene = Scene::new();
        scene.put("old", 0, Some(5));
        scene.put("old, cold", 0, None);
        scene.put("new", 6, None).facts.generation = 1;
        assert_eq!(scene.shelf.len_of(1), 1);
        let gone = scene.shelf.surplus(2, 1, None);
        assert_eq!(gone.len(), 1);
        assert_eq!(gone[0].stream, "old, cold");
        assert_eq!(scene.shelf.surplus(0, 1, None)[0].stream, "old");
        assert_eq!(scene.shelf.len(), 1, "new ones stay for a while");
    }
}
