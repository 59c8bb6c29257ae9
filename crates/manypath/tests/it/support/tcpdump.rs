//! What passes a node's interface to the other side.

use std::fs;
use std::path::PathBuf;

use lab::rig::Process;
use lab::topology::{Lab, Node};
use tempfile::TempDir;

use super::eventually;

/// tcpdump on a node's `eth0`, until dropped.
pub struct Tcpdump {
    // In this order: it ends before its folder goes.
    _process: Process,
    log: PathBuf,
    _folder: TempDir,
}

/// A packet.
#[derive(Clone, Debug)]
pub struct Packet {
    /// When it passed, as the kernel has noted it, in seconds since 1970.
    pub at: f64,
    /// tcpdump's words for it.
    pub what: String,
}

impl Tcpdump {
    pub fn start(lab: &Lab, node: Node, filter: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = lab.command(node, "tcpdump");
        command
            .args(["-i", "eth0", "-n", "-tt", "-l", "--immediate-mode"])
            .args(["-Z", "root", filter]);
        let log = folder.path().join("log");
        let process = Process::start("tcpdump", command, &log).expect("tcpdump starts");
        eventually("tcpdump listens", || {
            assert!(!process.has_ended(), "{}", process.log_tail());
            process.log_tail().contains("listening on").then_some(())
        });
        Self {
            _process: process,
            log,
            _folder: folder,
        }
    }

    /// All so far, in order.
    pub fn packets(&self) -> Vec<Packet> {
        let text = fs::read_to_string(&self.log).expect("tcpdump's log");
        let packet = |line: &str| {
            let (at, what) = line.split_once(' ')?;
            let (at, what) = (at.parse().ok()?, what.to_owned());
            Some(Packet { at, what })
        };
        text.lines().filter_map(packet).collect()
    }
}
