//! A thread in a namespace that runs one async service until it is dropped.

use std::io;
use std::sync::mpsc;
use std::thread::JoinHandle;

use netcfg::dhcp::SocketError;
use netcfg::{NetNs, NetNsError};
use tokio::sync::oneshot;

/// Why a service of an access network did not start.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// No thread in the namespace.
    #[error("cannot start a service in the access network's namespace")]
    Namespace(#[from] NetNsError),
    /// No tokio runtime on the thread.
    #[error("cannot start the service's event loop")]
    Runtime(#[source] io::Error),
    /// No packet socket for the DHCP server.
    #[error("cannot start the DHCP server")]
    Dhcp(#[from] SocketError),
    /// No ICMPv6 socket for the advertisements.
    #[error("cannot open an ICMPv6 socket for router advertisements: run as root")]
    Icmp(#[source] io::Error),
    /// The thread ended before it said whether it had started.
    #[error("the service's thread ended at once; its panic is on standard error")]
    Ended,
}

/// Stops and joins the thread on drop.
#[derive(Debug)]
pub(super) struct Service {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Service {
    /// Runs `open`, then the future that `serve` makes of its result, on a thread inside `netns`.
    /// The future gets a receiver that resolves when it shall end.
    pub(super) fn start<T, F>(
        netns: &NetNs,
        name: &str,
        open: impl FnOnce() -> Result<T, AccessError> + Send + 'static,
        serve: impl FnOnce(T, oneshot::Receiver<()>) -> F + Send + 'static,
    ) -> Result<Self, AccessError>
    where
        F: Future<Output = ()>,
    {
        let (stop, stopped) = oneshot::channel();
        let (started, wait) = mpsc::sync_channel(1);
        let thread = netns.spawn(name, move || {
            let runtime = match tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
            {
                Ok(runtime) => runtime,
                Err(error) => return report(&started, Err(AccessError::Runtime(error))),
            };
            runtime.block_on(async {
                match open() {
                    Ok(opened) => {
                        report(&started, Ok(()));
                        serve(opened, stopped).await;
                    }
                    Err(error) => report(&started, Err(error)),
                }
            });
        })?;
        let service = Self {
            stop: Some(stop),
            thread: Some(thread),
        };
        wait.recv().map_err(|_| AccessError::Ended)??;
        Ok(service)
    }
}

fn report(started: &mpsc::SyncSender<Result<(), AccessError>>, result: Result<(), AccessError>) {
    // The receiver waits for this; it is gone only if its own thread has panicked.
    let _ = started.send(result);
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been printed; a second one here would abort the program.
            let _ = thread.join();
        }
    }
}
