//! Names for edge or hub, in an `/etc/hosts` that nobody else sees.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use tempfile::TempDir;

use super::PROGRAM;

/// Stands in for the program: gives it its own `/etc/hosts`, and a name server that answers nothing.
pub struct Names(TempDir);

impl Names {
    /// `hosts` is for the subcommand `role`, which is `edge` or `hub`; the other one knows no names.
    pub fn new(role: &str, hosts: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        fs::write(path("hosts"), format!("127.0.0.1 localhost\n{hosts}")).expect("a file");
        fs::write(path("none"), "127.0.0.1 localhost\n").expect("a file");
        // Nobody listens there, so unknown names fail at once.
        fs::write(path("resolv.conf"), "nameserver 127.0.0.1\n").expect("a file");
        let script = format!(
            "#!/bin/sh -e\n\
             cd {}\n\
             mount --bind resolv.conf /etc/resolv.conf\n\
             if [ \"$1\" = {role} ]; then mount --bind hosts /etc/hosts; else mount --bind none /etc/hosts; fi\n\
             exec {PROGRAM} \"$@\"\n",
            folder.path().display()
        );
        fs::write(path("program"), script).expect("a file");
        let rights = fs::Permissions::from_mode(0o755);
        fs::set_permissions(path("program"), rights).expect("rights");
        Self(folder)
    }

    /// What to run instead of the program.
    pub fn program(&self) -> PathBuf {
        self.0.path().join("program")
    }
}
