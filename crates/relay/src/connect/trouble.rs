//! What is wrong with the proxies of a chain, for whoever runs this program. A client learns only
//! that its own connection failed.

use std::sync::{Mutex, PoisonError};

use super::{ConnectError, with_causes};

/// The last failure of a chain, until a connection through it succeeds.
#[derive(Debug, Default)]
pub(super) struct Trouble(Mutex<Option<String>>);

impl Trouble {
    pub(super) fn get(&self) -> Option<String> {
        self.lock().clone()
    }

    /// Takes note of how a connection through the chain ended. Each kind of failure is logged once,
    /// not once for each of a browser's connections.
    pub(super) fn heed<T>(&self, result: &Result<T, ConnectError>) {
        let news = match result {
            Ok(_) => None,
            Err(error) if error.is_of_a_proxy() => Some(with_causes(error)),
            // The destination's failure says that the proxies work.
            Err(_) => return,
        };
        let mut known = self.lock();
        if *known != news {
            match &news {
                Some(text) => tracing::warn!("{text}"),
                None => tracing::info!("the proxies are reached again"),
            }
            *known = news;
        }
    }

    /// A panic elsewhere can't leave half a text.
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxys_failure_is_kept_until_a_connection_succeeds() {
        let trouble = Trouble::default();
        let hop: wire::Destination = "hub.example:1080".parse().unwrap();
        trouble.heed::<()>(&Err(ConnectError::HopCredentials { hop }));
        assert!(
            trouble
                .get()
                .unwrap()
                .contains("hub.example:1080 refused the user")
        );
        let destination: wire::Destination = "origin.example:80".parse().unwrap();
        let after = std::time::Duration::from_secs(1);
        trouble.heed::<()>(&Err(ConnectError::Timeout { destination, after }));
        assert!(
            trouble.get().is_some(),
            "an origin's failure says nothing of the proxies"
        );
        trouble.heed(&Ok(()));
        assert_eq!(trouble.get(), None);
    }
}
