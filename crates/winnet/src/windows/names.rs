//! The name servers that were set for an interface, of IPv4.

use windows_sys::Win32::NetworkManagement::IpHelper::{
    DNS_INTERFACE_SETTINGS, DNS_INTERFACE_SETTINGS_VERSION1, DNS_SETTING_NAMESERVER,
};
use windows_sys::core::GUID;

use super::{Functions, check};
use crate::{Failure, InterfaceId};

pub fn name_servers(functions: &Functions, interface: InterfaceId) -> Result<String, Failure> {
    let mut settings = version_1();
    // SAFETY: the settings are ours, and say of which version they are.
    check("GetInterfaceDnsSettings", unsafe {
        (functions.GetInterfaceDnsSettings)(guid(interface), &raw mut settings)
    })?;
    // SAFETY: the function has succeeded, so this is null or a text of its own that ends with zero.
    let servers = unsafe { text(settings.NameServer) };
    // SAFETY: what the function has filled in, once.
    unsafe { (functions.FreeInterfaceDnsSettings)(&raw mut settings) };
    Ok(servers)
}

pub fn set_name_servers(
    functions: &Functions,
    interface: InterfaceId,
    servers: &str,
) -> Result<(), Failure> {
    let mut servers: Vec<u16> = servers.encode_utf16().chain([0]).collect();
    let settings = DNS_INTERFACE_SETTINGS {
        // Everything else stays as it is.
        Flags: DNS_SETTING_NAMESERVER.into(),
        NameServer: servers.as_mut_ptr(),
        ..version_1()
    };
    // SAFETY: the settings are complete, and their text ends with zero and outlives the call.
    check("SetInterfaceDnsSettings", unsafe {
        (functions.SetInterfaceDnsSettings)(guid(interface), &raw const settings)
    })
}

fn version_1() -> DNS_INTERFACE_SETTINGS {
    DNS_INTERFACE_SETTINGS {
        Version: DNS_INTERFACE_SETTINGS_VERSION1,
        ..DNS_INTERFACE_SETTINGS::default()
    }
}

fn guid(InterfaceId(id): InterfaceId) -> GUID {
    let (data1, data2, data3, data4) = id.as_fields();
    GUID {
        data1,
        data2,
        data3,
        data4: *data4,
    }
}

/// # Safety
/// It is null, or a text that ends with zero.
unsafe fn text(start: *const u16) -> String {
    if start.is_null() {
        return String::new();
    }
    let mut length = 0;
    // SAFETY: as the caller promises.
    while unsafe { *start.add(length) } != 0 {
        length += 1;
    }
    // SAFETY: so many units were just looked at.
    String::from_utf16_lossy(unsafe { std::slice::from_raw_parts(start, length) })
}
