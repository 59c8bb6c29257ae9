//! What Windows lists.

use std::ptr;
use std::slice;

use uuid::Uuid;
use windows_sys::Win32::NetworkManagement::IpHelper::{
    MIB_IF_ROW2, MIB_IF_TABLE2, MIB_IPFORWARD_ROW2, MIB_IPFORWARD_TABLE2, MIB_UNICASTIPADDRESS_ROW,
    MIB_UNICASTIPADDRESS_TABLE,
};
use windows_sys::Win32::Networking::WinSock::AF_UNSPEC;

use super::{Functions, check, socket};
use crate::rows::{AddressRow, InterfaceRow, RouteRow};
use crate::{Address, Failure, Interface, Route};

pub fn interfaces(functions: &Functions) -> Result<Vec<Interface>, Failure> {
    let get = functions.GetIfTable2;
    // SAFETY: the table is a variable of ours.
    let table =
        Table::<MIB_IF_TABLE2>::get(functions, "GetIfTable2", |table| unsafe { get(table) })?;
    Ok(table.rows().iter().map(interface).collect())
}

pub fn addresses(functions: &Functions) -> Result<Vec<Address>, Failure> {
    const CALL: &str = "GetUnicastIpAddressTable";
    let get = functions.GetUnicastIpAddressTable;
    // SAFETY: the table is a variable of ours.
    let table = Table::<MIB_UNICASTIPADDRESS_TABLE>::get(functions, CALL, |table| unsafe {
        get(AF_UNSPEC, table)
    })?;
    Ok(table.rows().iter().filter_map(address).collect())
}

pub fn routes(functions: &Functions) -> Result<Vec<Route>, Failure> {
    let get = functions.GetIpForwardTable2;
    // SAFETY: the table is a variable of ours.
    let table =
        Table::<MIB_IPFORWARD_TABLE2>::get(functions, "GetIpForwardTable2", |table| unsafe {
            get(AF_UNSPEC, table)
        })?;
    Ok(table.rows().iter().filter_map(route).collect())
}

/// A table of Windows', which is freed.
struct Table<'a, T> {
    functions: &'a Functions,
    raw: *mut T,
}

impl<'a, T> Table<'a, T> {
    fn get(
        functions: &'a Functions,
        call: &'static str,
        function: impl FnOnce(*mut *mut T) -> u32,
    ) -> Result<Self, Failure> {
        let mut raw = ptr::null_mut();
        check(call, function(&raw mut raw))?;
        Ok(Self { functions, raw })
    }
}

impl<T> Drop for Table<'_, T> {
    fn drop(&mut self) {
        // SAFETY: it comes from a function of the same DLL, and nobody uses it any more.
        unsafe { (self.functions.FreeMibTable)(self.raw.cast_const().cast()) };
    }
}

/// The rows of each kind of table: a number, and then so many rows.
macro_rules! rows {
    ($($table:ident of $row:ident;)*) => {
        $(impl Table<'_, $table> {
            fn rows(&self) -> &[$row] {
                // SAFETY: the function has succeeded, so this is a table, until it is freed.
                let (length, first) = unsafe {
                    ((*self.raw).NumEntries, (&raw const (*self.raw).Table).cast::<$row>())
                };
                // SAFETY: so many rows are in it.
                unsafe { slice::from_raw_parts(first, length as usize) }
            }
        })*
    };
}

rows! {
    MIB_IF_TABLE2 of MIB_IF_ROW2;
    MIB_UNICASTIPADDRESS_TABLE of MIB_UNICASTIPADDRESS_ROW;
    MIB_IPFORWARD_TABLE2 of MIB_IPFORWARD_ROW2;
}

fn interface(row: &MIB_IF_ROW2) -> Interface {
    let guid = &row.InterfaceGuid;
    let length = row.PhysicalAddressLength as usize;
    InterfaceRow {
        guid: Uuid::from_fields(guid.data1, guid.data2, guid.data3, &guid.data4),
        // SAFETY: any bytes make a number.
        luid: unsafe { row.InterfaceLuid.Value },
        index: row.InterfaceIndex,
        alias: &row.Alias,
        description: &row.Description,
        physical_address: row.PhysicalAddress.get(..length).unwrap_or_default(),
        interface_type: row.Type,
        physical_medium: row.PhysicalMediumType,
        flags: row.InterfaceAndOperStatusFlags._bitfield,
        oper_status: row.OperStatus,
        admin_status: row.AdminStatus,
        media_connect_state: row.MediaConnectState,
        mtu: row.Mtu,
        speeds: [row.TransmitLinkSpeed, row.ReceiveLinkSpeed],
    }
    .into()
}

fn address(row: &MIB_UNICASTIPADDRESS_ROW) -> Option<Address> {
    let row = AddressRow {
        // SAFETY: any bytes make a number.
        luid: unsafe { row.InterfaceLuid.Value },
        address: socket::read(&row.Address),
        prefix_length: row.OnLinkPrefixLength,
        dad_state: row.DadState,
    };
    row.read()
}

fn route(row: &MIB_IPFORWARD_ROW2) -> Option<Route> {
    let row = RouteRow {
        // SAFETY: any bytes make a number.
        luid: unsafe { row.InterfaceLuid.Value },
        destination: socket::read(&row.DestinationPrefix.Prefix),
        prefix_length: row.DestinationPrefix.PrefixLength,
        next_hop: socket::read(&row.NextHop),
        metric: row.Metric,
        protocol: row.Protocol,
    };
    row.read()
}
