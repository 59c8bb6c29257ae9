//! Has the kernel go on with a connection that has a subflow again after it had none.
//!
//! When the last subflow closes, the kernel marks what was not acknowledged as to be sent again, tries so at once,
//! in vain, and may never try again: an acknowledgement from the next subflow makes it only if all that waits
//! fits into that one's first window of 64 KiB (`ack_update_msk`, Linux 6.18). Such a download stands still for as
//! long as its program is patient. So whoever gets a subflow has his sending started.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use mptcp::{PathManager, PmEvent, PmEventsError};
use tokio::net::TcpStream;

/// The one who opened a subflow may send on it only when the other end has acknowledged that, a round trip after
/// the kernel's event.
const AFTER: [Duration; 4] = [
    Duration::ZERO,
    Duration::from_millis(100),
    Duration::from_millis(400),
    Duration::from_secs(2),
];

/// The MPTCP connections that are started again. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Resume(Arc<Mutex<HashMap<u32, Weak<TcpStream>>>>);

/// A connection's place among them, until dropped.
#[derive(Debug)]
pub(crate) struct Resumed {
    among: Resume,
    token: Option<u32>,
}

impl Resume {
    /// Takes care of this connection, if it is of MPTCP.
    pub(crate) fn follow(&self, stream: &Arc<TcpStream>) -> Resumed {
        let token = mptcp::token(&**stream);
        if let Some(token) = token {
            self.connections().insert(token, Arc::downgrade(stream));
        }
        Resumed {
            among: self.clone(),
            token,
        }
    }

    /// Works for as long as it is polled. Needs CAP_NET_ADMIN in the process' network namespace, and says in the
    /// log when it can't work.
    pub(crate) async fn run(&self) {
        let mut events = match PathManager::events() {
            Ok(events) => events,
            Err(error) => return give_up(&error).await,
        };
        loop {
            match events.next().await {
                Ok(PmEvent::SubflowEstablished(subflow)) => {
                    let (this, token) = (self.clone(), subflow.token);
                    if this.connections().contains_key(&token) {
                        tokio::spawn(async move { this.start_again(token).await });
                    }
                }
                // Those whose events were lost get another subflow one day.
                Ok(_) | Err(PmEventsError::Overrun | PmEventsError::Malformed { .. }) => {}
                Err(error) => return give_up(&error).await,
            }
        }
    }

    async fn start_again(&self, token: u32) {
        for pause in AFTER {
            tokio::time::sleep(pause).await;
            let stream = self.connections().get(&token).and_then(Weak::upgrade);
            let Some(stream) = stream else {
                return;
            };
            // It is on already. Set again, it has MPTCP send what is pending
            // (`mptcp_setsockopt_sol_tcp_nodelay`). A connection that is gone needs nothing.
            let _ = stream.set_nodelay(true);
        }
    }

    /// A panic elsewhere leaves the map whole: it is only inserted to and removed from.
    fn connections(&self) -> MutexGuard<'_, HashMap<u32, Weak<TcpStream>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Resumed {
    fn drop(&mut self) {
        if let Some(token) = self.token {
            self.among.connections().remove(&token);
        }
    }
}

async fn give_up(error: &PmEventsError) {
    // Who lacks the right for this has been told so already: there is more that needs it.
    tracing::info!("connections that lose all subflows may stand still: {error}");
    std::future::pending().await
}
