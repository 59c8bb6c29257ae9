//! The virtual switches: a bridge for each card of the VM's.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use netcfg::{NetNs, Sysctl};

use super::VmError;
use crate::topology::{Lab, Node, Uplink, command_in};

/// What the guest's namespace of a lab becomes: a room of virtual switches, as Windows has them. They outlive VMs.
#[derive(Clone, Debug)]
pub struct Switches {
    namespace: NetNs,
}

/// QEMU's end of a card.
pub(super) fn tap(number: u8) -> String {
    format!("vm{number}")
}

impl Switches {
    /// Makes them, once in a lab. The namespace's interfaces are ports from now on and speak for nobody: their
    /// addresses are those of VMs.
    ///
    /// # Errors
    /// [`VmError::Switch`].
    pub fn make(lab: &Lab) -> Result<Self, VmError> {
        let namespace = lab.namespace(Node::Guest).clone();
        make(&namespace, lab.uplinks())?;
        Ok(Self { namespace })
    }

    /// A program that is between them.
    pub(super) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        command_in(&self.namespace, program.as_ref())
    }

    /// Joins QEMU's end of a card with what it is a card of.
    pub(super) fn join(&self, number: u8) -> Result<(), VmError> {
        let (tap, switch) = (tap(number), switch(number));
        let script = format!("link set {tap} master {switch} up\n");
        ip(&self.namespace, &script)
    }
}

fn make(namespace: &NetNs, uplinks: impl Iterator<Item = Uplink>) -> Result<(), VmError> {
    let silence = || {
        ["all", "default"].iter().try_for_each(|interface| {
            Sysctl::new(&format!("net.ipv6.conf.{interface}.disable_ipv6"))?.write("1")
        })
    };
    let silenced = namespace.try_run(silence);
    silenced
        .map_err(|error| VmError::Switch(error.to_string()))?
        .map_err(|error| VmError::Switch(error.to_string()))?;
    let mut script = "addr flush dev eth0\n".to_owned();
    for number in std::iter::once(0).chain(uplinks.map(Uplink::number)) {
        let switch = switch(number);
        // Without snooping, router advertisements reach a card that has just come.
        let _ = writeln!(script, "link add {switch} type bridge mcast_snooping 0");
        let _ = writeln!(script, "link set eth{number} master {switch} up");
        let _ = writeln!(script, "link set {switch} up");
    }
    ip(namespace, &script)
}

fn switch(number: u8) -> String {
    format!("switch{number}")
}

fn ip(namespace: &NetNs, script: &str) -> Result<(), VmError> {
    let run = || -> std::io::Result<Output> {
        let mut ip = namespace
            .command("ip")
            .args(["-batch", "-"])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        if let Some(mut stdin) = ip.stdin.take() {
            stdin.write_all(script.as_bytes())?;
        }
        ip.wait_with_output()
    };
    let output = run().map_err(|error| VmError::Switch(format!("cannot run ip: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    Err(VmError::Switch(
        String::from_utf8_lossy(&output.stderr).into_owned(),
    ))
}
