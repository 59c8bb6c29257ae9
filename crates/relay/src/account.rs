//! Users of a hub: what each may do, what it does now, and what it has done.

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use wire::hub::UserKey;

use crate::Connector;
use crate::throttle::Rates;

/// How many connections a user's edges may hold to the hub beyond the user connections it may have:
/// room for the warm ones.
const WARM: usize = 256;

/// Finds the account of a user that has proved to have a key.
pub trait Accounts: fmt::Debug + Send + Sync {
    /// The account that `key` belongs to; `None` if it is nobody's.
    fn by_key(&self, key: &UserKey) -> Option<Arc<Account>>;
}

/// A user of the hub.
#[derive(Debug)]
pub struct Account {
    name: Arc<str>,
    terms: RwLock<Arc<AccountTerms>>,
    totals: Totals,
    hub_connections: AtomicUsize,
    open: AtomicUsize,
    removed: watch::Sender<bool>,
}

/// What a user may do. May be replaced while the user is connected.
#[derive(Debug)]
pub struct AccountTerms {
    /// How many user connections may live at once; any number, without.
    pub max_connections: Option<usize>,
    /// How fast its bytes go, all connections together.
    pub rates: Rates,
    /// Opens its connections, within its access rules.
    pub connector: Connector,
}

/// What a user has done in all. Bytes are those of user connections, without the protocol's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Bytes from the user to origins.
    pub bytes_up: u64,
    /// Bytes from origins to the user.
    pub bytes_down: u64,
    /// User connections that were opened.
    pub connections: u64,
    /// User connections that were refused, for whatever cause.
    pub refused: u64,
}

#[derive(Debug)]
struct Totals {
    up: AtomicU64,
    down: AtomicU64,
    connections: AtomicU64,
    refused: AtomicU64,
}

/// A place among the connections that a user may have, until dropped.
#[derive(Debug)]
pub struct Place {
    account: Arc<Account>,
    counter: fn(&Account) -> &AtomicUsize,
}

impl Account {
    /// An account that has done `usage` before.
    pub fn new(name: &str, terms: AccountTerms, usage: Usage) -> Self {
        Self {
            name: name.into(),
            terms: RwLock::new(Arc::new(terms)),
            totals: usage.into(),
            hub_connections: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            removed: watch::Sender::new(false),
        }
    }

    /// The user's name.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// What the user may do at this moment.
    pub fn terms(&self) -> Arc<AccountTerms> {
        Arc::clone(&self.terms.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces what the user may do. User connections that are open keep their destination, and
    /// count against the new limit.
    pub fn set_terms(&self, terms: AccountTerms) {
        *self.terms.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(terms);
    }

    /// Ends all connections of the user, now and for ever.
    pub fn remove(&self) {
        self.removed.send_replace(true);
    }

    /// True once the user was removed.
    pub(crate) fn removal(&self) -> watch::Receiver<bool> {
        self.removed.subscribe()
    }

    /// Done once the user was removed.
    pub async fn removed(&self) {
        let mut removal = self.removal();
        // The account itself holds the sender, so it is not gone.
        let _removed = removal.wait_for(|removed| *removed).await;
    }

    /// What the user has done so far.
    pub fn usage(&self) -> Usage {
        Usage {
            bytes_up: self.totals.up.load(Ordering::Relaxed),
            bytes_down: self.totals.down.load(Ordering::Relaxed),
            connections: self.totals.connections.load(Ordering::Relaxed),
            refused: self.totals.refused.load(Ordering::Relaxed),
        }
    }

    /// How many connections to the hub the user has now.
    pub fn hub_connections(&self) -> usize {
        self.hub_connections.load(Ordering::Relaxed)
    }

    /// How many user connections are open or being opened now.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// A place for one more connection to the hub, if the user may have one.
    pub fn enter(self: &Arc<Self>) -> Option<Place> {
        let most = self.terms().max_connections;
        self.place(most.map(|most| most.saturating_add(WARM)), |account| {
            &account.hub_connections
        })
    }

    /// A place for one more user connection or flow of datagrams, if the user may have one.
    pub fn begin(self: &Arc<Self>) -> Option<Place> {
        self.place(self.terms().max_connections, |account| &account.open)
    }

    fn place(
        self: &Arc<Self>,
        most: Option<usize>,
        counter: fn(&Account) -> &AtomicUsize,
    ) -> Option<Place> {
        let most = most.unwrap_or(usize::MAX);
        let one_more = |now| (now < most).then(|| now + 1);
        counter(self)
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
            .ok()?;
        Some(Place {
            account: Arc::clone(self),
            counter,
        })
    }

    /// One more user connection or flow of datagrams was opened.
    pub fn count_connection(&self) {
        self.totals.connections.fetch_add(1, Ordering::Relaxed);
    }

    /// One more was refused.
    pub fn count_refused(&self) {
        self.totals.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Bytes have gone from the user to an origin.
    pub fn add_up(&self, bytes: u64) {
        self.totals.up.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes have come from an origin for the user.
    pub fn add_down(&self, bytes: u64) {
        self.totals.down.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl From<Usage> for Totals {
    fn from(usage: Usage) -> Self {
        Self {
            up: usage.bytes_up.into(),
            down: usage.bytes_down.into(),
            connections: usage.connections.into(),
            refused: usage.refused.into(),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        (self.counter)(&self.account).fetch_sub(1, Ordering::Relaxed);
    }
}
