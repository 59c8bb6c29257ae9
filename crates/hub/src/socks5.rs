//! The users of SOCKS5 and their accounts, as their file has them at the moment.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use relay::{Account, AccountTerms, Rates, Usage};
use wire::Credentials;

use crate::accounts::{Changes, connector};
use crate::filter::Destinations;

/// Every user's account. Clones share it.
#[derive(Clone, Debug)]
pub struct Socks5Book(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    destinations: Destinations,
    connect_timeout: Duration,
    pages: Mutex<Pages>,
}

#[derive(Debug)]
struct Pages {
    by_name: BTreeMap<String, Page>,
    /// What users have done that are none at the moment.
    former: BTreeMap<String, Usage>,
}

#[derive(Debug)]
struct Page {
    credentials: Credentials,
    account: Arc<Account>,
}

impl Socks5Book {
    /// Without users yet. `usage` is what users of these names have done before.
    pub fn new(
        destinations: Destinations,
        connect_timeout: Duration,
        usage: BTreeMap<String, Usage>,
    ) -> Self {
        let pages = Pages {
            by_name: BTreeMap::new(),
            former: usage,
        };
        Self(Arc::new(Shared {
            destinations,
            connect_timeout,
            pages: Mutex::new(pages),
        }))
    }

    /// Makes the users those of `file`, and gives them as a server takes them. Connections of users
    /// that are gone, or have a new password, end; no others do.
    pub fn update(&self, file: &settings::hub::Users) -> (relay::Users, Changes) {
        let mut pages = self.pages();
        let mut former = std::mem::take(&mut pages.by_name);
        let mut changes = Changes::default();
        for credentials in file.iter().map(Credentials::from) {
            let name = credentials.user.to_string();
            let page = match former.remove(&name) {
                Some(page) if page.credentials == credentials => page,
                other => {
                    changes.removed += usize::from(other.is_some());
                    changes.added += 1;
                    pages.strike_out(&name, other);
                    self.open(credentials, &mut pages)
                }
            };
            pages.by_name.insert(name, page);
        }
        changes.removed += former.len();
        for (name, page) in former {
            pages.strike_out(&name, Some(page));
        }
        (pages.users(), changes)
    }

    /// Every account there is, by name.
    pub fn accounts(&self) -> Vec<Arc<Account>> {
        let pages = self.pages();
        let accounts = pages.by_name.values().map(|page| &page.account);
        accounts.map(Arc::clone).collect()
    }

    /// What users have done, also those that are none any more.
    pub fn usage(&self) -> BTreeMap<String, Usage> {
        let pages = self.pages();
        let mut usage = pages.former.clone();
        let now = pages.by_name.iter();
        usage.extend(now.map(|(name, page)| (name.clone(), page.account.usage())));
        usage
    }

    fn open(&self, credentials: Credentials, pages: &mut Pages) -> Page {
        let name = credentials.user.to_string();
        let terms = AccountTerms {
            max_connections: None,
            rates: Rates::default(),
            connector: connector(
                Arc::new(self.0.destinations.clone()),
                self.0.connect_timeout,
            ),
        };
        let usage = pages.former.remove(&name).unwrap_or_default();
        Page {
            credentials,
            account: Arc::new(Account::new(&name, terms, usage)),
        }
    }

    /// A panic elsewhere leaves the pages usable: at worst a user is missing until the next reload.
    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pages {
    fn users(&self) -> relay::Users {
        let credentials = self.by_name.values().map(|page| page.credentials.clone());
        let mut users: relay::Users = credentials.collect();
        for page in self.by_name.values() {
            users.charge(page.credentials.user.clone(), Arc::clone(&page.account));
        }
        users
    }

    /// Ends the user's connections and keeps what it has done.
    fn strike_out(&mut self, name: &str, page: Option<Page>) {
        if let Some(page) = page {
            page.account.remove();
            self.former.insert(name.to_owned(), page.account.usage());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(book: &Socks5Book, file: &str) -> (relay::Users, [usize; 3]) {
        let file = settings::hub::Users::parse(file, "users").unwrap();
        let (users, changes) = book.update(&file);
        (users, [changes.added, changes.removed, changes.changed])
    }

    fn accepts(users: &relay::Users, user: &str, password: &str) -> bool {
        users.accept(&Credentials {
            user: user.try_into().unwrap(),
            password: password.try_into().unwrap(),
        })
    }

    #[test]
    fn accounts_outlive_a_reload_and_usage_a_removal() {
        let usage = Usage {
            bytes_up: 7,
            ..Usage::default()
        };
        let before = [("ann".to_owned(), usage)].into();
        let book = Socks5Book::new(Destinations::new(vec![]), Duration::from_secs(1), before);
        let (users, changes) = update(&book, "ann:one\nbob:two\n");
        assert_eq!(changes, [2, 0, 0]);
        assert!(accepts(&users, "ann", "one") && accepts(&users, "bob", "two"));
        let ann = book.accounts().swap_remove(0);
        assert_eq!((&**ann.name(), ann.usage()), ("ann", usage));

        let (users, changes) = update(&book, "# bob is gone\nann:one\n");
        assert_eq!(changes, [0, 1, 0]);
        assert!(accepts(&users, "ann", "one") && !accepts(&users, "bob", "two"));
        assert!(Arc::ptr_eq(&ann, &book.accounts()[0]));
        assert_eq!(book.usage().len(), 2);

        let (users, changes) = update(&book, "ann:other\n");
        assert_eq!(changes, [1, 1, 0]);
        assert!(!accepts(&users, "ann", "one") && accepts(&users, "ann", "other"));
        let again = &book.accounts()[0];
        assert!(!Arc::ptr_eq(&ann, again));
        assert_eq!(again.usage(), usage);
    }
}
