//! Asynchronous programs inside a namespace of the lab: a thread for each, with a runtime of its own.

use std::thread::JoinHandle;

use lab::topology::{Lab, Node};
use tokio::sync::oneshot;

/// A running program. Dropping it ends it with all that it has spawned.
pub struct Inside {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Inside {
    pub fn start(lab: &Lab, node: Node, work: impl Future<Output = ()> + Send + 'static) -> Self {
        let namespace = lab.namespace(node).clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            namespace.run(|| {
                block_on(async {
                    tokio::select! {
                        () = work => {}
                        _ = stopped => {}
                    }
                });
            });
        });
        Self {
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Waits until it has ended by itself.
    pub fn join(mut self) {
        let thread = self.thread.take().expect("taken only here and by drop");
        if let Err(panic) = thread.join() {
            std::panic::resume_unwind(panic);
        }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // Its panic has been printed.
            let _ = thread.join();
        }
    }
}

/// Runs a future on a runtime of the calling thread.
pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(work)
}
