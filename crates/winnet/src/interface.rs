//! Interfaces.

use serde::{Deserialize, Serialize};

use crate::{InterfaceId, InterfaceIndex, Luid, MacAddress};

/// An interface, as `GetIfTable2` shows it (`MIB_IF_ROW2`, `netioapi.h`).
///
/// Windows lists much more than network adapters: one row for each filter that is bound to an adapter,
/// for WAN miniports, for tunnels. [`Interface::is_physical`] tells them apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    /// What to remember it by.
    pub id: InterfaceId,
    /// What calls mean it by.
    pub luid: Luid,
    /// What `route print` and `Get-NetAdapter` show.
    pub index: InterfaceIndex,
    /// The name that users see and can change, such as `Wi-Fi`.
    pub alias: String,
    /// The name of the device, such as `Intel(R) Wi-Fi 6 AX201 160MHz`.
    pub description: String,
    /// None where there is none, or one that is not of six bytes.
    pub mac: Option<MacAddress>,
    /// What it is.
    pub kind: Kind,
    /// It is for hardware, not software (bit `HardwareInterface`).
    pub hardware: bool,
    /// It has a plug or an antenna (bit `ConnectorPresent`).
    pub connector: bool,
    /// It is a filter on top of another interface (bit `FilterInterface`).
    pub filter: bool,
    /// Its device is there: neither unplugged nor disabled (`IfOperStatusNotPresent`).
    pub present: bool,
    /// It is switched on (`NET_IF_ADMIN_STATUS_UP`).
    pub admin_up: bool,
    /// It can pass packets (`IfOperStatusUp`).
    pub oper_up: bool,
    /// Its cable is plugged in, or it has joined a wireless network. True where the driver doesn't know.
    pub media_connected: bool,
    /// In bytes.
    pub mtu: u32,
    /// In bits per second, the faster direction. None where the driver doesn't know.
    pub link_speed: Option<u64>,
}

/// What an interface is (`IFTYPE`, `ipifcons.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// Ethernet; also what behaves like it, such as a phone on USB that shares its connection.
    Ethernet,
    /// Wi-Fi.
    WiFi,
    /// A modem for mobile networks.
    Wwan,
    /// Bluetooth, which Windows calls Ethernet, too. Every notebook has it.
    Bluetooth,
    /// The loopback interface.
    Loopback,
    /// Encapsulation, such as Teredo.
    Tunnel,
    /// Another number of the list.
    Other(u32),
}

/// The host's own adapter on a virtual switch ("vEthernet (...)"). The text comes from the driver, and is
/// the same in all languages.
const HOST_ADAPTER: &str = "Hyper-V Virtual Ethernet Adapter";

impl Interface {
    /// Whether it is a network card that can be an uplink, be it plugged in and switched on or not.
    ///
    /// That is: Ethernet (6), Wi-Fi (71) or WWAN (243, 244), with the bits `HardwareInterface` and
    /// `ConnectorPresent`, and without `FilterInterface`. Virtual adapters of VPNs and of other
    /// hypervisors lack the first bit. The host's adapters on Hyper-V's switches, which Windows counts
    /// as virtual, too, are ruled out by their description besides: a switch on top of a switch would cut
    /// the host off.
    pub fn is_physical(&self) -> bool {
        let card = matches!(self.kind, Kind::Ethernet | Kind::WiFi | Kind::Wwan);
        let device = self.hardware && self.connector && !self.filter;
        card && device && !self.description.starts_with(HOST_ADAPTER)
    }
}
