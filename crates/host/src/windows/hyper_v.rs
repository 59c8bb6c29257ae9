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
        let file = |name| system32(name).map_err(with_causes);
        let module = file(r"WindowsPowerShell\v1.0\Modules\Hyper-V\Hyper-V.psd1")?;
        if !module.is_file() {
            return Err(
                "its module for PowerShell is not installed (Windows Home has none; else switch on \
                 \"Hyper-V Module for Windows PowerShell\")"
                    .to_owned(),
            );
        }
        let program = file(r"WindowsPowerShell\v1.0\powershell.exe")?;
        let program = Program::new(program.to_string_lossy());
        let child = winproc::run(&command(program.map_err(with_causes)?, network));
        let output = child
            .and_then(|child| child.output(LIMIT))
            .map_err(with_causes)?;
        match output.code {
            0 => Ok(()),
            _ => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        }
    }
}

fn command(powershell: Program, network: &NewNetwork) -> UserCommand {
    UserCommand::new(powershell)
        .arguments(["-NoProfile", "-NonInteractive", "-Command", SCRIPT])
        .variable("MANYPATH_SWITCH", &network.name)
        .variable("MANYPATH_CARD", &network.nic)
}

#[cfg(test)]
mod tests {
    use hcs::NetworkId;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_cards_name_is_no_part_of_what_powershell_runs() {
        let of = |nic: &str| {
            let network = NewNetwork {
                id: NetworkId::for_nic(Uuid::nil()),
                name: format!("MPTCP - {nic}"),
                nic: nic.to_owned(),
            };
            let powershell = Program::new(r"C:\Windows\powershell.exe").expect("a program");
            command(powershell, &network).given_arguments().to_vec()
        };
        assert_eq!(of("'; Remove-Item C:\\ -Recurse; '"), of("Wi-Fi"));
    }
}
