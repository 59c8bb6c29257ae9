//! A machine of a test's own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_manypath");

/// A machine with its own /etc, /usr/local, /var/lib and /run, processes and network. Everything ends with
/// this value.
pub struct Machine {
    init: Child,
    id: String,
    folder: TempDir,
}

/// What a command said, and whether it succeeded.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Machine {
    /// A machine that systemd runs, as far as one can see.
    pub fn with_systemd() -> Self {
        let machine = Self::without_systemd();
        machine.shell("mkdir -p /run/systemd/system");
        machine
    }

    pub fn without_systemd() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let script = format!(
            "cd {}\n\
             mkdir local lib run bin\n\
             cp -a /etc etc\n\
             mount --bind etc /etc; mount --bind local /usr/local\n\
             mount --bind lib /var/lib; mount --bind run /run\n\
             ip link set lo up\n\
             echo ready\n\
             # Waits for those who have lost their parents, too.\n\
             sleep infinity & wait",
            folder.path().display()
        );
        let everyone = fs::Permissions::from_mode(0o755);
        fs::set_permissions(folder.path(), everyone).expect("rights");
        // Also when the test is killed.
        let mut init = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "unshare"])
            .args(["--mount", "--net", "--pid", "--fork", "--kill-child"])
            .args(["--mount-proc", "sh", "-euc", &script])
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare");
        let mut line = String::new();
        let output = init.stdout.take().expect("it is piped");
        BufReader::new(output).read_line(&mut line).expect("a line");
        assert_eq!(line, "ready\n", "namespaces need root");
        let children = format!("/proc/{0}/task/{0}/children", init.id());
        let id = fs::read_to_string(children).expect("a process");
        let machine = Self {
            init,
            id: id.trim().to_owned(),
            folder,
        };
        machine.add_program("systemctl", include_str!("systemctl.sh"));
        machine
    }

    /// Puts a program first on the path.
    pub fn add_program(&self, name: &str, text: &str) {
        let path = self.folder.path().join("bin").join(name);
        fs::write(&path, text).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("rights");
    }

    /// Runs a program inside.
    pub fn run(&self, program: impl AsRef<Path>, arguments: &[&str]) -> Said {
        let bin = self.folder.path().join("bin");
        let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", bin.display());
        let output = Command::new("timeout")
            .args([
                "60", "nsenter", "--target", &self.id, "--mount", "--net", "--pid", "--",
            ])
            .arg(program.as_ref())
            .args(arguments)
            .env("PATH", path)
            .env("STATE", self.folder.path())
            .stdin(Stdio::null())
            .output();
        Said::from(output.expect("nsenter"))
    }

    /// Runs the program under test inside.
    pub fn manypath(&self, arguments: &[&str]) -> Said {
        self.run(PROGRAM, arguments)
    }

    /// What a shell's words print, which have to succeed.
    pub fn shell(&self, script: &str) -> String {
        let said = self.run("/bin/sh", &["-euc", script]);
        assert_eq!(said.code, 0, "{script}: {said:?}");
        said.out
    }

    /// Where a file in one of the machine's own folders is, seen from outside.
    pub fn outside(&self, inside: &str) -> PathBuf {
        for (there, here) in [
            ("/etc/", "etc"),
            ("/usr/local/", "local"),
            ("/var/lib/", "lib"),
            ("/run/", "run"),
        ] {
            if let Some(rest) = inside.strip_prefix(there) {
                return self.folder.path().join(here).join(rest);
            }
        }
        panic!("{inside} is not the machine's own")
    }

    pub fn exists(&self, inside: &str) -> bool {
        self.outside(inside).symlink_metadata().is_ok()
    }

    /// What the service has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// What was asked of `systemctl` since the last time, without questions.
    pub fn asked(&self) -> Vec<String> {
        let path = self.folder.path().join("calls");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let _ = fs::remove_file(path);
        let calls = text.lines().filter(|call| !call.starts_with("show "));
        calls.map(str::to_owned).collect()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // The first process takes all others of its namespace along.
        let _ = self.init.kill();
        let _ = self.init.wait();
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}
