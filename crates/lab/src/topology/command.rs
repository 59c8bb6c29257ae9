use std::ffi::OsStr;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use netcfg::NetNs;
use rustix::mount::{MountFlags, MountPropagationFlags};
use rustix::thread::UnshareFlags;

/// A command inside `namespace` whose `/sys` shows the interfaces there.
#[expect(
    unsafe_code,
    reason = "only the child itself can leave the mount namespace"
)]
pub(crate) fn command(namespace: &NetNs, program: &OsStr) -> Command {
    let mut command = namespace.command(program);
    // SAFETY: between fork and exec only async-signal-safe code may run. `show_interfaces` makes
    // system calls with constant arguments; it takes no lock and allocates nothing.
    unsafe { command.pre_exec(show_interfaces) };
    command
}

/// `/sys/class/net` shows the network namespace that sysfs was mounted in, so mount it again, for
/// the calling process and its children only.
#[expect(
    unsafe_code,
    reason = "unshare can also split the descriptor table, which is unsound"
)]
fn show_interfaces() -> io::Result<()> {
    // SAFETY: NEWNS leaves the table of file descriptors shared.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNS) }?;
    let private = MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC;
    // What is mounted over /sys would spread to where /sys was shared with. In a chroot, / need not be
    // a mount point; where /sys is none either, it belongs to /.
    rustix::mount::mount_change(c"/sys", private)
        .or_else(|_| rustix::mount::mount_change(c"/", private))?;
    rustix::mount::mount(c"sysfs", c"/sys", c"sysfs", MountFlags::empty(), None)?;
    Ok(())
}
