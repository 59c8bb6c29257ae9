//! What the kernel says of a machine, for tests of commands.

use netcfg::{InterfaceIndex, Link, MacAddress};

/// An Ethernet interface with a cable in it, or the loopback interface if that is its name.
pub fn link(index: u32, name: &str) -> Link {
    Link {
        index: InterfaceIndex(index),
        name: name.parse().expect("a name"),
        mac: Some(MacAddress([2, 0, 0, 0, 0, index as u8])),
        up: true,
        carrier: true,
        kind: None,
        mtu: 1500,
        loopback: name == "lo",
        vmbus: None,
        bytes: None,
    }
}
