//! Programs that many use, on the Windows side, and what they say.

use std::net::IpAddr;
use std::process::Stdio;

use lab::rig::{Process, Rig};
use lab::topology::{Lab, Node};
use serde_json::Value;
use tempfile::TempDir;

use super::{eventually, output, run};

/// Whether all of three echo requests come back to `ping`.
pub fn ping(rig: &Rig, to: IpAddr) -> bool {
    let to = to.to_string();
    let arguments = ["-n", "-c", "3", "-i", "0.2", "-W", "2", &to];
    let said = run(rig.lab(), Node::Windows, "ping", &arguments).text();
    said.contains(" 3 received")
}

/// Whom `traceroute` finds on the way, up to the end of it; "*" is one who says nothing. `how` are more of its
/// options.
pub fn traceroute(rig: &Rig, to: IpAddr, how: &[&str]) -> Vec<String> {
    let to = to.to_string();
    // One probe at a time: a router says only so much to one host at once.
    let mut arguments = vec!["-n", "-q", "1", "-N", "1", "-w", "2", "-m", "8"];
    arguments.extend(how);
    arguments.push(&to);
    let said = output(rig, Node::Windows, "traceroute", &arguments);
    // Below a heading: " 1  172.22.0.1  0.045 ms".
    let hops = said.lines().skip(1);
    hops.filter_map(|line| line.split_whitespace().nth(1).map(str::to_owned))
        .collect()
}

/// chrony as the origin's time server, until dropped. It tells this machine's time, and sets nothing.
pub struct TimeServer {
    // In this order: it ends before its folder goes.
    _process: Process,
    _folder: TempDir,
}

impl TimeServer {
    pub fn start(lab: &Lab) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = lab.command(Node::Origin, "chronyd");
        command
            .args(["-d", "-x", "-u", "root", "local stratum 1", "allow"])
            .args(["cmdport 0", "bindcmdaddress /"])
            .arg(format!("pidfile {}/pid", folder.path().display()));
        let log = folder.path().join("log");
        let process = Process::start("chronyd", command, &log).expect("chronyd starts");
        eventually("chronyd listens", || {
            assert!(!process.has_ended(), "{}", process.log_tail());
            let listening = run(lab, Node::Origin, "ss", &["-Hlun", "sport = :123"]);
            (!listening.text().is_empty()).then_some(())
        });
        Self {
            _process: process,
            _folder: folder,
        }
    }
}

/// By how many seconds this machine's clock is wrong, as chrony's client hears from `server`. It sets nothing.
pub fn clock_error(rig: &Rig, server: IpAddr) -> f64 {
    let server = format!("server {server} iburst maxsamples 1");
    let arguments = ["-Q", "-t", "10", "-u", "root", &server];
    let ran = run(rig.lab(), Node::Windows, "chronyd", &arguments);
    let said = ran.text() + &ran.err;
    let (_, after) = said.split_once("clock wrong by ").expect(&said);
    let seconds = after.split_whitespace().next();
    seconds.and_then(|it| it.parse().ok()).expect(&said)
}

/// What iperf3 has measured of datagrams in one direction: bits per second that arrived, and the share that did
/// not, in percent. `how` are more of its options.
pub fn iperf3(rig: &Rig, to: IpAddr, how: &[&str]) -> (f64, f64) {
    let mut server = rig.lab().command(Node::Origin, "iperf3");
    let mut server = server
        .args(["-s", "-1"])
        .stdout(Stdio::null())
        .spawn()
        .expect("iperf3 starts");
    eventually("iperf3 listens", || {
        let listening = run(rig.lab(), Node::Origin, "ss", &["-Hltn", "sport = :5201"]);
        (!listening.text().is_empty()).then_some(())
    });
    let to = to.to_string();
    let mut arguments = vec![
        "-u", "-c", &to, "-b", "5M", "-t", "1", "-l", "1200", "--json",
    ];
    arguments.extend(how);
    let ran = run(rig.lab(), Node::Windows, "iperf3", &arguments);
    let _ = server.wait();
    let report: Value = serde_json::from_str(&ran.ok()).expect("JSON");
    let sum = &report["end"]["sum"];
    println!("iperf3 to {to} {how:?}: {sum}");
    let number = |key: &str| sum[key].as_f64().expect("a number");
    (number("bits_per_second"), number("lost_percent"))
}
