use std::io;
use std::path::PathBuf;

use crate::rig::ProcessError;

/// Why there is no VM, or none that does what it should.
#[derive(Debug, thiserror::Error)]
pub enum VmError {
    /// There is no place for its files.
    #[error("cannot make a folder for the VM's files")]
    Folder(#[source] io::Error),
    /// What the VM is made from can't be used.
    #[error("cannot make the VM's root file system: {what} {}", path.display())]
    Root {
        /// What can't be done.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The kernel lacks something.
    #[error("the kernel in {} has no {what}; unpack a cloud kernel of Debian's there, and run depmod", kernel.display())]
    Kernel {
        /// The unpacked package.
        kernel: PathBuf,
        /// What is missing.
        what: String,
    },
    /// The namespace can't be made a room of switches.
    #[error("cannot join the VM's cards with the lab's interfaces: {0}")]
    Switch(String),
    /// QEMU can't be run.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// QEMU does not start.
    #[error("QEMU does not start:\n{log}")]
    Start {
        /// What a connection to it says.
        #[source]
        source: io::Error,
        /// The end of its output.
        log: String,
    },
    /// QEMU does not understand, or refuses.
    #[error("QEMU could not do {command}: {why}")]
    Qmp {
        /// What it was asked to do, or what was waited for.
        command: String,
        /// What it says.
        why: String,
    },
    /// The VM's init hears nothing.
    #[error("the VM can't be told to do something")]
    Order(#[source] io::Error),
    /// The VM does not end as it should.
    #[error("the VM did not end well; its logs:\n{log}")]
    End {
        /// Of edge, kernel and QEMU.
        log: String,
    },
}

impl VmError {
    pub(super) fn root(
        what: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Root { what, path, source }
    }
}
