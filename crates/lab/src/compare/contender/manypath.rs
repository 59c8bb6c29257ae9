//! This program itself: `manypath edge` and `manypath hub`, with the settings that they have by
//! default; without emulated links cubic instead of BBR. They speak the hub protocol, and SOCKS5 where
//! a row is about plain throughput.

use std::io::Read;
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use wire::Host;

use super::super::program::{start as start_program, wait_for_port, wait_until};
use super::super::scene::{Place, Scene};
use super::Programs;
use crate::rig::{HubProtocol, Identity, uplinks_in_use, write_private};
use crate::topology::addresses;

const USER: &str = "lab";
const PASSWORD: &str = "lab-password";

pub(super) fn start(
    scene: Scene,
    place: &Place,
    program: &Path,
    folder: &Path,
) -> anyhow::Result<Programs> {
    let protocol = protocol(scene);
    let identity = Identity::generate(Host::Ip(addresses::HUB.ipv4().into()), None);
    identity.write(folder)?;
    write_private(&folder.join("socks5"), &format!("{USER}:{PASSWORD}\n"))?;
    let (hub_file, edge_file) = (folder.join("hub.toml"), folder.join("edge.toml"));
    write_private(&hub_file, &hub_settings(scene, protocol, folder))?;
    let url = match protocol {
        HubProtocol::Manypath => identity.link().to_string(),
        HubProtocol::Socks5 => socks5_url(protocol),
    };
    write_private(&edge_file, &edge_settings(scene, &url, place, folder))?;

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
    let address = SocketAddr::from((addresses::HUB.ipv4(), protocol.port()));
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

const fn protocol(scene: Scene) -> HubProtocol {
    match scene {
        Scene::Unshaped => HubProtocol::Socks5,
        Scene::Standard | Scene::Unlike | Scene::UnshapedEncrypted => HubProtocol::Manypath,
    }
}

fn socks5_url(protocol: HubProtocol) -> String {
    let (hub, port) = (addresses::HUB.ipv4(), protocol.port());
    format!("socks5://{USER}:{PASSWORD}@{hub}:{port}")
}

const fn kernel(scene: Scene) -> &'static str {
    if scene.is_emulated() {
        ""
    } else {
        "[mptcp]\ncongestion_control = \"cubic\"\n"
    }
}

/// For the row about UDP; nothing else uses any.
const fn udp(scene: Scene) -> &'static str {
    match scene {
        Scene::Standard => "udp = \"hub\"\n",
        Scene::Unlike | Scene::Unshaped | Scene::UnshapedEncrypted => "",
    }
}

/// For the rows about names: the lab's server, and not that of this machine, which the hub would ask. Since it gives
/// every name the origin's address, the page by which portals are found would be another one.
fn names(scene: Scene) -> String {
    let server = addresses::ORIGIN.ipv4();
    match scene {
        Scene::Standard => {
            format!("[dns]\nservers = [\"{server}\"]\n[portal]\ncheck = \"off\"\n")
        }
        Scene::Unlike | Scene::Unshaped | Scene::UnshapedEncrypted => String::new(),
    }
}

fn hub_settings(scene: Scene, protocol: HubProtocol, folder: &Path) -> String {
    let (folder, port) = (folder.display(), protocol.port());
    let listen = match protocol {
        HubProtocol::Manypath => format!("listen = [\"[::]:{port}\"]"),
        HubProtocol::Socks5 => format!(
            "listen = []\nsocks5 = {{ listen = [\"[::]:{port}\"], users = \"{folder}/socks5\" }}"
        ),
    };
    format!(
        "{listen}\nkey = \"{folder}/hub.key\"\nusers = \"{folder}/hub.users.toml\"\n\
         usage = \"{folder}/hub.usage\"\ndrain = \"0s\"\nstate = \"{folder}/hub.originals\"\n{}",
        kernel(scene)
    )
}

fn edge_settings(scene: Scene, url: &str, place: &Place, folder: &Path) -> String {
    let folder = folder.display();
    let source = if scene.is_emulated() {
        "dhcp"
    } else {
        "external"
    };
    let uplinks = place.uplinks.iter().map(|uplink| {
        let role = if uplink.is_backup { "backup" } else { "active" };
        format!(
            "[[uplink]]\ninterface = \"{}\"\naddresses = \"{source}\"\nrole = \"{role}\"\n",
            uplink.interface
        )
    });
    format!(
        "usage = \"{folder}/edge.usage\"\n[host]\ninterface = \"{}\"\n{}[out]\nhub = \"{url}\"\n{}{}\
         [control]\nsocket = \"{folder}/edge.sock\"\n{}",
        addresses::eth0(),
        uplinks.collect::<String>(),
        udp(scene),
        names(scene),
        kernel(scene),
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
