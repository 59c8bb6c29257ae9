//! What can be written.

use crate::key::Key;
use crate::value::Value;
use crate::windows_path::WindowsPath;

/// A kernel and its modules. They go together: WSL gives a kernel without a modules image no modules at
/// all, and does not start the VM with modules but no kernel (`src/windows/service/exe/WslCoreVm.cpp:198-257`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kernel {
    /// The kernel.
    pub kernel: WindowsPath,
    /// The disk image with its modules.
    pub modules: WindowsPath,
}

/// A setting to write, or two that go together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// The kernel and its modules.
    Kernel(Kernel),
    /// After how many milliseconds without a running distribution the VM ends; below 0 for never.
    VmIdleTimeout(i32),
    /// After how many milliseconds without a client a distribution ends; below 0 for never.
    InstanceIdleTimeout(i32),
}

impl Setting {
    /// What to write. A new line goes above the others of its section, so the last one stands first.
    pub(crate) fn entries(&self) -> Vec<(Key, Value)> {
        match self {
            Self::Kernel(Kernel { kernel, modules }) => vec![
                (Key::KernelModules, modules.into()),
                (Key::Kernel, kernel.into()),
            ],
            Self::VmIdleTimeout(time) => vec![(Key::VmIdleTimeout, (*time).into())],
            Self::InstanceIdleTimeout(time) => vec![(Key::InstanceIdleTimeout, (*time).into())],
        }
    }

    /// Whether a value that is already there, and of which nothing is known, can't have been the user's.
    pub(crate) fn is_surely_ours(&self) -> bool {
        matches!(self, Self::Kernel(_))
    }
}
