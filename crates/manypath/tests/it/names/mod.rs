//! The edge is the host's DNS server.

mod flaps;
mod reach;
mod servers;
mod whom;

pub use servers::World;

use lab::rig::Rig;
use lab::topology::{Node, addresses};

use crate::support::{Ran, run};

/// What `dig` on the Windows side says, asking the edge.
fn dig(rig: &Rig, arguments: &str) -> String {
    dig_at(
        rig,
        Node::Windows,
        &addresses::GUEST.ipv4().to_string(),
        arguments,
    )
    .ok()
}

fn dig_at(rig: &Rig, node: Node, server: &str, arguments: &str) -> Ran {
    let at = format!("@{server}");
    let arguments: Vec<&str> = [at.as_str()]
        .into_iter()
        .chain(arguments.split(' '))
        .collect();
    run(rig.lab(), node, "dig", &arguments)
}

/// The address of a name, asked for once only.
fn address(rig: &Rig, name: &str) -> String {
    dig(rig, &format!("+short +tries=1 {name}"))
        .trim()
        .to_owned()
}
