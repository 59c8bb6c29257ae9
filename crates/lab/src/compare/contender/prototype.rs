//! The data plane of the 2024 prototype, from Debian's programs.
//!
//! ```text
//! windows ─▶ redirect ─▶ redsocks:12345 ─▶ microsocks:1080 under proxychains4
//!   ─▶ microsocks:1081 under mptcpize ═▶ hub: microsocks:1080 under mptcpize ─▶ origin
//! ```
//! Each arrow between two programs is a TCP connection of its own with a SOCKS5 handshake; `═` is
//! MPTCP. Without a hub:
//!
//! ```text
//! windows ─▶ redirect ─▶ redsocks:12345 ─▶ microsocks:1081 under mptcpize ═▶ origin
//! ```
//! Kernel: limits of 2 subflows and 4 accepted addresses, each uplink's address an endpoint
//! with flag `subflow`, nothing else set, so congestion control is cubic.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU16;
use std::path::Path;

use anyhow::Context;
use mptcp::Limits;
use netcfg::NetNs;

use super::super::peer::debian_program;
use super::super::program::{start as start_program, wait_for_port};
use super::super::scene::Place;
use super::Programs;
use super::kernel::Kernel;
use crate::rig::{Mode, Process};
use crate::topology::addresses;

const KERNEL: Kernel = Kernel {
    guest: Limits {
        subflows: 2,
        add_addr_accepted: 4,
    },
    hub: None,
    settings: &[],
};

const REDSOCKS: u16 = 12345;
const CHAIN: u16 = 1080;
const MULTIPATH: u16 = 1081;
const HUB: u16 = 1080;
const USER: &str = "lab";
const PASSWORD: &str = "lab-password";

pub(super) fn start(mode: Mode, place: &Place, folder: &Path) -> anyhow::Result<Programs> {
    KERNEL.apply(place)?;
    let hub = match mode {
        Mode::Single => None,
        Mode::Double => {
            let user = ["-u", USER, "-P", PASSWORD];
            Some(microsocks("hub", &place.hub, &user, HUB, folder)?)
        }
    };
    let local = ["-i", "127.0.0.1"];
    let multipath = microsocks("multipath", &place.guest, &local, MULTIPATH, folder)?;
    let mut in_guest = Vec::new();
    match mode {
        Mode::Single => in_guest.push(redsocks(place, MULTIPATH, folder)?),
        Mode::Double => {
            let chain = chain(place, folder)?;
            in_guest.extend([redsocks(place, CHAIN, folder)?, chain]);
        }
    }
    in_guest.push(multipath);
    super::redirect(place, NonZeroU16::new(REDSOCKS).context("port 0")?)?;
    Ok(Programs { in_guest, hub })
}

/// A microsocks whose sockets mptcpize makes MPTCP's.
fn microsocks(
    name: &'static str,
    namespace: &NetNs,
    arguments: &[&str],
    port: u16,
    folder: &Path,
) -> anyhow::Result<Process> {
    let (mptcpize, microsocks) = (debian_program("mptcpize")?, debian_program("microsocks")?);
    let port_text = port.to_string();
    let mut all = vec![
        "run",
        microsocks.to_str().context("microsocks: path")?,
        "-p",
        &port_text,
    ];
    all.extend(arguments);
    let process = start_program(name, namespace, &mptcpize, all, folder)?;
    wait_for_port(&process, namespace, loopback(port))?;
    Ok(process)
}

fn chain(place: &Place, folder: &Path) -> anyhow::Result<Process> {
    let file = folder.join("proxychains.conf");
    std::fs::write(&file, proxychains_settings())?;
    let (proxychains, microsocks) = (
        debian_program("proxychains4")?,
        debian_program("microsocks")?,
    );
    let arguments = [
        "-q".as_ref(),
        "-f".as_ref(),
        file.as_os_str(),
        microsocks.as_os_str(),
        "-p".as_ref(),
        CHAIN.to_string().as_ref(),
    ]
    .map(std::ffi::OsStr::to_owned);
    let process = start_program("proxychains", &place.guest, &proxychains, arguments, folder)?;
    wait_for_port(&process, &place.guest, loopback(CHAIN))?;
    Ok(process)
}

/// It passes everything on to the SOCKS5 server at port `next`.
fn redsocks(place: &Place, next: u16, folder: &Path) -> anyhow::Result<Process> {
    let file = folder.join("redsocks.conf");
    std::fs::write(&file, redsocks_settings(next))?;
    let arguments = ["-c".as_ref(), file.as_os_str()];
    let program = debian_program("redsocks")?;
    let process = start_program("redsocks", &place.guest, &program, arguments, folder)?;
    wait_for_port(&process, &place.guest, loopback(REDSOCKS))?;
    Ok(process)
}

/// Debian's file with the prototype's two proxies.
fn proxychains_settings() -> String {
    let hub = addresses::HUB.ipv4();
    format!(
        "strict_chain\nproxy_dns\nremote_dns_subnet 224\ntcp_read_time_out 15000\n\
         tcp_connect_time_out 8000\n[ProxyList]\nsocks5 127.0.0.1 {MULTIPATH}\n\
         socks5 {hub} {HUB} {USER} {PASSWORD}\n"
    )
}

fn redsocks_settings(next: u16) -> String {
    format!(
        "base {{ log_debug = off; log_info = off; log = stderr; daemon = off; redirector = iptables; }}\n\
         redsocks {{ local_ip = 0.0.0.0; local_port = {REDSOCKS}; ip = 127.0.0.1; port = {next}; \
         type = socks5; }}\n"
    )
}

const fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}
