//! A namespace in the VM's place: quick, and with this machine's kernel.

use std::os::fd::{AsFd, AsRawFd};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use lab::topology::{Lab, Node, Uplink, addresses};
use netcfg::NetNs;
use rustix::process::{Pid, Signal, kill_process};

use super::{Linux, Program};
use crate::pc::{CARDS, ip};

/// Everything of its own that the edge writes is gone with it, as with a VM.
const RUN: &str = "mount -t sysfs sysfs /sys; mount -t tmpfs tmpfs /run; mount -t tmpfs tmpfs /var/lib; exec \"$@\"";

pub struct Namespace {
    /// The edge's.
    program: PathBuf,
    here: NetNs,
    /// Where the cards are that are in no VM.
    shelf: NetNs,
    /// The processes that run in it.
    running: Mutex<Vec<Pid>>,
}

impl Namespace {
    /// Takes the lab's uplinks out of the guest.
    pub fn new(lab: &Lab, program: impl Into<PathBuf>) -> Self {
        let new = Self {
            program: program.into(),
            here: lab.namespace(Node::Guest).clone(),
            shelf: NetNs::new().expect("a namespace"),
            running: Mutex::default(),
        };
        for (_, uplink) in CARDS {
            new.unplug(uplink);
        }
        new
    }
}

impl Linux for Namespace {
    fn start(&self, arguments: &[String]) -> Program {
        let mut command: Command = self.here.command("unshare");
        command
            .args(["--mount", "sh", "-ec", RUN, "sh"])
            .arg(&self.program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the edge starts");
        let mut running = self.running.lock().expect("no panic");
        running.push(Pid::from_child(&child));
        Program {
            stdin: Box::new(child.stdin.take().expect("piped")),
            stdout: Box::new(child.stdout.take().expect("piped")),
            stderr: Box::new(child.stderr.take().expect("piped")),
            end: Box::new(move || child.wait().expect("it ends").code().unwrap_or(137)),
        }
    }

    fn runs(&self) -> bool {
        true
    }

    fn plug_in(&self, uplink: Uplink, mac: &str) {
        move_card(&self.shelf, &self.here, uplink);
        let card = addresses::uplink_interface(uplink).to_string();
        ip(&self.here, &["link", "set", &card, "address", mac]);
        ip(&self.here, &["link", "set", &card, "up"]);
    }

    fn unplug(&self, uplink: Uplink) {
        move_card(&self.here, &self.shelf, uplink);
    }

    fn kill(&self) {
        for id in self.running.lock().expect("no panic").drain(..) {
            // It may have ended.
            let _ = kill_process(id, Signal::KILL);
        }
    }

    fn halt(&self) {
        self.kill();
        for table in [
            "nft flush ruleset",
            "ip rule flush; ip rule add pref 32766 lookup main",
        ] {
            let status = self.here.command("sh").args(["-c", table]).status();
            assert!(status.expect("a shell").success());
        }
        ip(&self.here, &["mptcp", "endpoint", "flush"]);
    }
}

fn move_card(from: &NetNs, to: &NetNs, uplink: Uplink) {
    let place = format!("/proc/{}/fd/{}", std::process::id(), to.as_fd().as_raw_fd());
    let card = addresses::uplink_interface(uplink).to_string();
    ip(from, &["link", "set", &card, "netns", &place]);
}
