//! What of the service is Windows' own: the service as Windows runs it, its files and log, the pipe that
//! commands ask it by, the registry, and Hyper-V's management.

mod facts;
mod files;
mod hyper_v;
mod install;
mod log;
mod pipe;
mod registry;
mod run;

pub use self::facts::{facts, recording};
pub use self::files::{Folders, shelf, system32};
pub use self::install::{
    InstallError, install, keep_connections, minimizes_connections, start, uninstall,
};
pub use self::pipe::{AskError, ask};
pub use self::run::{SERVICE, serve};
pub use winnet::proxy_has_changed;
