//! The numbers that mark routes, rules and packets as ours, so that the next start finds them.

use netcfg::{InterfaceIndex, RulePriority, TableId};

/// Routing protocol number of our routes and rules. The kernel keeps 0 to 4 for itself; 77 is taken
/// by nobody in iproute2's list.
pub const PROTOCOL: u8 = 77;

/// Default routes of all living uplinks, the preferred one first.
pub const UPLINKS: TableId = TableId(FIRST_TABLE);

/// Delivers packets that TPROXY marked to this machine.
pub const INTERCEPTED: TableId = TableId(FIRST_TABLE - 1);

/// Leads nowhere: ends a lookup with an answer to the sender.
pub const NOWHERE: TableId = TableId(FIRST_TABLE - 2);

/// Our nftables table, of family inet.
pub const NFT_TABLE: &str = "manypath";

/// Marks forwarded packets that a rule of the user's sends by one uplink. Of the interface's index 16 bits are
/// enough: an uplink whose index differs by a multiple of 65536 is not there at the same time.
pub fn steer_mark(interface: InterfaceIndex) -> u32 {
    0x4d52_0000 | (interface.0 & 0xffff)
}

/// Marks connections that go from the host to an uplink, so that they get the uplink's address.
/// (The interface a packet came in by can't be matched at postrouting on every kernel.)
pub const FROM_HOST: u32 = 0x4d51;

/// Marks packets that TPROXY took.
pub const INTERCEPT_MARK: u32 = 0x4d50;

/// Marks datagrams that we send in the name of others.
pub const ANSWER_MARK: u32 = 0x4d53;

const FIRST_TABLE: u32 = 7_800_000;

/// An uplink's own table. Interface indexes are unique in a namespace, so tables never collide,
/// however many interfaces there are.
pub fn table_of(interface: InterfaceIndex) -> TableId {
    TableId(FIRST_TABLE + interface.0)
}

/// Order of our rules. All of them come before `main` (32766).
pub mod priority {
    use super::RulePriority;

    /// What a rule of the user's sends by one uplink leaves by that uplink, or not at all.
    pub const STEERED: RulePriority = RulePriority(7_799);
    /// What TPROXY marked is ours to answer.
    pub const INTERCEPTED: RulePriority = RulePriority(7_800);
    /// What has an uplink's source address leaves by that uplink, or not at all.
    pub const SOURCE: RulePriority = RulePriority(7_801);
    /// Networks that `main` knows (on-link, VPNs, LANs) stay reachable as before; its default routes
    /// don't count. WSL's own default route has metric 0 and would beat any other in `main`.
    pub const KNOWN_NETWORKS: RulePriority = RulePriority(7_802);
    /// All else: a living uplink. With none the lookup goes on to `main`.
    pub const UPLINKS: RulePriority = RulePriority(7_803);
    /// But what comes from the host has no other way. In `main` it would find this machine's own way
    /// out, which in WSL leads back to the host, or an uplink whose address is not ready, so that it
    /// left with a wrong source for as long as connection tracking remembers.
    pub const HOST_NOWHERE: RulePriority = RulePriority(7_804);
}
