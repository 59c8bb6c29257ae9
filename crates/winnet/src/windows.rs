//! Windows' own `iphlpapi.dll`, the registry, and `wininet.dll`.
//!
//! * `library`: finds functions. `callbacks`: what they call, by a number instead of a pointer.
//! * `tables`: what is listed. `entries`: what is added and deleted. `socket`: addresses in and out.
//! * `names`: name servers. `policy`: `fMinimizeConnections`.
#![expect(unsafe_code, reason = "calls of functions that a DLL exports")]

mod callbacks;
mod entries;
mod library;
mod names;
mod policy;
mod socket;
mod tables;
mod wininet;

use std::ffi::c_void;

use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::NetworkManagement::IpHelper::{
    DNS_INTERFACE_SETTINGS, MIB_IF_TABLE2, MIB_IPFORWARD_ROW2, MIB_IPFORWARD_TABLE2,
    MIB_UNICASTIPADDRESS_ROW, MIB_UNICASTIPADDRESS_TABLE, PIPFORWARD_CHANGE_CALLBACK,
    PIPINTERFACE_CHANGE_CALLBACK, PUNICAST_IPADDRESS_CHANGE_CALLBACK,
};
use windows_sys::Win32::Networking::WinSock::ADDRESS_FAMILY;
use windows_sys::core::GUID;

use crate::{
    Address, Api, Change, Failure, Interface, InterfaceId, LoadError, NewAddress, NewRoute,
    Registration, Route, Win32Error,
};
use library::functions;
pub use policy::RegistryPolicy;
pub use wininet::proxy_has_changed;

functions! {
    Functions in "iphlpapi.dll" {
        GetIfTable2(*mut *mut MIB_IF_TABLE2) -> u32;
        GetUnicastIpAddressTable(ADDRESS_FAMILY, *mut *mut MIB_UNICASTIPADDRESS_TABLE) -> u32;
        GetIpForwardTable2(ADDRESS_FAMILY, *mut *mut MIB_IPFORWARD_TABLE2) -> u32;
        FreeMibTable(*const c_void);
        InitializeIpForwardEntry(*mut MIB_IPFORWARD_ROW2);
        CreateIpForwardEntry2(*const MIB_IPFORWARD_ROW2) -> u32;
        DeleteIpForwardEntry2(*const MIB_IPFORWARD_ROW2) -> u32;
        InitializeUnicastIpAddressEntry(*mut MIB_UNICASTIPADDRESS_ROW);
        CreateUnicastIpAddressEntry(*const MIB_UNICASTIPADDRESS_ROW) -> u32;
        DeleteUnicastIpAddressEntry(*const MIB_UNICASTIPADDRESS_ROW) -> u32;
        GetInterfaceDnsSettings(GUID, *mut DNS_INTERFACE_SETTINGS) -> u32;
        SetInterfaceDnsSettings(GUID, *const DNS_INTERFACE_SETTINGS) -> u32;
        FreeInterfaceDnsSettings(*mut DNS_INTERFACE_SETTINGS);
        NotifyIpInterfaceChange(
            ADDRESS_FAMILY, PIPINTERFACE_CHANGE_CALLBACK, *const c_void, bool, *mut HANDLE,
        ) -> u32;
        NotifyUnicastIpAddressChange(
            ADDRESS_FAMILY, PUNICAST_IPADDRESS_CHANGE_CALLBACK, *const c_void, bool, *mut HANDLE,
        ) -> u32;
        NotifyRouteChange2(
            ADDRESS_FAMILY, PIPFORWARD_CHANGE_CALLBACK, *const c_void, bool, *mut HANDLE,
        ) -> u32;
        CancelMibChangeNotify2(HANDLE) -> u32;
    }
}

/// Windows.
#[derive(Debug)]
pub struct IpHelper {
    functions: Functions,
}

impl IpHelper {
    /// Loads it from `system32`, and no other folder.
    ///
    /// # Errors
    /// When it is not there, or lacks a function.
    pub fn load() -> Result<Self, LoadError> {
        let functions = Functions::load()?;
        Ok(Self { functions })
    }
}

impl Api for IpHelper {
    fn interfaces(&self) -> Result<Vec<Interface>, Failure> {
        tables::interfaces(&self.functions)
    }

    fn addresses(&self) -> Result<Vec<Address>, Failure> {
        tables::addresses(&self.functions)
    }

    fn routes(&self) -> Result<Vec<Route>, Failure> {
        tables::routes(&self.functions)
    }

    fn create_route(&self, route: &NewRoute) -> Result<(), Failure> {
        entries::create_route(&self.functions, route)
    }

    fn delete_route(&self, route: &Route) -> Result<(), Failure> {
        entries::delete_route(&self.functions, route)
    }

    fn create_address(&self, address: &NewAddress) -> Result<(), Failure> {
        entries::create_address(&self.functions, address)
    }

    fn delete_address(&self, address: &Address) -> Result<(), Failure> {
        entries::delete_address(&self.functions, address)
    }

    fn name_servers(&self, interface: InterfaceId) -> Result<String, Failure> {
        names::name_servers(&self.functions, interface)
    }

    fn set_name_servers(&self, interface: InterfaceId, servers: &str) -> Result<(), Failure> {
        names::set_name_servers(&self.functions, interface, servers)
    }

    fn notify(
        &self,
        on_change: Box<dyn Fn(Change) + Send + Sync>,
    ) -> Result<Registration, Failure> {
        callbacks::notify(self.functions, on_change)
    }
}

/// A failure, if that is what a function gave.
fn check(call: &'static str, status: u32) -> Result<(), Failure> {
    match Win32Error(status) {
        Win32Error::SUCCESS => Ok(()),
        code => Err(Failure { call, code }),
    }
}
