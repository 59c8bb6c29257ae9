//! Programs of Windows, on the PC.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use lab::topology::{Lab, Node};
use tempfile::TempDir;

/// In seconds. A program under Wine that takes longer stands still.
const LIMIT: &str = "60";

/// Wine with a drive of its own.
pub struct Wine {
    prefix: TempDir,
    /// When the last program of a user ends, Wine ends its services, too.
    keeper: Option<Child>,
}

impl Wine {
    /// Its drive is there; it does not run yet.
    pub fn copy() -> Self {
        let prefix = tempfile::tempdir().expect("a folder");
        let from = std::env::var("WINEPREFIX").expect("WINEPREFIX: ./test windows sets it");
        let copied = Command::new("cp")
            .args(["-a", "--reflink=auto", "--"])
            .arg(format!("{from}/."))
            .arg(prefix.path())
            .status();
        assert!(copied.expect("cp is there").success());
        Self {
            prefix,
            keeper: None,
        }
    }

    /// Starts Windows, with the services that start by themselves.
    pub fn start(&mut self, lab: &Lab) {
        // What goes on in the background must not hold a pipe that somebody waits for.
        let mut server = lab.command(Node::Windows, "wineserver");
        server.env("WINEPREFIX", self.prefix()).arg("-p");
        assert!(
            quiet(&mut server)
                .status()
                .expect("wine is there")
                .success()
        );
        let mut boot = self.command(lab, "wineboot");
        assert!(quiet(&mut boot).status().expect("wine is there").success());
        let mut keeper = self.command(lab, "ping");
        keeper.args(["-n", "100000", "127.0.0.1"]);
        self.keeper = Some(quiet(&mut keeper).spawn().expect("wine is there"));
    }

    /// A program of Windows.
    pub fn command(&self, lab: &Lab, program: &str) -> Command {
        let mut command = lab.command(Node::Windows, "wine");
        command.env("WINEPREFIX", self.prefix.path()).arg(program);
        command
    }

    /// Runs a program, for so long.
    pub fn run(&self, lab: &Lab, program: &str, arguments: &[&str]) -> Output {
        let mut command = lab.command(Node::Windows, "timeout");
        let output = command
            .env("WINEPREFIX", self.prefix.path())
            .args([LIMIT, "wine", program])
            .args(arguments)
            .stdin(Stdio::null())
            .output();
        output.expect("wine is there")
    }

    /// A file of drive C:.
    pub fn file(&self, name: &str) -> PathBuf {
        self.prefix.path().join("drive_c").join(name)
    }

    /// Writes a value of the registry.
    pub fn register(&self, lab: &Lab, key: &str, value: &str, text: &str) {
        let output = self.run(lab, "reg", &["add", key, "/v", value, "/d", text, "/f"]);
        assert!(output.status.success(), "{output:?}");
    }

    /// Has Windows trust whoever has this certificate (a file in DER), for the user.
    pub fn trust(&self, lab: &Lab, authority: &Path) {
        let certificate = std::fs::read(authority).expect("a certificate");
        // Properties with their lengths; this is the certificate itself (`CERT_CERT_PROP_ID`).
        let length = u32::try_from(certificate.len()).expect("it is short");
        let head = [32_u32, 1, length].map(u32::to_le_bytes).concat();
        let hex = |bytes: &[u8]| -> String {
            let digits = bytes.iter().map(|byte| format!("{byte:02X}"));
            digits.collect()
        };
        let mut sum = Command::new("sha1sum");
        let sum = sum.arg(authority).output().expect("sha1sum is there");
        let name = String::from_utf8_lossy(&sum.stdout[..40]).to_uppercase();
        let key = format!(r"HKCU\Software\Microsoft\SystemCertificates\Root\Certificates\{name}");
        let value = hex(&head) + &hex(&certificate);
        let command = [
            "add",
            &key,
            "/v",
            "Blob",
            "/t",
            "REG_BINARY",
            "/d",
            &value,
            "/f",
        ];
        let output = self.run(lab, "reg", &command);
        assert!(output.status.success(), "{output:?}");
    }

    /// All that there is in a key.
    pub fn registry(&self, lab: &Lab, key: &str) -> String {
        let output = self.run(lab, "reg", &["query", key, "/s"]);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    pub fn prefix(&self) -> &Path {
        self.prefix.path()
    }

    /// Ends all of it.
    pub fn down(&mut self, lab: &Lab) {
        let mut server = lab.command(Node::Windows, "wineserver");
        let ended = server.env("WINEPREFIX", self.prefix()).arg("-k").status();
        assert!(ended.expect("wineserver is there").success());
        if let Some(mut keeper) = self.keeper.take() {
            let _ = keeper.wait();
        }
    }
}

fn quiet(command: &mut Command) -> &mut Command {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
}
