//! Switches by Hyper-V's own management, for Windows that makes none by HCN.

use std::time::Duration;

use hcs::NewNetwork;
use winproc::{Program, UserCommand};

use super::files::system32;
use crate::causes::with_causes;
use crate::wiring::OtherWay;

/// A switch interrupts its card for some seconds, and PowerShell takes some to start.
const LIMIT: Duration = Duration::from_secs(120);

/// The names are variables of the environment, so that nothing in them can be taken for a command.
const SCRIPT: &str = "$ErrorActionPreference = 'Stop'; \
     New-VMSwitch -Name $env:MANYPATH_SWITCH -NetAdapterName $env:MANYPATH_CARD -AllowManagementOS $true | Out-Null";

/// Hyper-V's module for PowerShell. Windows Home has none.
#[derive(Debug)]
pub struct HyperV;

impl OtherWay for HyperV {
    fn create_switch(&self, network: &NewNetwork) -> Result<(), String> {
        let module = system32(r"WindowsPowerShell\v1.0\Modules\Hyper-V\Hyper-V.psd1");
        if !module.is_file() {
            return Err(
                "its module for PowerShell is not installed (Windows Home has none; else switch on \
                 \"Hyper-V Module for Windows PowerShell\")"
                    .to_owned(),
            );
        }
        let program = system32(r"WindowsPowerShell\v1.0\powershell.exe");
        let program = Program::new(program.to_string_lossy());
        let command = UserCommand::new(program.map_err(with_causes)?)
            .arguments(["-NoProfile", "-NonInteractive", "-Command", SCRIPT])
            .variable("MANYPATH_SWITCH", &network.name)
            .variable("MANYPATH_CARD", &network.nic);
        let child = winproc::run(&command);
        let output = child
            .and_then(|child| child.output(LIMIT))
            .map_err(with_causes)?;
        match output.code {
            0 => Ok(()),
            _ => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        }
    }
}
