//! NetworkManager's part of it: its own MPTCP endpoints (since 1.40) are switched off by a drop-in.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// Where NetworkManager reads drop-ins that are gone after a reboot (NetworkManager.conf(5)).
pub(crate) const DROP_IN: &str = "/run/NetworkManager/conf.d/90-manypath.conf";

/// The drop-in's text; empty if it isn't there, `None` where there is no NetworkManager.
pub(crate) fn told() -> Option<String> {
    let drop_in = Path::new(DROP_IN);
    let folder = drop_in.parent()?.parent()?;
    folder
        .exists()
        .then(|| fs::read_to_string(drop_in).unwrap_or_default())
}

/// Writes the drop-in, or removes it if there is nothing to tell, and has NetworkManager read it.
///
/// Connections that are up keep the endpoints that NetworkManager has given them; at their next
/// activation they get none. Not running is fine: it reads the drop-in when it starts.
pub(crate) fn tell(text: &str) -> io::Result<()> {
    let path = Path::new(DROP_IN);
    if text.is_empty() {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    } else {
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::write(path, text)?;
    }
    reload()
}

/// SIGHUP makes NetworkManager read its settings again (NetworkManager(8)). It writes a pid file only
/// when it runs as a daemon of the old kind, which under systemd it does not, so it is looked for.
fn reload() -> io::Result<()> {
    let own = fs::read_link("/proc/self/ns/net")?;
    for entry in fs::read_dir("/proc")?.flatten() {
        let pid = entry.file_name().to_str().and_then(|it| it.parse().ok());
        let Some(pid) = pid.and_then(Pid::from_raw) else {
            continue;
        };
        // Opened before it is looked at: the number can't come to mean another process.
        let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else {
            continue;
        };
        let process = entry.path();
        let is_it = fs::read_to_string(process.join("comm")).is_ok_and(|it| it.trim_end() == NAME)
            && fs::metadata(&process).is_ok_and(|it| it.uid() == 0)
            // As a service without CAP_SYS_PTRACE we may not see it. Then a machine has one
            // NetworkManager, and one too many would only read its settings again.
            && fs::read_link(process.join("ns/net")).map_or(true, |it| it == own)
            && catches_hangup(&process);
        if is_it {
            // Gone in the meantime: as if it did not run.
            let _ = pidfd_send_signal(handle, Signal::HUP);
        }
    }
    Ok(())
}

/// One that starts just now does not yet, and would die of the signal. It reads the drop-in anyway.
fn catches_hangup(process: &Path) -> bool {
    let status = fs::read_to_string(process.join("status")).unwrap_or_default();
    let caught = status.lines().find_map(|it| it.strip_prefix("SigCgt:"));
    caught
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        // Signal 1 is bit 0 (proc_pid_status(5)).
        .is_some_and(|mask| mask & 1 == 1)
}

const NAME: &str = "NetworkManager";
