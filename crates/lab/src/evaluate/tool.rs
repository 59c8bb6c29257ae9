//! Programs that are run to their end, and programs that are listened to.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Instant;

use anyhow::Context;

/// Runs a program to its end; its standard output. An error says what it said.
pub(super) fn output(command: &mut Command) -> anyhow::Result<String> {
    let name = name(command);
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {name}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(failure(&name, &output))
    }
}

fn failure(name: &str, output: &Output) -> anyhow::Error {
    let errors = String::from_utf8_lossy(&output.stderr);
    let mut lines = errors.lines().filter(|line| !line.trim().is_empty());
    let last = lines.next_back().unwrap_or("it said nothing").to_owned();
    anyhow::anyhow!("{name} failed ({}): {last}", output.status)
}

/// The program's name, also behind `timeout`.
fn name(command: &Command) -> String {
    let program = command.get_program();
    let behind = command
        .get_args()
        .find(|argument| !argument.as_encoded_bytes().starts_with(b"-") && !is_number(argument));
    let path = match behind {
        Some(behind) if program == "timeout" => behind,
        _ => program,
    };
    let name = Path::new(path).file_name().unwrap_or(path);
    name.to_string_lossy().into_owned()
}

fn is_number(argument: &std::ffi::OsStr) -> bool {
    argument.as_encoded_bytes().iter().all(u8::is_ascii_digit)
}

/// A program that runs and is listened to. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Listened {
    child: Child,
    keys: ChildStdin,
    /// Pieces of its standard output, with their times.
    pub(super) shown: Receiver<(Instant, Vec<u8>)>,
}

impl Listened {
    /// What goes to standard error is lost, unless there is a file for it.
    pub(super) fn start(
        name: &str,
        mut command: Command,
        log: Option<&Path>,
    ) -> anyhow::Result<Self> {
        let errors = match log {
            Some(path) => File::create(path)
                .with_context(|| format!("cannot write {}", path.display()))?
                .into(),
            None => Stdio::null(),
        };
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        let keys = child.stdin.take().context("a program has no input")?;
        let output = child.stdout.take().context("a program has no output")?;
        Ok(Self {
            child,
            keys,
            shown: listen(output),
        })
    }

    /// To its standard input.
    pub(super) fn type_in(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.keys.write_all(bytes)
    }
}

impl Drop for Listened {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Ends with the output.
fn listen(mut output: impl Read + Send + 'static) -> Receiver<(Instant, Vec<u8>)> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut piece = [0; 4096];
        while let Ok(length @ 1..) = output.read(&mut piece) {
            let shown = (Instant::now(), piece[..length].to_vec());
            if sender.send(shown).is_err() {
                break;
            }
        }
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_fails_is_named_with_its_last_words() {
        let mut command = Command::new("timeout");
        command.args([
            "--foreground",
            "5",
            "/bin/sh",
            "-c",
            "echo no luck >&2; exit 3",
        ]);
        let error = output(&mut command).unwrap_err().to_string();
        assert_eq!(error, "sh failed (exit status: 3): no luck");
    }
}
