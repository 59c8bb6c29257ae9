//! What a Linux has before anything runs on it.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::Context;
use ipnet::IpNet;
use netcfg::{Address, InterfaceIndex, InterfaceName, Netlink};
use rustix::mount::{MountFlags, mount, mount_remount};
use rustix::system::{RebootCommand, finit_module, reboot};
use rustix::time::{ClockId, clock_gettime, clock_settime};

/// The kernel's modules, in the order in which they are loaded.
const MODULES: &str = "/modules";

/// `MODULE_INIT_COMPRESSED_FILE` (Linux 5.17).
const COMPRESSED: i32 = 4;

/// What can be written: the rest of the root file system can't.
const WRITABLE: [&str; 3] = ["/run", "/tmp", "/var/lib"];

pub fn mount_all() -> anyhow::Result<()> {
    for (kind, place) in [("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev")] {
        mount_at(kind, place)?;
    }
    for place in WRITABLE {
        mount_at("tmpfs", place)?;
    }
    write_resolv_conf()?;
    mount_remount("/", MountFlags::RDONLY, c"").context("cannot make / read-only")
}

/// As WSL does it where `generateResolvConf` is true.
fn write_resolv_conf() -> anyhow::Result<()> {
    let server = env::var("NAME_SERVER").context("NAME_SERVER is not on the command line")?;
    let text = format!("nameserver {server}\n");
    fs::write("/etc/resolv.conf", text).context("cannot write /etc/resolv.conf")
}

fn mount_at(kind: &str, place: &str) -> anyhow::Result<()> {
    fs::create_dir_all(place).with_context(|| format!("cannot make {place}"))?;
    mount(kind, place, kind, MountFlags::empty(), None)
        .with_context(|| format!("cannot mount {kind} at {place}"))
}

pub fn load_modules() -> anyhow::Result<()> {
    let files = fs::read_dir(MODULES).with_context(|| format!("cannot read {MODULES}"))?;
    let mut files: Vec<PathBuf> = files.flatten().map(|file| file.path()).collect();
    files.sort();
    for file in files {
        load(&file).with_context(|| format!("cannot load {}", file.display()))?;
    }
    Ok(())
}

fn load(file: &Path) -> anyhow::Result<()> {
    let is_plain = file.extension().is_some_and(|it| it == "ko");
    let flags = if is_plain { 0 } else { COMPRESSED };
    Ok(finit_module(File::open(file)?, c"", flags)?)
}

/// Loopback, and the interface that WSL has set up when a distribution starts.
pub fn connect_to_host() -> anyhow::Result<()> {
    let net = env::var("HOST_LINK").context("HOST_LINK is not on the kernel's command line")?;
    let net: IpNet = net.parse().context("HOST_LINK is no address")?;
    let name = InterfaceName::new("eth0")?;
    let connect = async {
        let netlink = Netlink::new()?;
        netlink.set_link_up(InterfaceIndex::LOOPBACK).await?;
        let link = netlink.link(&name).await?.context("there is no eth0")?;
        netlink.set_link_up(link.index).await?;
        let _ = netlink.add_address(&Address::new(link.index, net)).await?;
        anyhow::Ok(())
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime
        .block_on(connect)
        .context("cannot set up the interface towards the host")
}

/// The wall clock, and no other.
pub fn set_clock_ahead(seconds: i64) -> anyhow::Result<()> {
    let mut time = clock_gettime(ClockId::Realtime);
    time.tv_sec += seconds;
    Ok(clock_settime(ClockId::Realtime, time)?)
}

/// The first program must not end. The host lets no VM start again.
pub fn end() -> ! {
    rustix::fs::sync();
    let refused = reboot(RebootCommand::Restart);
    panic!("the kernel does not restart: {refused:?}");
}
