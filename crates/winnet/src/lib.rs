//! Windows' network interfaces, addresses and routes, and notifications of their changes.
//!
//! [`Net`] is what others use: forgiving where repeating a step should be harmless. It speaks through an
//! [`Api`], whose calls give and take plain data: `IpHelper` is Windows' `iphlpapi.dll`, `Fake` a strict
//! model for tests. Routes and addresses that are added are never persistent: Windows forgets them when it
//! restarts, or when the interface goes. Name servers are.
//!
//! * `ids`, `interface`, `address`, `route`: what there is. `rows`: how Windows writes it.
//! * `net`, `watch`: what can be done. `api`: the calls below that.
//! * `win32`, `error`: what goes wrong, in words.
//! * `minimize`: whether Windows keeps Wi-Fi connected beside Ethernet, in the registry.

mod address;
mod api;
mod error;
#[cfg(feature = "fake")]
mod fake;
mod ids;
mod interface;
mod minimize;
mod net;
mod route;
#[cfg(any(windows, test))]
mod rows;
mod watch;
mod win32;
#[cfg(windows)]
mod windows;

pub use address::{Address, DadState, NewAddress};
pub use api::{Api, Change, Failure, Registration};
pub use error::{LoadError, NetError, PolicyError, ProxyError};
#[cfg(feature = "fake")]
pub use fake::{Fake, FakePolicy};
pub use ids::{InterfaceId, InterfaceIndex, Luid, MacAddress};
pub use interface::{Interface, Kind};
pub use minimize::{Minimize, Original, Policy, PolicyStore, allow_all, restore};
pub use net::Net;
pub use route::{NewRoute, Route, RouteProtocol};
pub use watch::Watch;
pub use win32::Win32Error;
#[cfg(windows)]
pub use windows::{IpHelper, RegistryPolicy, proxy_has_changed};
