//! Programs that run on a node of the lab.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use lab::topology::{Lab, Node};

/// No program may hang a test: `timeout` ends it, with this many seconds.
const SECONDS: &str = "15";

/// How a program ended.
#[derive(Debug)]
pub struct Ran {
    /// Exit code; -1 after a signal.
    pub code: i32,
    pub out: Vec<u8>,
    pub err: String,
}

impl Ran {
    /// Standard output of a program that must have succeeded.
    #[track_caller]
    pub fn ok(self) -> String {
        String::from_utf8(self.ok_bytes()).expect("text")
    }

    /// The same as bytes.
    #[track_caller]
    pub fn ok_bytes(self) -> Vec<u8> {
        let out = String::from_utf8_lossy(&self.out);
        let shown: String = out.chars().take(2000).collect();
        assert_eq!(self.code, 0, "{shown}\n{}", self.err);
        self.out
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.out).into_owned()
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: output.stdout,
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// A program on a node, with an end to its time.
pub fn command(lab: &Lab, node: Node, program: &str, arguments: &[&str]) -> Command {
    let mut command = lab.command(node, "timeout");
    command.args(["-k", "1", SECONDS, program]).args(arguments);
    command
}

/// Runs a program to its end.
pub fn run(lab: &Lab, node: Node, program: &str, arguments: &[&str]) -> Ran {
    run_with(command(lab, node, program, arguments), b"")
}

/// Runs a shell script to its end.
pub fn shell(lab: &Lab, node: Node, script: &str) -> Ran {
    run(lab, node, "sh", &["-euc", script])
}

/// Runs a command to its end, with `input` on its standard input.
pub fn run_with(mut command: Command, input: &[u8]) -> Ran {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // A program that does not read its input ends without it.
    let _ = child.stdin.take().expect("piped").write_all(input);
    child.wait_with_output().expect("the program ends").into()
}
