//! Which names stand behind addresses, by the answers that clients were given.

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;

/// How many addresses are remembered, the ones used last.
const ADDRESSES: NonZeroUsize = NonZeroUsize::new(4096).expect("it is not 0");

/// How many names of one address: where more share one, the last that were asked for.
const NAMES: usize = 4;

/// Names by address. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Seen(Arc<Mutex<Names>>);

type Names = LruCache<IpAddr, Vec<Box<str>>>;

impl Default for Seen {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(LruCache::new(ADDRESSES))))
    }
}

impl Seen {
    /// What clients call `address`, the name that was asked for last first. In lower case, without a dot at
    /// the end; none if nobody has asked here.
    pub fn names(&self, address: IpAddr) -> Vec<Box<str>> {
        self.lock()
            .get(&address.to_canonical())
            .cloned()
            .unwrap_or_default()
    }

    /// A client was told that `name` has these addresses.
    pub(crate) fn note(&self, name: &str, addresses: impl Iterator<Item = IpAddr>) {
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        let mut seen = self.lock();
        for address in addresses {
            let names = seen.get_or_insert_mut(address.to_canonical(), Vec::new);
            names.retain(|known| **known != *name);
            names.insert(0, name.as_str().into());
            names.truncate(NAMES);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Names> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_names_of_an_address_are_known() {
        let (seen, ip) = (Seen::default(), IpAddr::from([192, 0, 2, 1]));
        assert!(seen.names(ip).is_empty());
        for name in ["a.test.", "B.test", "c.test", "d.test", "a.test", "e.test"] {
            seen.note(name, [ip].into_iter());
        }
        let names: Vec<String> = seen.names(ip).iter().map(|it| it.to_string()).collect();
        assert_eq!(names, ["e.test", "a.test", "d.test", "c.test"]);
        assert_eq!(seen.names("::ffff:192.0.2.1".parse().unwrap()).len(), 4);
    }

    #[test]
    fn no_more_addresses_are_kept_than_may_be() {
        let seen = Seen::default();
        for number in 0..=ADDRESSES.get() as u32 {
            seen.note("n.test", [IpAddr::from(number.to_be_bytes())].into_iter());
        }
        assert!(seen.names(IpAddr::from([0, 0, 0, 0])).is_empty());
        assert_eq!(seen.names(IpAddr::from([0, 0, 0, 1])).len(), 1);
    }
}
