//! Looking names up.
//!
//! The C library does it, and waits for as long as the name servers keep it waiting: each lookup takes
//! one of the process' threads for blocking work, of which there are 512 for everyone.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use tokio::sync::Semaphore;
use wire::DomainName;

/// Bounds how many names are looked up at once. Clones share the bound.
#[derive(Clone, Debug)]
pub(crate) struct Lookups(Arc<Semaphore>);

impl Lookups {
    /// At most so many at once; the others wait for their turn.
    pub(crate) fn new(most: usize) -> Self {
        Self(Arc::new(Semaphore::new(most)))
    }

    /// The addresses of a name, in the resolver's order.
    ///
    /// # Errors
    /// The resolver's.
    pub(super) async fn addresses(
        &self,
        name: &DomainName,
        port: u16,
    ) -> io::Result<Vec<SocketAddr>> {
        let name = name.as_str().to_owned();
        let look_up = move || Ok((name.as_str(), port).to_socket_addrs()?.collect());
        self.run(look_up).await
    }

    /// Runs `work`, which blocks. It can't be stopped, so its place is free only when it is done, also
    /// if nobody waits for it any more.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let place = Arc::clone(&self.0).acquire_owned().await;
        let place = place.map_err(io::Error::other)?;
        let working = tokio::task::spawn_blocking(move || {
            let _place = place;
            work()
        });
        working.await.map_err(io::Error::other)?
    }
}

/// For the names of our own settings, which are few.
impl Default for Lookups {
    fn default() -> Self {
        Self::new(Semaphore::MAX_PERMITS)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Condvar, Mutex};
    use std::time::Duration;

    use futures_util::FutureExt;
    use tokio::time::timeout;

    use super::*;

    /// Name servers that don't answer until they are told to.
    #[derive(Default)]
    struct Servers {
        asked: AtomicUsize,
        answer: Mutex<bool>,
        told: Condvar,
    }

    impl Servers {
        fn ask(&self) -> io::Result<()> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            let answer = self.answer.lock().unwrap();
            let limit = Duration::from_secs(60);
            let answered = self
                .told
                .wait_timeout_while(answer, limit, |answer| !*answer);
            assert!(!answered.unwrap().1.timed_out(), "nobody told us");
            Ok(())
        }

        async fn until_asked(&self, times: usize) {
            let asked = async {
                while self.asked.load(Ordering::Relaxed) < times {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            let in_time = timeout(Duration::from_secs(30), asked).await;
            assert!(in_time.is_ok(), "{times}: {:?}", self.asked);
        }
    }

    #[tokio::test]
    async fn slow_names_take_no_more_than_their_part_even_when_nobody_waits_for_them() {
        let (lookups, others) = (Lookups::new(3), Lookups::new(3));
        let servers = Arc::new(Servers::default());
        let slow = || {
            let (lookups, servers) = (lookups.clone(), Arc::clone(&servers));
            tokio::spawn(async move { lookups.run(move || servers.ask()).await })
        };
        let given_up: Vec<_> = (0..3).map(|_| slow()).collect();
        servers.until_asked(3).await;
        // What was asked goes on being asked.
        given_up.iter().for_each(|it| it.abort());
        let waiting = slow();
        for given_up in given_up {
            assert!(given_up.await.unwrap_err().is_cancelled());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(servers.asked.load(Ordering::Relaxed), 3);
        assert!(lookups.run(|| Ok(())).now_or_never().is_none());
        // Who has a bound of its own does not wait.
        others.run(|| Ok(())).await.unwrap();
        *servers.answer.lock().unwrap() = true;
        servers.told.notify_all();
        waiting.await.unwrap().unwrap();
        servers.until_asked(4).await;
    }
}
