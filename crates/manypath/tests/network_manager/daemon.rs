//! A NetworkManager of the test's own, in the guest of a lab.
//!
//! It has its own `/run`, `/etc/NetworkManager` and system bus, so that it meets no other one. It sees
//! `/sys` read-only, which tells it that there is no udev to wait for.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use lab::rig::Process;
use lab::topology::{Lab, Node};
use tempfile::TempDir;

/// The program under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_manypath");

/// How long anything may take: DHCP, router advertisements and duplicate address detection are a few
/// seconds.
const LIMIT: Duration = Duration::from_secs(30);

/// A running NetworkManager. `bus` holds the mount namespace.
pub struct NetworkManager {
    // In this order: the bus last.
    _daemon: Process,
    bus: Process,
    folder: TempDir,
}

impl NetworkManager {
    /// Starts it and waits until it has connected both uplinks.
    pub fn start(lab: &Lab) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        write_files(&folder);
        let script = folder.path().join("bus.sh");
        let mut command = lab.command(Node::Guest, "sh");
        command.arg("-e").arg(script).arg(folder.path());
        let bus = start("dbus-daemon", command, &folder);
        wait_for("the bus listens", || {
            let socket = format!("/proc/{}/root{SOCKET}", bus.id());
            fs::exists(socket).unwrap_or_default()
        });
        let mut command = inside(lab, &bus, "NetworkManager");
        command.arg("--debug");
        let daemon = start("NetworkManager", command, &folder);
        let this = Self {
            _daemon: daemon,
            bus,
            folder,
        };
        wait_for("NetworkManager connects the uplinks", || {
            let ran = inside(lab, &this.bus, "nmcli")
                .args(["-g", "general.state", "device", "show"])
                .output();
            let states = ran.expect("nmcli runs").stdout;
            String::from_utf8_lossy(&states).matches("100 ").count() == 2
        });
        this
    }

    /// Runs nmcli, which must succeed.
    pub fn nmcli(&self, lab: &Lab, arguments: &[&str]) {
        let mut command = inside(lab, &self.bus, "nmcli");
        let output = command.args(arguments).output().expect("nmcli runs");
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }

    /// What edge and hub are to be started by: the edge shares NetworkManager's `/run`.
    pub fn program(&self) -> PathBuf {
        let script = format!(
            "#!/bin/sh -e\n\
             [ \"$1\" = edge ] && exec nsenter --mount --root --target {} {PROGRAM} \"$@\"\n\
             exec {PROGRAM} \"$@\"\n",
            self.bus.id()
        );
        let path = self.folder.path().join("program");
        fs::write(&path, script).expect("a file");
        let rights = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&path, rights).expect("rights");
        path
    }

    /// The edge's drop-in; empty if it isn't there.
    pub fn drop_in(&self) -> String {
        let path = "run/NetworkManager/conf.d/90-manypath.conf";
        fs::read_to_string(format!("/proc/{}/root/{path}", self.bus.id())).unwrap_or_default()
    }
}

/// Polls until it is so.
#[track_caller]
pub fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}: not within {LIMIT:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn start(name: &'static str, command: Command, folder: &TempDir) -> Process {
    let log = folder.path().join(format!("{name}.log"));
    Process::start(name, command, &log).expect("it starts")
}

/// A program that shares the bus's mount namespace, and its root, which in a chroot is another.
fn inside(lab: &Lab, bus: &Process, program: &str) -> Command {
    let mut command = lab.command(Node::Guest, "nsenter");
    let bus = bus.id().to_string();
    command.args(["--mount", "--root", "--target", &bus, program]);
    command
}

const SOCKET: &str = "/run/dbus/system_bus_socket";

/// The lab's links are TAP devices, so their connections are of type tun; all else is as for Ethernet.
fn write_files(folder: &TempDir) {
    for number in [1, 2] {
        let text = format!(
            "[connection]\nid=eth{number}\ntype=tun\ninterface-name=eth{number}\n\
             uuid=4d500000-0000-4000-8000-00000000000{number}\n\
             [tun]\nmode=2\n[ipv4]\nmethod=auto\n[ipv6]\nmethod=auto\n"
        );
        write(folder, &format!("eth{number}.nmconnection"), &text);
    }
    write(folder, "NetworkManager.conf", SETTINGS);
    write(folder, "bus.conf", BUS);
    write(folder, "bus.sh", SCRIPT);
}

fn write(folder: &TempDir, name: &str, text: &str) {
    fs::write(folder.path().join(name), text).expect("a file");
}

/// It must leave the machine's name, name servers and polkit alone.
const SETTINGS: &str = "\
[main]
plugins=keyfile
dhcp=internal
dns=none
rc-manager=unmanaged
hostname-mode=none
auth-polkit=false
no-auto-default=*
[keyfile]
unmanaged-devices=interface-name:eth0;interface-name:lo
[device-uplinks]
match-device=interface-name:eth1,interface-name:eth2
managed=1
";

/// No service folders: nothing else of the machine is started.
const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=/run/dbus/system_bus_socket</listen>
  <policy context="default">
    <allow user="*"/><allow own="*"/><allow send_destination="*"/>
    <allow send_type="*"/><allow receive_type="*"/>
  </policy>
</busconfig>
"#;

/// Runs in a mount namespace of its own. The folder is copied before `/run` is hidden: it may be there.
const SCRIPT: &str = r#"
mount -o remount,bind,ro /sys
for place in /etc/NetworkManager /var/lib/NetworkManager; do mount -t tmpfs tmpfs $place; done
mkdir /etc/NetworkManager/system-connections
install -m 600 "$1"/*.nmconnection /etc/NetworkManager/system-connections
cp "$1/NetworkManager.conf" "$1/bus.conf" /etc/NetworkManager
mount -t tmpfs tmpfs /run
mkdir /run/dbus
exec dbus-daemon --config-file=/etc/NetworkManager/bus.conf --nofork --nopidfile
"#;
