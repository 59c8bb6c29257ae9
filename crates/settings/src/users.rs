//! Who may use a proxy.

use std::collections::HashMap;

use wire::{Password, UserName};

use crate::secret::Credentials;

/// Users by name, with their passwords.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Users(HashMap<UserName, Password>);

impl Users {
    /// Whether there is a user of this name with this password.
    pub fn accept(&self, offered: &wire::Credentials) -> bool {
        self.0
            .get(&offered.user)
            .is_some_and(|password| *password == offered.password)
    }

    /// Whether there is nobody.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl<'a> FromIterator<&'a Credentials> for Users {
    fn from_iter<I: IntoIterator<Item = &'a Credentials>>(list: I) -> Self {
        let known = list.into_iter().map(wire::Credentials::from);
        Self(known.map(|one| (one.user, one.password)).collect())
    }
}
