//! This program itself: `manypath edge` and `manypath hub`, with the settings that they have by
//! default; without emulated links cubic instead of BBR.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::super::program::{start as start_program, wait_for_port, wait_until};
use super::super::scene::{Place, Scene};
use super::Programs;
use crate::rig::{HUB_PORT, uplinks_in_use};
use crate::topology::addresses;

const USER: &str = "lab";
const PASSWORD: &str = "lab-password";

pub(super) fn start(
    scene: Scene,
    place: &Place,
    program: &Path,
    folder: &Path,
) -> anyhow::Result<Programs> {
    let kernel = if scene.is_emulated() {
        ""
    } else {
        "[mptcp]\ncongestion_control = \"cubic\"\n"
    };
    write(&folder.join("users"), &format!("{USER}:{PASSWORD}\n"))?;
    let (hub_file, edge_file) = (folder.join("hub.toml"), folder.join("edge.toml"));
    write(&hub_file, &hub_settings(kernel, folder))?;
    write(&edge_file, &edge_settings(scene, place, kernel, folder))?;

    let arguments = |command: &'static str, file: &Path| {
        [
            command.into(),
            "--settings".into(),
            file.as_os_str().to_owned(),
        ]
    };
    let hub = start_program(
        "hub",
        &place.hub,
        program,
        arguments("hub", &hub_file),
        folder,
    )?;
    let address = SocketAddr::from((addresses::HUB.ipv4(), HUB_PORT));
    wait_for_port(&hub, &place.hub, address)?;
    let edge = start_program(
        "edge",
        &place.guest,
        program,
        arguments("edge", &edge_file),
        folder,
    )?;
    let socket = folder.join("edge.sock");
    wait_until(&edge, "have all uplinks up", || {
        in_use(&socket) == place.uplinks.len()
    })?;
    Ok(Programs {
        in_guest: vec![edge],
        hub: Some(hub),
    })
}

fn hub_settings(kernel: &str, folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "listen = []\ndrain = \"0s\"\n\
         socks5 = {{ listen = [\"[::]:{HUB_PORT}\"], users = \"{folder}/users\" }}\n\
         state = \"{folder}/hub.originals\"\n{kernel}"
    )
}

fn edge_settings(scene: Scene, place: &Place, kernel: &str, folder: &Path) -> String {
    let (hub, folder) = (addresses::HUB.ipv4(), folder.display());
    let source = if scene.is_emulated() {
        "dhcp"
    } else {
        "external"
    };
    let uplinks = place.uplinks.iter().map(|uplink| {
        format!(
            "[[uplink]]\ninterface = \"{}\"\naddresses = \"{source}\"\n",
            uplink.interface
        )
    });
    format!(
        "[host]\ninterface = \"{}\"\n{}[out]\nhub = \"socks5://{USER}:{PASSWORD}@{hub}:{HUB_PORT}\"\n\
         [control]\nsocket = \"{folder}/edge.sock\"\n{kernel}",
        addresses::eth0(),
        uplinks.collect::<String>(),
    )
}

/// 0 if the edge does not answer, too.
fn in_use(socket: &Path) -> usize {
    let status = || {
        let mut stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        std::io::Result::Ok(serde_json::from_str(&text)?)
    };
    status().as_ref().map_or(0, uplinks_in_use)
}

/// Readable by its owner alone, as the programs want files with passwords.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let mut open = std::fs::OpenOptions::new();
    open.create_new(true)
        .write(true)
        .mode(0o600)
        .open(path)?
        .write_all(text.as_bytes())
}
