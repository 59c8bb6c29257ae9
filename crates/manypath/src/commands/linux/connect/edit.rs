//! Writes the link into the edge's settings.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::Context;
use settings::HubLink;
use settings::edge::Settings;
use settings::edit::with_hub;

use super::uplinks::Uplink;
use crate::Failure;
use crate::commands::linux::settings_file;

/// Only its owner may read a file with a link.
const MODE: u32 = 0o600;

/// Puts the link into a settings file, in the place of the hub that is there.
///
/// # Errors
/// When the file can't be read or written; it then is what it was.
pub fn replace(file: &Path, link: &HubLink) -> Result<(), Failure> {
    settings_file::edit(file, |text| {
        let edited = with_hub::<Settings>(text, link)?;
        // Before the secret gets in.
        fs::set_permissions(file, fs::Permissions::from_mode(MODE))
            .with_context(|| format!("cannot write {}; run this as root", file.display()))?;
        Ok((edited, ()))
    })
}

/// Makes a settings file.
///
/// # Errors
/// When it can't be written, or is there by now.
pub fn create(file: &Path, text: &str) -> anyhow::Result<()> {
    let cannot = || format!("cannot make {}; run this as root", file.display());
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).with_context(cannot)?;
    }
    settings::create_file(file, text, MODE).with_context(cannot)
}

/// A settings file with the uplinks that were found; `None` when there is none.
pub fn first_file(link: &HubLink, uplinks: &[Uplink]) -> Option<String> {
    let names: Vec<&str> = uplinks
        .iter()
        .filter_map(|it| it.interface.as_deref())
        .collect();
    if names.is_empty() {
        return None;
    }
    let tables = names.iter().map(|name| UPLINK.replace("NAME", name));
    Some(format!(
        "{HEAD}{}{OUT}hub = \"{}\"\n",
        tables.collect::<String>(),
        *link.expose()
    ))
}

const HEAD: &str = "\
# Settings of `manypath edge`, made by `manypath connect`. All keys, explained: manypath settings example edge

# The side that the PC, or a LAN, is on. Without it nothing is captured, and the proxy listens on loopback only.
#[host]
#interface = \"eth0\"

# The ways to the Internet: the interfaces that had a default route.
";

const UPLINK: &str = "\
[[uplink]]
interface = \"NAME\"
# NetworkManager, networkd or ifupdown sets its addresses. \"dhcp\": the edge asks for one.
addresses = \"external\"

";

const OUT: &str = "\
[out]
# The hub. The link holds the user's secret: keep this file readable by its owner alone.
";

#[cfg(test)]
#[path = "edit_tests.rs"]
mod tests;
