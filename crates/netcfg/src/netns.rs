//! Network namespaces: make one, open one, run code and programs inside.
//!
//! A network namespace belongs to a thread, not to a process. What follows the thread that is
//! inside: sockets it makes, `/proc/sys/net`, abstract AF_UNIX addresses. What does not: `/sys`,
//! which shows the namespace that it was mounted in.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::panic;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use rustix::fs::{fstat, stat};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe};
use thiserror::Error;

const THIS_THREAD: &str = "/proc/thread-self/ns/net";

/// A network namespace, kept alive by an open file descriptor. Clones share the descriptor.
#[derive(Clone, Debug)]
pub struct NetNs {
    fd: Arc<OwnedFd>,
}

/// Why a namespace could not be made, opened or entered.
#[derive(Debug, Error)]
pub enum NetNsError {
    /// `unshare` was refused.
    #[error("cannot make a network namespace (needs root, or CAP_SYS_ADMIN)")]
    Create(#[source] io::Error),
    /// The file that stands for a namespace could not be opened.
    #[error("cannot open the network namespace {path}")]
    Open {
        /// The path that was tried.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// `setns` was refused.
    #[error("cannot enter the network namespace (needs root, or CAP_SYS_ADMIN)")]
    Enter(#[source] io::Error),
    /// No thread could be started to enter the namespace.
    #[error("cannot start a thread for the network namespace")]
    Thread(#[source] io::Error),
}

impl NetNs {
    /// Makes a new, empty namespace. The calling thread stays where it is.
    ///
    /// Its loopback is down until [`Netlink::set_link_up`] is called for
    /// [`InterfaceIndex::LOOPBACK`].
    ///
    /// [`Netlink::set_link_up`]: crate::Netlink::set_link_up
    /// [`InterfaceIndex::LOOPBACK`]: crate::InterfaceIndex::LOOPBACK
    pub fn new() -> Result<Self, NetNsError> {
        on_thread(|| {
            unshare_network().map_err(NetNsError::Create)?;
            Self::current()
        })
    }

    /// The namespace of the calling thread.
    pub fn current() -> Result<Self, NetNsError> {
        Self::open(THIS_THREAD)
    }

    /// The namespace that a path stands for: `/run/netns/NAME`, `/proc/PID/ns/net`.
    ///
    /// A path to another kind of file opens; entering it is what fails.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, NetNsError> {
        let path = path.as_ref();
        match File::open(path) {
            Ok(file) => Ok(Self {
                fd: Arc::new(file.into()),
            }),
            Err(source) => Err(NetNsError::Open {
                path: path.to_owned(),
                source,
            }),
        }
    }

    /// Runs `work` on a thread inside the namespace, waits for it and returns its value.
    ///
    /// For async code, run a current-thread tokio runtime inside, or use
    /// [`Netlink::in_netns`](crate::Netlink::in_netns).
    ///
    /// # Panics
    /// With the panic of `work`, and when the namespace cannot be entered. Code that must go on
    /// then uses [`NetNs::try_run`].
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        match self.try_run(work) {
            Ok(value) => value,
            Err(error) => panic!("{error}: {:?}", std::error::Error::source(&error)),
        }
    }

    /// As [`NetNs::run`], but a namespace that cannot be entered is an error.
    pub fn try_run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, NetNsError> {
        on_thread(|| {
            self.enter()?;
            Ok(work())
        })
    }

    /// Starts a thread named `name` that lives inside the namespace and runs `work` there.
    pub fn spawn<T: Send + 'static>(
        &self,
        name: &str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<JoinHandle<T>, NetNsError> {
        // A thread is born in the namespace of the thread that starts it.
        self.try_run(|| thread::Builder::new().name(name.to_owned()).spawn(work))?
            .map_err(NetNsError::Thread)
    }

    /// A command whose process runs inside the namespace. `/sys` there still shows the caller's.
    ///
    /// It keeps the namespace alive by itself, and starts by `fork` and `exec`.
    #[expect(
        unsafe_code,
        reason = "only the child itself can move into the namespace"
    )]
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let fd = Arc::clone(&self.fd);
        let mut command = Command::new(program);
        // SAFETY: between fork and exec only async-signal-safe code may run. The closure makes one
        // system call on a descriptor that it owns; it takes no lock and allocates nothing.
        unsafe { command.pre_exec(move || set_namespace(fd.as_fd())) };
        command
    }

    /// Moves the calling thread, for good. Staying where one is needs no privilege.
    fn enter(&self) -> Result<(), NetNsError> {
        if self
            .is_the_callers()
            .map_err(|errno| NetNsError::Enter(errno.into()))?
        {
            return Ok(());
        }
        set_namespace(self.as_fd()).map_err(NetNsError::Enter)
    }

    fn is_the_callers(&self) -> rustix::io::Result<bool> {
        let (this, callers) = (fstat(self)?, stat(THIS_THREAD)?);
        Ok((this.st_dev, this.st_ino) == (callers.st_dev, callers.st_ino))
    }
}

impl AsFd for NetNs {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Runs `work` on a thread that ends with it, so that a namespace it enters is left with it.
fn on_thread<T: Send>(
    work: impl FnOnce() -> Result<T, NetNsError> + Send,
) -> Result<T, NetNsError> {
    thread::scope(|scope| {
        let thread = thread::Builder::new()
            .name("netns".to_owned())
            .spawn_scoped(scope, work)
            .map_err(NetNsError::Thread)?;
        thread
            .join()
            .unwrap_or_else(|cause| panic::resume_unwind(cause))
    })
}

fn set_namespace(fd: BorrowedFd<'_>) -> io::Result<()> {
    Ok(move_into_link_name_space(
        fd,
        Some(LinkNameSpaceType::Network),
    )?)
}

#[expect(
    unsafe_code,
    reason = "unshare can also split the descriptor table, which is unsound"
)]
fn unshare_network() -> io::Result<()> {
    // SAFETY: NEWNET leaves the table of file descriptors shared.
    Ok(unsafe { unshare_unsafe(UnshareFlags::NEWNET) }?)
}
