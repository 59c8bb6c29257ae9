//! The hub's users and their accounts, as the users file has them at the moment.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU64;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use mptcp::Transport;
use relay::{
    Account, AccountTerms, Accounts, AddressFilter, Connector, ConnectorOptions, Rates, Route,
    Throttle, Usage,
};
use settings::hub::{User, UserFile};
use wire::hub::UserKey;

use crate::access::UserFilter;
use crate::filter::Destinations;

/// How many names a user may have looked up at once: one with hundreds of slow names must not hold up
/// the others'.
const LOOKUPS: usize = 32;

/// Every user's account. Clones share it.
#[derive(Clone, Debug)]
pub struct Book(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    destinations: Destinations,
    connect_timeout: Duration,
    pages: RwLock<Pages>,
}

#[derive(Debug, Default)]
struct Pages {
    by_name: BTreeMap<String, Page>,
    by_key: HashMap<UserKey, Arc<Account>>,
    /// What users have done that are none at the moment.
    former: BTreeMap<String, Usage>,
}

#[derive(Debug)]
struct Page {
    user: User,
    account: Arc<Account>,
    rates: Rates,
}

/// What became of the users when a file was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// New names, and names with a new key.
    pub added: usize,
    /// Names that are gone, or have a new key.
    pub removed: usize,
    /// Names with other limits.
    pub changed: usize,
}

impl Book {
    /// Without users yet. `usage` is what users of these names have done before.
    pub fn new(
        destinations: Destinations,
        connect_timeout: Duration,
        usage: BTreeMap<String, Usage>,
    ) -> Self {
        let pages = Pages {
            former: usage,
            ..Pages::default()
        };
        Self(Arc::new(Shared {
            destinations,
            connect_timeout,
            pages: RwLock::new(pages),
        }))
    }

    /// Makes the users those of `file`. Connections of users that are gone, or have a new key, end;
    /// no others do.
    pub fn update(&self, file: &UserFile) -> Changes {
        let mut pages = self.write();
        let mut former = std::mem::take(&mut pages.by_name);
        pages.by_key.clear();
        let mut changes = Changes::default();
        for user in file.iter() {
            let page = match former.remove(user.name.as_str()) {
                Some(page) if page.user.key == user.key => self.keep(page, user, &mut changes),
                Some(page) => {
                    changes.removed += 1;
                    pages.strike_out(page);
                    self.open(user, &mut pages, &mut changes)
                }
                None => self.open(user, &mut pages, &mut changes),
            };
            let account = Arc::clone(&page.account);
            pages.by_key.insert(user.key, account);
            pages.by_name.insert(user.name.to_string(), page);
        }
        changes.removed += former.len();
        former.into_values().for_each(|page| pages.strike_out(page));
        changes
    }

    /// Every account there is, by name.
    pub fn accounts(&self) -> Vec<Arc<Account>> {
        let pages = self.read();
        let accounts = pages.by_name.values().map(|page| &page.account);
        accounts.map(Arc::clone).collect()
    }

    /// What users have done, also those that are none any more.
    pub fn usage(&self) -> BTreeMap<String, Usage> {
        let pages = self.read();
        let mut usage = pages.former.clone();
        let now = pages.by_name.iter();
        usage.extend(now.map(|(name, page)| (name.clone(), page.account.usage())));
        usage
    }

    fn open(&self, user: &User, pages: &mut Pages, changes: &mut Changes) -> Page {
        changes.added += 1;
        let name = user.name.as_str();
        let usage = pages.former.remove(name).unwrap_or_default();
        let rates = rates(user);
        let terms = self.terms(user, rates.clone());
        Page {
            user: user.clone(),
            account: Arc::new(Account::new(name, terms, usage)),
            rates,
        }
    }

    fn keep(&self, page: Page, user: &User, changes: &mut Changes) -> Page {
        if page.user == *user {
            return page;
        }
        changes.changed += 1;
        set_rates(&page.rates, user);
        page.account.set_terms(self.terms(user, page.rates.clone()));
        Page {
            user: user.clone(),
            ..page
        }
    }

    fn terms(&self, user: &User, rates: Rates) -> AccountTerms {
        let filter = UserFilter::new(self.0.destinations.clone(), user);
        AccountTerms {
            max_connections: usize::try_from(user.max_connections).ok(),
            rates,
            connector: connector(Arc::new(filter), self.0.connect_timeout),
        }
    }

    /// A panic elsewhere leaves the pages usable: at worst a user is missing until the next reload.
    fn read(&self) -> RwLockReadGuard<'_, Pages> {
        self.0.pages.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Pages> {
        self.0.pages.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Accounts for Book {
    fn by_key(&self, key: &UserKey) -> Option<Arc<Account>> {
        self.read().by_key.get(key).cloned()
    }
}

impl Pages {
    /// Ends the user's connections and keeps what it has done.
    fn strike_out(&mut self, page: Page) {
        page.account.remove();
        self.former
            .insert(page.user.name.to_string(), page.account.usage());
    }
}

/// Connects straight to origins over plain TCP, where the filter lets it.
pub fn connector(filter: Arc<dyn AddressFilter>, timeout: Duration) -> Connector {
    Connector::new(
        Route::Direct(Transport::Tcp),
        ConnectorOptions {
            timeout,
            filter: Some(filter),
            name_servers: Some(dns::name_servers),
            lookups: LOOKUPS,
            ..ConnectorOptions::default()
        },
    )
}

/// Limits that running connections heed, also when they come or go later.
fn rates(user: &User) -> Rates {
    let rates = Rates {
        up: Some(Arc::new(Throttle::unlimited())),
        down: Some(Arc::new(Throttle::unlimited())),
    };
    set_rates(&rates, user);
    rates
}

fn set_rates(rates: &Rates, user: &User) {
    let limit = bytes_per_second(user);
    for throttle in [&rates.up, &rates.down].into_iter().flatten() {
        throttle.set(limit);
    }
}

fn bytes_per_second(user: &User) -> Option<NonZeroU64> {
    NonZeroU64::new(user.rate?.bytes_per_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const OTHER: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";

    fn file(users: &[(&str, &str, &str)]) -> UserFile {
        let user = |(name, key, more): &(&str, &str, &str)| {
            format!("[[user]]\nname = {name:?}\nkey = {key:?}\n{more}\n")
        };
        let text: String = users.iter().map(user).collect();
        UserFile::parse(&text, "users").unwrap()
    }

    fn book() -> Book {
        let usage = Usage {
            bytes_up: 7,
            ..Usage::default()
        };
        let usage = [("alice".to_owned(), usage)].into();
        Book::new(Destinations::new(vec![]), Duration::from_secs(1), usage)
    }

    fn find(book: &Book, key: &str) -> Option<Arc<Account>> {
        book.by_key(&key.parse().unwrap())
    }

    #[test]
    fn accounts_outlive_a_reload_and_usage_a_removal() {
        let book = book();
        let added = book.update(&file(&[("alice", ALICE, "")]));
        assert_eq!(
            added,
            Changes {
                added: 1,
                ..Changes::default()
            }
        );
        let alice = find(&book, ALICE).unwrap();
        assert_eq!(alice.usage().bytes_up, 7);
        assert_eq!(
            book.update(&file(&[("alice", ALICE, "")])),
            Changes::default()
        );
        assert!(Arc::ptr_eq(&alice, &find(&book, ALICE).unwrap()));

        let limited = file(&[("alice", ALICE, "max_connections = 3\nrate = \"8 Mbit/s\"")]);
        assert_eq!(
            book.update(&limited),
            Changes {
                changed: 1,
                ..Changes::default()
            }
        );
        assert!(Arc::ptr_eq(&alice, &find(&book, ALICE).unwrap()));
        assert_eq!(alice.terms().max_connections, Some(3));
        let throttle = alice.terms().rates.up.clone().unwrap();
        book.update(&file(&[("alice", ALICE, "rate = \"16 Mbit/s\"")]));
        assert!(Arc::ptr_eq(
            &throttle,
            alice.terms().rates.up.as_ref().unwrap()
        ));

        let removed = book.update(&file(&[("bob", OTHER, "")]));
        assert_eq!(
            removed,
            Changes {
                added: 1,
                removed: 1,
                changed: 0
            }
        );
        assert!(find(&book, ALICE).is_none());
        assert_eq!(book.usage()["alice"].bytes_up, 7);
        book.update(&file(&[("alice", ALICE, "")]));
        let again = find(&book, ALICE).unwrap();
        assert!(!Arc::ptr_eq(&alice, &again));
        assert_eq!(again.usage().bytes_up, 7);
    }

    #[test]
    fn a_new_key_is_a_new_account() {
        let book = book();
        book.update(&file(&[("alice", ALICE, "")]));
        let changes = book.update(&file(&[("alice", OTHER, "")]));
        assert_eq!(
            changes,
            Changes {
                added: 1,
                removed: 1,
                changed: 0
            }
        );
        assert!(find(&book, ALICE).is_none());
        assert_eq!(find(&book, OTHER).unwrap().usage().bytes_up, 7);
        assert_eq!(book.accounts().len(), 1);
    }
}
