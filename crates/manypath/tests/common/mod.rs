//! What the tests `it` and `twin` have in common: programs and servers on both sides of a lab.

mod browser;
mod call;
mod names;
mod programs;
pub mod questions;
pub mod run;
mod server;
mod web;

use std::time::{Duration, Instant};

use lab::rig::Rig;
use lab::topology::{Node, Uplink, addresses};

pub use browser::Browser;
pub use call::call;
pub use names::Names;
pub use programs::{TimeServer, clock_error, iperf3, ping, traceroute};
pub use questions::ask_while_links_flap;
pub use run::{run, shell};
pub use server::Server;
use web::Asked;
pub use web::{By, Web};

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_manypath");

/// How long anything may take that a test waits for. Much longer than it takes, because the machine
/// may have other work.
pub const LIMIT: Duration = Duration::from_secs(10);

/// Polls until `found` finds something. For what the kernel gives no event.
pub fn eventually<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(it) = found() {
            return it;
        }
        assert!(Instant::now() < deadline, "{what}: not within {LIMIT:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The address by which the Internet sees connections of an access network.
pub fn seen_as(uplink: Uplink) -> String {
    addresses::access_to_core(uplink).ipv4().to_string()
}

/// Standard output of a program that must succeed.
pub fn output(rig: &Rig, node: Node, program: &str, arguments: &[&str]) -> String {
    run(rig.lab(), node, program, arguments).ok()
}
