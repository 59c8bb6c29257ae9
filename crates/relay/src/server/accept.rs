//! The accept loop, and the end of what it started.

use std::future::pending;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::task::{JoinError, JoinSet};

use super::session::Session;
use super::{Drained, Intake, Shared, hub};

/// How long to wait when the process or the system is out of something.
const BACK_OFF: Duration = Duration::from_millis(100);

/// How often to say so. Under want each connection that ends lets another in, so that things look
/// well again for a moment.
const SAY_AGAIN: Duration = Duration::from_secs(60);

pub(super) async fn serve(
    shared: &Arc<Shared>,
    listener: TcpListener,
    intake: Intake,
    shutdown: impl Future<Output = ()>,
) -> Drained {
    let mut sessions = JoinSet::new();
    let (draining, drain_notice) = watch::channel(false);
    let port = listener.local_addr().map_or(0, |address| address.port());
    let mut acceptor = Acceptor {
        shared,
        listener,
        complained: None,
    };
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(ended) = sessions.join_next() => report(ended),
            (stream, permit) = acceptor.next() => {
                let newcomer = Newcomer { stream, permit, port, draining: drain_notice.clone() };
                newcomer.serve_in(&mut sessions, shared, &intake);
            }
        }
    }
    drop(acceptor);
    draining.send_replace(true);
    drain(sessions, shared.options.drain).await
}

/// A connection that has just come.
struct Newcomer {
    stream: TcpStream,
    permit: Option<OwnedSemaphorePermit>,
    /// The listener's.
    port: u16,
    draining: watch::Receiver<bool>,
}

impl Newcomer {
    fn serve_in(self, sessions: &mut JoinSet<()>, shared: &Arc<Shared>, intake: &Intake) {
        let Self {
            stream,
            permit,
            port,
            draining,
        } = self;
        let shared = Arc::clone(shared);
        // Tasks of their own kind: those of edges are many and small.
        if let Intake::Hub(hub) = intake {
            let serving = hub::serve(shared, hub.clone(), stream, draining);
            sessions.spawn(async move {
                let _slot = permit;
                serving.await;
            });
            return;
        }
        match Session::new(shared, stream, port, draining) {
            Ok(session) => {
                let intake = intake.clone();
                sessions.spawn(async move {
                    let _slot = permit;
                    session.run(intake).await;
                });
            }
            // The client is gone already.
            Err(error) => tracing::debug!(%error, "a new connection is of no use"),
        }
    }
}

async fn drain(mut sessions: JoinSet<()>, time: Duration) -> Drained {
    let mut finished = 0;
    let all_ended = async {
        while let Some(ended) = sessions.join_next().await {
            report(ended);
            finished += 1;
        }
    };
    // Both outcomes are fine: what is left is counted below.
    let _in_time = tokio::time::timeout(time, all_ended).await;
    let aborted = sessions.len();
    sessions.shutdown().await;
    Drained { finished, aborted }
}

fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection's task died; this is a fault of the program");
    }
}

struct Acceptor<'a> {
    shared: &'a Shared,
    listener: TcpListener,
    /// When it was last said that something is wanting.
    complained: Option<Instant>,
}

impl Acceptor<'_> {
    /// The next connection, whatever it takes. May be cancelled at any time.
    async fn next(&mut self) -> (TcpStream, Option<OwnedSemaphorePermit>) {
        let permit = self.slot().await;
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => return (stream, permit),
                Err(error) if belongs_to_the_connection(&error) => {
                    tracing::debug!(%error, "a connection was gone before it was taken");
                }
                Err(error) => {
                    self.complain(&error);
                    tokio::time::sleep(BACK_OFF).await;
                }
            }
        }
    }

    fn complain(&mut self, error: &io::Error) {
        if self.complained.is_none_or(|at| at.elapsed() > SAY_AGAIN) {
            self.complained = Some(Instant::now());
            tracing::warn!(
                %error,
                "no connection can be taken now; raise the limit of open files \
                 (LimitNOFILE= in the unit, ulimit -n in a shell) if it is reached"
            );
        }
    }

    async fn slot(&self) -> Option<OwnedSemaphorePermit> {
        let slots = Arc::clone(self.shared.slots.as_ref()?);
        match slots.acquire_owned().await {
            Ok(permit) => Some(permit),
            // Nobody closes the semaphore; if so, nothing more is to be taken.
            Err(_closed) => pending().await,
        }
    }
}

/// Errors that were waiting on the new connection: the next one has nothing to do with them
/// (accept(2), "Error handling"). EPERM is a firewall's.
fn belongs_to_the_connection(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(
        errno,
        Some(
            Errno::CONNABORTED
                | Errno::INTR
                | Errno::PERM
                | Errno::PROTO
                | Errno::NOPROTOOPT
                | Errno::OPNOTSUPP
                | Errno::NETDOWN
                | Errno::NETUNREACH
                | Errno::HOSTDOWN
                | Errno::HOSTUNREACH
                | Errno::NONET
        )
    )
}
