//! Windows services: how they are known to Windows, and how one runs.

mod manage;
mod serve;

pub use manage::{
    Installed, ServiceState, install_service, remove_service, service_state, start_service,
    stop_service,
};
pub use serve::{Control, serve};

use std::io;

/// The reason, as others here have it.
fn io_error(error: windows_service::Error) -> io::Error {
    match error {
        windows_service::Error::Winapi(source) => source,
        other => io::Error::other(other.to_string()),
    }
}
