//! Programs that are run.

use std::process::{Command, Stdio};

use anyhow::{Context, bail};

/// How much of what a program said is shown when it fails.
const LAST_LINES: usize = 20;

/// Runs a program, and gives what it writes. Where it fails, its last words are in the error.
pub fn output(command: &mut Command) -> anyhow::Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| start(command))?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let trouble = String::from_utf8_lossy(&output.stderr);
        let lines: Vec<&str> = text.lines().chain(trouble.lines()).collect();
        let last = &lines[lines.len().saturating_sub(LAST_LINES)..];
        bail!(
            "{command:?} has failed ({}):\n{}",
            output.status,
            last.join("\n")
        );
    }
    Ok(text.trim().to_owned())
}

/// Runs a program that shows itself how far it is.
pub fn show(command: &mut Command) -> anyhow::Result<()> {
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| start(command))?;
    if !status.success() {
        bail!("{command:?} has failed ({status}); its last lines say why");
    }
    Ok(())
}

fn start(command: &Command) -> String {
    let program = command.get_program().display();
    format!("cannot start {program}; install what docs/windows.md names under \"The kernel\"")
}
