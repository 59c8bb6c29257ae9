//! `manypath install` and `manypath uninstall`

use std::io::{self, BufRead, IsTerminal, Write};

use host::windows;

use super::elevate;
use crate::Failure;

#[derive(Debug, clap::Args)]
pub struct InstallArguments {
    /// What to do where Windows switches Wi-Fi off as long as Ethernet is there: yes has it keep both
    /// (uninstall puts it back), no leaves it as it is. Without this you are asked.
    #[arg(long, value_name = "YES_OR_NO", value_parser = clap::builder::BoolishValueParser::new())]
    keep_connections: Option<bool>,
}

pub fn install(arguments: &InstallArguments) -> Result<(), Failure> {
    if !winproc::is_elevated()? {
        return elevate::again(&match arguments.keep_connections {
            Some(true) => vec!["install", "--keep-connections", "yes"],
            Some(false) => vec!["install", "--keep-connections", "no"],
            None => vec!["install"],
        });
    }
    windows::install(&mut say)?;
    if windows::minimizes_connections() && wants_to_keep(arguments)? {
        say("have Windows keep Wi-Fi beside Ethernet");
        windows::keep_connections()?;
    }
    println!(
        "Manypath is installed and runs. Next: manypath connect LINK, with the link of your hub; manypath status \
         shows how far it is."
    );
    Ok(())
}

pub fn uninstall() -> Result<(), Failure> {
    if !winproc::is_elevated()? {
        return elevate::again(&["uninstall"]);
    }
    windows::uninstall(&mut say)?;
    println!("Everything is as it was before.");
    Ok(())
}

fn say(step: &str) {
    println!("{step} ...");
}

fn wants_to_keep(arguments: &InstallArguments) -> io::Result<bool> {
    if let Some(keep) = arguments.keep_connections {
        return Ok(keep);
    }
    if !io::stdin().is_terminal() {
        println!(
            "Windows switches Wi-Fi off while Ethernet is there. To use both: manypath doctor --fix"
        );
        return Ok(false);
    }
    print!("Windows switches Wi-Fi off while Ethernet is there. Have it keep both? [Y/n] ");
    io::stdout().flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(!answer.trim().eq_ignore_ascii_case("n"))
}
