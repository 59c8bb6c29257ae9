//! What edge and hub hold, by what the kernel says.

use std::fs;
use std::time::Duration;

use lab::rig::{Process, Rig};
use lab::topology::{Lab, Node};

use crate::inside::block_on;

/// What a program holds at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    pub open_files: usize,
    pub threads: u64,
    /// Resident, in bytes.
    pub memory: u64,
}

impl Usage {
    /// What it would hold without so many idle connections: a file each.
    pub fn without(self, connections: usize) -> Self {
        Self {
            open_files: self.open_files.saturating_sub(connections),
            ..self
        }
    }
}

/// Of a running program.
pub fn usage(process: &Process) -> Usage {
    let folder = format!("/proc/{}", process.id());
    let status = fs::read_to_string(format!("{folder}/status")).expect("it runs");
    let number = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        let number = line
            .expect("in proc_pid_status(5)")
            .split_ascii_whitespace();
        number
            .take(1)
            .collect::<String>()
            .parse()
            .expect("a number")
    };
    Usage {
        open_files: fs::read_dir(format!("{folder}/fd"))
            .expect("it runs")
            .count(),
        threads: number("Threads:"),
        memory: number("VmRSS:") * 1024,
    }
}

/// Processor time so far.
pub fn processor_time(process: &Process) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.id())).expect("it runs");
    let fields = stat.rsplit_once(')').expect("in proc_pid_stat(5)").1;
    let ticks = fields.split_ascii_whitespace().skip(11).take(2);
    let ticks: u64 = ticks.map(|it| it.parse::<u64>().expect("ticks")).sum();
    // USER_HZ is 100 on every Linux with glibc.
    Duration::from_millis(ticks * 10)
}

/// MPTCP connections that the kernel of a node still has.
pub fn mptcp_connections(lab: &Lab, node: Node) -> usize {
    lab.namespace(node).run(|| {
        block_on(async {
            let diag = mptcp::Diag::new().expect("a kernel with mptcp_diag");
            diag.connections().await.expect("a list").len()
        })
    })
}

/// TCP connections that the kernel of a node still has, subflows among them.
pub fn tcp_connections(lab: &Lab, node: Node) -> usize {
    // TIME_WAIT is what is left of a connection after its end, and listeners stay.
    const ENDED: [&str; 2] = ["06", "0A"];
    let read =
        || ["tcp", "tcp6"].map(|it| fs::read_to_string(format!("/proc/thread-self/net/{it}")));
    let tables = lab.namespace(node).run(read);
    let count = |table: String| {
        let states = table
            .lines()
            .skip(1)
            .filter_map(|line| line.split_ascii_whitespace().nth(3));
        states.filter(|state| !ENDED.contains(state)).count()
    };
    tables
        .into_iter()
        .map(|it| count(it.expect("proc_pid_net(5)")))
        .sum()
}

/// Everything that nftables holds on a node, all rules and routes, and the endpoints, whose numbers change
/// when a path was given up for a moment: the machine is busy.
pub fn rules(lab: &Lab, node: Node) -> String {
    // Without IPv6 routes: they show how long they have to live.
    let script = "nft list ruleset; ip rule; ip -6 rule; ip -4 route show table all; \
                  ip mptcp endpoint | sed 's/ id [0-9]*//' | sort";
    let output = lab.command(node, "sh").args(["-ec", script]).output();
    let output = output.expect("nft and ip are there");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// How many connections the edge knows.
pub fn registered(rig: &Rig) -> usize {
    status(rig)["connections"].as_array().expect("a list").len()
}

/// How many connections to the hub the edge keeps for the next requests.
pub fn kept(rig: &Rig) -> usize {
    let idle = status(rig)["hub_connections"]["idle"].as_u64();
    usize::try_from(idle.expect("a number")).expect("few")
}

/// An edge with thousands of connections may be late on a busy machine.
fn status(rig: &Rig) -> serde_json::Value {
    let status = (0..10).find_map(|_| rig.edge_status().ok());
    status.expect("the edge answers")
}
