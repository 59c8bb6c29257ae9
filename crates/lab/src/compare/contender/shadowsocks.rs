//! shadowsocks-rust with MPTCP, which OpenMPTCProuter ships.
//!
//! ```text
//! windows ─▶ redirect ─▶ sslocal (redir) ═▶ hub: ssserver ─▶ origin
//! ```
//! Method `aes-128-gcm`, or `none` in the rows without a cipher. Kernel: what OpenMPTCProuter's
//! server sets of what belongs to a network namespace (BBR, buffers of up to 128 MiB, no slow start
//! after idle, 128 KiB not sent), limits of 8 and 8, each uplink's address an endpoint with flag
//! `subflow`; without emulated links cubic. TCP Fast Open is off: with MPTCP it loses replies on
//! Linux 6.18.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU16;
use std::path::Path;

use anyhow::Context;
use mptcp::Limits;
use serde_json::{Value, json};

use super::super::peer::shadowsocks_program;
use super::super::program::{start as start_program, wait_for_port};
use super::super::scene::{Place, Scene};
use super::Programs;
use super::kernel::Kernel;
use crate::topology::addresses;

const LIMITS: Limits = Limits {
    subflows: 8,
    add_addr_accepted: 8,
};

const SHAPED: Kernel = Kernel {
    guest: LIMITS,
    hub: Some(LIMITS),
    settings: &[
        ("net.ipv4.tcp_congestion_control", "bbr"),
        ("net.ipv4.tcp_rmem", "4096 87380 134217728"),
        ("net.ipv4.tcp_wmem", "4096 87380 134217728"),
        ("net.ipv4.tcp_notsent_lowat", "131072"),
        ("net.ipv4.tcp_slow_start_after_idle", "0"),
        ("net.ipv4.tcp_mtu_probing", "1"),
        ("net.mptcp.stale_loss_cnt", "4"),
        ("net.mptcp.blackhole_timeout", "0"),
    ],
};

/// The kernel's defaults: unshaped veth is erratic for MPTCP with BBR.
const UNSHAPED: Kernel = Kernel {
    guest: LIMITS,
    hub: Some(LIMITS),
    settings: &[],
};

const LOCAL: u16 = 1100;
const SERVER: u16 = 8388;
const PASSWORD: &str = "lab-password";

pub(super) fn start(
    scene: Scene,
    place: &Place,
    peers: &Path,
    folder: &Path,
) -> anyhow::Result<Programs> {
    let (local, server) = (
        shadowsocks_program(peers, "sslocal")?,
        shadowsocks_program(peers, "ssserver")?,
    );
    let (kernel, method) = match scene {
        Scene::Standard | Scene::Unlike => (&SHAPED, "aes-128-gcm"),
        Scene::Unshaped => (&UNSHAPED, "none"),
        Scene::UnshapedEncrypted => (&UNSHAPED, "aes-128-gcm"),
    };
    kernel.apply(place)?;
    let server_file = folder.join("server.json");
    std::fs::write(&server_file, server_settings(method).to_string())?;
    let local_file = folder.join("local.json");
    std::fs::write(&local_file, local_settings(method).to_string())?;

    let arguments = ["-c".as_ref(), server_file.as_os_str()];
    let hub = start_program("ssserver", &place.hub, &server, arguments, folder)?;
    wait_for_port(
        &hub,
        &place.hub,
        SocketAddr::from((addresses::HUB.ipv4(), SERVER)),
    )?;
    let arguments = ["-c".as_ref(), local_file.as_os_str()];
    let guest = start_program("sslocal", &place.guest, &local, arguments, folder)?;
    wait_for_port(
        &guest,
        &place.guest,
        SocketAddr::from((Ipv4Addr::LOCALHOST, LOCAL)),
    )?;
    super::redirect(place, NonZeroU16::new(LOCAL).context("port 0")?)?;
    Ok(Programs {
        in_guest: vec![guest],
        hub: Some(hub),
    })
}

fn server_settings(method: &str) -> Value {
    json!({
        "server": addresses::HUB.ipv4().to_string(),
        "server_port": SERVER,
        "method": method,
        "password": PASSWORD,
        "mode": "tcp_only",
        "no_delay": true,
        "mptcp": true,
    })
}

fn local_settings(method: &str) -> Value {
    let mut settings = server_settings(method);
    settings["locals"] = json!([{
        "protocol": "redir",
        "local_address": "0.0.0.0",
        "local_port": LOCAL,
        "mode": "tcp_only",
        "tcp_redir": "redirect",
    }]);
    settings
}
