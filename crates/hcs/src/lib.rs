//! Windows' Host Compute System and Network: WSL's VMs, virtual switches and network adapters.
//!
//! [`Hcs`] is what others use: typed, and forgiving where repeating a step should be harmless. It speaks
//! through an [`Api`], which takes and gives JSON: `Dlls` is Windows', `Fake` a strict model for
//! tests. Names and documents are those of Microsoft's HCS and HCN APIs, in the forms that WSL itself
//! uses (microsoft/WSL at 3e27a6a5). All calls block: most for milliseconds, making a switch for
//! seconds.
//!
//! * `ids`, `mac`: what things are known by.
//! * `requests`, `properties`: the documents that go in, and those that come out.
//! * `networks`, `systems`, `watch`: what can be done.
//! * `hresult`, `error`: what goes wrong, in words.
//! * `record`: what Windows was asked and gave, to be replayed elsewhere.

mod api;
mod clock;
mod error;
#[cfg(feature = "fake")]
mod fake;
mod hresult;
mod ids;
mod mac;
mod networks;
mod properties;
mod record;
mod requests;
mod systems;
mod watch;
#[cfg(windows)]
mod windows;

use std::sync::Arc;

pub use api::{Api, Failure, NetworkEvent, Registration, SystemEvent};
pub use clock::{Clock, SystemClock};
pub use error::{HcsError, LoadError};
#[cfg(feature = "fake")]
pub use fake::Fake;
pub use hresult::HResult;
pub use ids::{AdapterId, EndpointId, NetworkId, SystemId};
pub use mac::{MacAddress, MacAddressError};
pub use properties::{DocumentError, Endpoint, Network, State, System};
pub use record::{Recorder, Recording};
pub use requests::{Adapter, NewEndpoint, NewNetwork};
pub use systems::Seen;
pub use watch::Watch;
#[cfg(windows)]
pub use windows::Dlls;

/// Windows' VMs and their networks.
#[derive(Clone)]
pub struct Hcs {
    api: Arc<dyn Api>,
    clock: Arc<dyn Clock>,
}

impl Hcs {
    /// Over an API, with the system's clock.
    pub fn new(api: Arc<dyn Api>) -> Self {
        Self::with_clock(api, Arc::new(SystemClock))
    }

    /// Over an API, with another clock: that of a test, which does not wait.
    pub fn with_clock(api: Arc<dyn Api>, clock: Arc<dyn Clock>) -> Self {
        Self { api, clock }
    }
}
