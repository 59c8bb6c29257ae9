//! `manypath doctor`

use std::path::PathBuf;

use anyhow::Context;
use host::doctor::{Facts, Finding, Fix, Verdict, examine};
use host::windows;
use serde_json::json;
use winproc::{Program, UserCommand};

use super::elevate;
use crate::Failure;

#[derive(Debug, clap::Args)]
#[command(after_help = "Exit codes: 0 nothing keeps Manypath from working; 1 something does.")]
pub struct Arguments {
    /// Mend what can be mended. Asks for an administrator's consent.
    #[arg(long)]
    fix: bool,
    /// Write what was seen to a file, for a bug report. It names your network cards and your user, and, with an
    /// administrator's rights, all virtual machines and switches.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Print the findings as JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut facts = windows::facts();
    if arguments.fix && fixes(&facts).next().is_some() {
        if !winproc::is_elevated()? {
            elevate::again(&["doctor", "--fix"])?;
        } else {
            for fix in fixes(&facts).collect::<Vec<_>>() {
                mend(fix)?;
            }
        }
        facts = windows::facts();
    }
    if let Some(file) = &arguments.record {
        let text = serde_json::to_string_pretty(&windows::recording(facts.clone()))?;
        std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    let findings = examine(&facts);
    match arguments.json {
        true => println!("{}", serde_json::to_string_pretty(&json!(findings))?),
        false => findings.iter().for_each(show),
    }
    let problems = findings.iter().filter(|it| it.verdict == Verdict::Problem);
    match problems.count() {
        0 => Ok(()),
        count => Err(anyhow::anyhow!("{count} of these keep Manypath from working").into()),
    }
}

fn show(finding: &Finding) {
    println!(
        "{:<8} {}: {}",
        finding.verdict, finding.subject, finding.text
    );
    if let Some(advice) = &finding.advice {
        println!("         {advice}");
    }
    if finding.fix.is_some() {
        println!("         manypath doctor --fix does it");
    }
}

fn fixes(facts: &Facts) -> impl Iterator<Item = Fix> + use<> {
    examine(facts).into_iter().filter_map(|finding| finding.fix)
}

fn mend(fix: Fix) -> Result<(), Failure> {
    match fix {
        Fix::InstallWsl => wsl(&["--install", "--no-distribution"]),
        Fix::UpdateWsl => wsl(&["--update"]),
        Fix::KeepConnections => Ok(windows::keep_connections()?),
        Fix::StartService => Ok(windows::start()?),
    }
}

/// The one that comes with Windows.
fn wsl(arguments: &[&str]) -> Result<(), Failure> {
    let program = windows::system32("wsl.exe")?;
    let program = Program::new(program.to_string_lossy()).map_err(winproc::Error::from)?;
    println!("wsl {} ...", arguments.join(" "));
    let command = UserCommand::new(program)
        .arguments(arguments.iter().copied())
        .variable("WSL_UTF8", "1");
    let limit = std::time::Duration::from_secs(1800);
    let output = winproc::run(&command)?.output(limit)?;
    match output.code {
        0 => Ok(()),
        code => {
            let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            Err(anyhow::anyhow!("wsl {} failed with {code:#x}: {said}", arguments.join(" ")).into())
        }
    }
}
