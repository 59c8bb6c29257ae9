//! The calls themselves.

use std::error::Error;
use std::fmt;

use crate::{Address, Interface, InterfaceId, NewAddress, NewRoute, Route, Win32Error};

/// What is called. All calls are quick, and may be made by any thread.
pub trait Api: Send + Sync {
    /// `GetIfTable2`.
    fn interfaces(&self) -> Result<Vec<Interface>, Failure>;
    /// `GetUnicastIpAddressTable`, of both families.
    fn addresses(&self) -> Result<Vec<Address>, Failure>;
    /// `GetIpForwardTable2`, of both families.
    fn routes(&self) -> Result<Vec<Route>, Failure>;

    /// `CreateIpForwardEntry2`.
    fn create_route(&self, route: &NewRoute) -> Result<(), Failure>;
    /// `DeleteIpForwardEntry2`.
    fn delete_route(&self, route: &Route) -> Result<(), Failure>;
    /// `CreateUnicastIpAddressEntry`.
    fn create_address(&self, address: &NewAddress) -> Result<(), Failure>;
    /// `DeleteUnicastIpAddressEntry`.
    fn delete_address(&self, address: &Address) -> Result<(), Failure>;

    /// `GetInterfaceDnsSettings`: the name servers of IPv4 that were set for an interface, as Windows keeps them,
    /// with commas between them. Empty where it goes by DHCP, or has none.
    fn name_servers(&self, interface: InterfaceId) -> Result<String, Failure>;
    /// `SetInterfaceDnsSettings`, with the same text.
    fn set_name_servers(&self, interface: InterfaceId, servers: &str) -> Result<(), Failure>;

    /// `NotifyIpInterfaceChange`, `NotifyUnicastIpAddressChange` and `NotifyRouteChange2`, of both
    /// families, until the registration is dropped.
    ///
    /// `on_change` is called on threads of Windows', and must be quick and call nothing of Windows': the
    /// drop of the registration waits for it.
    fn notify(&self, on_change: Box<dyn Fn(Change) + Send + Sync>)
    -> Result<Registration, Failure>;
}

/// A callback in place. Dropping it ends it, and waits for calls that are under way.
///
/// It must not be dropped inside that callback, nor while holding what the callback waits for:
/// `CancelMibChangeNotify2` waits for ever then.
pub type Registration = Box<dyn Send>;

/// What has changed. Windows says more, but what counts is what a fresh look shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// An interface came, went, or has another state or name.
    Interfaces,
    /// An address came, went, or has become usable.
    Addresses,
    /// A route came, went, or has another metric.
    Routes,
}

/// A call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The function.
    pub call: &'static str,
    /// What it gave.
    pub code: Win32Error,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} gave error {}", self.call, self.code)?;
        if let Some(meaning) = self.code.meaning() {
            write!(f, ", {meaning}")?;
        }
        self.code
            .advice()
            .map_or(Ok(()), |advice| write!(f, "; {advice}"))
    }
}

impl Error for Failure {}
