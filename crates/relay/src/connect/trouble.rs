//! What is wrong with the hub or the proxies of a chain, for whoever runs this program. A client
//! learns only that its own connection failed.

use std::sync::{Mutex, PoisonError};

use super::{ConnectError, with_causes};

/// The last failure of the hub or a chain, until a connection through it succeeds.
#[derive(Debug, Default)]
pub(crate) struct Trouble(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    last: Option<String>,
    /// What has been logged since the last success: two troubles may take turns.
    said: Vec<String>,
}

/// Texts that are remembered. There are a dozen kinds of failures.
const MOST_SAID: usize = 32;

impl Trouble {
    pub(crate) fn get(&self) -> Option<String> {
        self.lock().last.clone()
    }

    /// Takes note of how a connection through it ended. Each kind of failure is logged once, not once
    /// for each of a browser's connections.
    pub(crate) fn heed<T>(&self, result: &Result<T, ConnectError>) {
        let mut known = self.lock();
        match result {
            Ok(_) if known.last.is_some() => {
                tracing::info!("the hub is reached again");
                *known = Known::default();
            }
            Err(error) if error.is_of_a_proxy() => {
                let text = with_causes(error);
                if !known.said.contains(&text) && known.said.len() < MOST_SAID {
                    tracing::warn!("{text}");
                    known.said.push(text.clone());
                }
                known.last = Some(text);
            }
            // The destination's failure says that the proxies work.
            _ => {}
        }
    }

    /// A panic elsewhere can't leave half a text.
    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
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
