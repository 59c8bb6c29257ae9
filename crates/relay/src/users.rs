//! Who may use a proxy listener.

use std::collections::HashMap;
use std::sync::Arc;

use wire::{Credentials, Password, UserName};

use crate::Account;

/// The users of a proxy listener and their passwords.
#[derive(Clone, Debug)]
pub struct Users {
    passwords: HashMap<UserName, Password>,
    accounts: HashMap<UserName, Arc<Account>>,
    /// Compared with when the user doesn't exist, so that the time taken does not tell.
    nobody: Password,
}

impl Users {
    /// Has what a user does charged to an account.
    pub fn charge(&mut self, user: UserName, account: Arc<Account>) {
        self.accounts.insert(user, account);
    }

    /// Who is charged with what a user does.
    pub(crate) fn account(&self, user: &UserName) -> Option<Arc<Account>> {
        self.accounts.get(user).cloned()
    }

    /// Whether `given` names a user and its password. The comparison takes the same time for a
    /// password of the right length whatever its bytes are.
    pub fn accept(&self, given: &Credentials) -> bool {
        match self.passwords.get(&given.user) {
            Some(password) => *password == given.password,
            None => {
                let _same_time = std::hint::black_box(self.nobody == given.password);
                false
            }
        }
    }
}

/// With two entries for one name, the later one counts.
impl FromIterator<Credentials> for Users {
    fn from_iter<T: IntoIterator<Item = Credentials>>(users: T) -> Self {
        let passwords: HashMap<_, _> = users.into_iter().map(|it| (it.user, it.password)).collect();
        let nobody = passwords.values().next().cloned();
        let nobody = nobody.unwrap_or_else(|| Password::try_from("").expect("0 bytes are allowed"));
        Self {
            passwords,
            accounts: HashMap::new(),
            nobody,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(user: &str, password: &str) -> Credentials {
        Credentials {
            user: user.try_into().unwrap(),
            password: password.try_into().unwrap(),
        }
    }

    #[test]
    fn user_and_password_must_both_be_right() {
        let users = Users::from_iter([credentials("ann", "one"), credentials("bob", "two")]);
        assert!(users.accept(&credentials("ann", "one")));
        assert!(users.accept(&credentials("bob", "two")));
        for (user, password) in [
            ("ann", "two"),
            ("bob", ""),
            ("eve", "one"),
            ("", ""),
            ("eve", "two"),
        ] {
            assert!(
                !users.accept(&credentials(user, password)),
                "{user} {password}"
            );
        }
        assert!(!Users::from_iter([]).accept(&credentials("", "")));
    }
}
