//! A virtual machine in the place of the lab's guest: a kernel of its own, the image that is shipped, and network
//! cards that are plugged in and pulled out while it runs, as WSL's VM has them.
//!
//! QEMU runs in the guest's namespace, which becomes what virtual switches are on Windows: a bridge joins each of
//! the lab's interfaces there (`eth0` towards Windows, `eth1`… the emulated links) with a card of the VM's. The edge
//! in the VM has the pipes of [`Vm::take_stdin`] and [`Vm::stdout`], as one that `wsl.exe` runs has them.
//!
//! QEMU emulates the processor, so this works on machines that are virtual themselves; it is slow.

mod error;
mod initramfs;
mod modules;
mod qmp;
mod report;
mod switches;

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use netcfg::MacAddress;
use serde_json::json;
use tempfile::TempDir;

use crate::rig::Process;
use crate::topology::{Uplink, addresses};
use qmp::Qmp;

pub use error::VmError;
pub use switches::Switches;

const QEMU: &str = "qemu-system-x86_64";

/// All that QEMU can emulate but CMPXCHG16B: QEMU 7.2 garbles the flags after it, and Linux 6.12 uses it for
/// each piece of memory that it allocates.
const CPU: &str = "max,cx16=off";

/// Linux trusts the timer. It would give up at its start when that seems to stand still (`check_timer`), as it does
/// where QEMU waits for its turn among other programs.
const TIMER: &str = "no_timer_check";

/// Memory of the VM, in MiB.
const MEMORY: u32 = 256;

/// How long QEMU may take to answer, and a card to be let go by the VM's kernel.
const ANSWER: Duration = Duration::from_secs(20);
/// Between two looks where there is no event.
const POLL: Duration = Duration::from_millis(20);

/// What a VM is made from.
#[derive(Clone, Debug)]
pub struct VmSpec {
    /// An unpacked kernel package: `boot/vmlinuz-…` and `lib/modules/…` with its `modules.dep`. Or a file: a kernel
    /// that has all of it built in.
    pub kernel: PathBuf,
    /// The image that `cargo xtask guest` makes.
    pub image: PathBuf,
    /// The stand-in for WSL's init (`fakes/init`), linked statically.
    pub init: PathBuf,
}

/// A running VM. Dropping it is pulling its plug.
#[derive(Debug)]
pub struct Vm {
    qemu: Process,
    qmp: Qmp,
    stdin: Option<UnixStream>,
    stdout: UnixStream,
    orders: UnixStream,
    switches: Switches,
    folder: TempDir,
}

impl Vm {
    /// Starts it with one card, towards Windows. Comes back before the VM has started. There is one at a time.
    ///
    /// # Errors
    /// See [`VmError`].
    pub fn boot(switches: &Switches, spec: &VmSpec) -> Result<Self, VmError> {
        let folder = tempfile::Builder::new().prefix("manypath-vm-").tempdir();
        let folder = folder.map_err(VmError::Folder)?;
        let initramfs = folder.path().join("initramfs");
        initramfs::write(spec, &initramfs)?;
        let mut command = switches.command(QEMU);
        command
            .current_dir(folder.path())
            .args(arguments(&modules::vmlinuz(&spec.kernel)?, &initramfs));
        let log = folder.path().join("qemu.log");
        let qemu = Process::start("VM", command, &log)?;
        let socket = |name: &str| connect(&qemu, &folder.path().join(name));
        let qmp = Qmp::new(socket("qmp")?)?;
        let (stdin, stdout) = (Some(socket("stdin")?), socket("stdout")?);
        let orders = socket("orders")?;
        switches.join(0)?;
        Ok(Self {
            qemu,
            qmp,
            stdin,
            stdout,
            orders,
            switches: switches.clone(),
            folder,
        })
    }

    /// The edge's standard input, which ends when this is dropped; `None` once it was taken.
    pub fn take_stdin(&mut self) -> Option<UnixStream> {
        self.stdin.take()
    }

    /// The edge's standard output.
    #[must_use]
    pub fn stdout(&self) -> &UnixStream {
        &self.stdout
    }

    /// Plugs in the card of an uplink, with this MAC address.
    ///
    /// # Errors
    /// [`VmError::Qmp`], [`VmError::Switch`].
    pub fn plug(&mut self, uplink: Uplink, mac: MacAddress) -> Result<(), VmError> {
        let number = uplink.number();
        let mut tap = tap(number);
        tap["type"] = json!("tap");
        self.qmp.execute("netdev_add", &tap)?;
        self.switches.join(number)?;
        self.qmp.execute("device_add", &card(number, mac))?;
        Ok(())
    }

    /// Takes the card of an uplink out, and waits until the VM's kernel has let it go.
    ///
    /// # Errors
    /// [`VmError::Qmp`].
    pub fn unplug(&mut self, uplink: Uplink) -> Result<(), VmError> {
        let number = uplink.number();
        let id = card_id(number);
        self.qmp.execute("device_del", &json!({ "id": id }))?;
        self.qmp
            .wait("DEVICE_DELETED", |data| data["device"] == id)?;
        self.qmp
            .execute("netdev_del", &json!({ "id": net_id(number) }))?;
        Ok(())
    }

    /// The PC has slept for so long, and the VM with it: its wall clock is set ahead, its other clocks know nothing
    /// of it. Whole seconds.
    ///
    /// # Errors
    /// [`VmError::Order`].
    pub fn sleep(&mut self, time: Duration) -> Result<(), VmError> {
        writeln!(self.orders, "{}", time.as_secs()).map_err(VmError::Order)
    }

    /// A MAC address for an uplink's card: 02:4d:50:00:01:01 and so on.
    #[must_use]
    pub const fn mac(uplink: Uplink) -> MacAddress {
        mac(uplink.number())
    }

    /// How much memory the edge has, in KiB; `None` before it has started.
    #[must_use]
    pub fn resident(&self) -> Option<u64> {
        report::last(&self.report(), "resident")
    }

    /// Waits for the VM's end. Returns the edge's exit code.
    ///
    /// # Errors
    /// [`VmError::End`] when it does not end in time, or not because the edge did.
    pub fn wait(self, limit: Duration) -> Result<u64, VmError> {
        let deadline = Instant::now() + limit;
        while !self.qemu.has_ended() {
            if Instant::now() > deadline {
                return Err(VmError::End { log: self.logs() });
            }
            thread::sleep(POLL);
        }
        report::last(&self.report(), "ended").ok_or_else(|| VmError::End { log: self.logs() })
    }

    /// The edge's log, with the end of the kernel's.
    #[must_use]
    pub fn logs(&self) -> String {
        let read = |name| std::fs::read(self.folder.path().join(name)).unwrap_or_default();
        let text = |name| String::from_utf8_lossy(&read(name)).into_owned();
        let console = text("console");
        let lines: Vec<&str> = console.lines().collect();
        let end = lines[lines.len().saturating_sub(20)..].join("\n");
        format!(
            "{}\nthe VM's console:\n{end}\n{}",
            text("stderr"),
            self.qemu.log_tail()
        )
    }

    fn report(&self) -> PathBuf {
        self.folder.path().join("report")
    }
}

/// QEMU's arguments. It runs in the folder that sockets and logs are in.
fn arguments(kernel: &Path, initramfs: &Path) -> Vec<String> {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let mut arguments: Vec<String> = [
        "-accel",
        "tcg",
        "-cpu",
        CPU,
        "-nodefaults",
        "-no-user-config",
        "-no-reboot",
        "-display",
        "none",
        "-m",
        &MEMORY.to_string(),
        "-kernel",
        &text(kernel),
        "-initrd",
        &text(initramfs),
        "-append",
        &format!(
            "console=ttyS0 quiet panic=-1 {TIMER} HOST_LINK={} NAME_SERVER={}",
            addresses::GUEST.v4,
            addresses::WINDOWS.ipv4(),
        ),
        "-qmp",
        "unix:qmp,server=on,wait=off",
        "-chardev",
        "file,id=console,path=console",
        "-serial",
        "chardev:console",
        "-device",
        "virtio-serial-pci",
    ]
    .map(str::to_owned)
    .into();
    for (name, how) in [
        ("stdin", "socket,server=on,wait=off,"),
        ("stdout", "socket,server=on,wait=off,"),
        ("orders", "socket,server=on,wait=off,"),
        ("stderr", "file,"),
        ("report", "file,"),
    ] {
        let chardev = format!("{how}id={name},path={name}");
        let port = format!("virtserialport,chardev={name},name={name}");
        arguments.extend(["-chardev".to_owned(), chardev, "-device".to_owned(), port]);
    }
    let netdev = tap(0);
    let netdev = ["id", "ifname", "script", "downscript"].map(|key| option(&netdev, key));
    let device = card(0, mac(0));
    let device = ["id", "netdev", "mac", "romfile"].map(|key| option(&device, key));
    let netdev = format!("tap,{}", netdev.join(","));
    let device = format!("virtio-net-pci,{}", device.join(","));
    arguments.extend(["-netdev".to_owned(), netdev, "-device".to_owned(), device]);
    arguments
}

fn option(options: &serde_json::Value, key: &str) -> String {
    format!("{key}={}", options[key].as_str().unwrap_or_default())
}

/// The host's end of a card.
fn tap(number: u8) -> serde_json::Value {
    let (id, name) = (net_id(number), switches::tap(number));
    json!({ "id": id, "ifname": name, "script": "no", "downscript": "no" })
}

/// The VM's end. It is not to be booted from.
fn card(number: u8, mac: MacAddress) -> serde_json::Value {
    json!({
        "driver": "virtio-net-pci",
        "id": card_id(number),
        "netdev": net_id(number),
        "mac": mac.to_string(),
        "romfile": "",
    })
}

fn card_id(number: u8) -> String {
    format!("card{number}")
}

fn net_id(number: u8) -> String {
    format!("net{number}")
}

const fn mac(number: u8) -> MacAddress {
    MacAddress([0x02, 0x4d, 0x50, 0, 1, number])
}

/// QEMU makes its sockets when it starts.
fn connect(qemu: &Process, socket: &Path) -> Result<UnixStream, VmError> {
    let deadline = Instant::now() + ANSWER;
    loop {
        match UnixStream::connect(socket) {
            Ok(stream) => return Ok(stream),
            Err(source) if qemu.has_ended() || Instant::now() > deadline => {
                let log = qemu.log_tail();
                return Err(VmError::Start { source, log });
            }
            Err(_) => thread::sleep(POLL),
        }
    }
}
