//! HTTP/3 with a real browser: it passes, and where it is refused the browser goes on by TCP.

use std::fs;
use std::net::Ipv4Addr;
use std::time::Duration;

use lab::link::{Profile, Rate};
use lab::rig::Rig;
use lab::topology::{LabSpec, Node, Uplink, addresses};

use crate::support::{Browser, By, Packet, Tcpdump, eventually, seen_as, shell, spec};

/// Long, so that what takes one of them is told from what a busy machine takes.
const ROUND_TRIP: Duration = Duration::from_millis(250);

/// From the first refusal until TCP to the origin in seconds, and how many datagrams were sent all the same.
/// `None`: there is no TCP yet.
fn fall_back(packets: &[Packet], origin: Ipv4Addr) -> Option<(f64, usize)> {
    let is_refusal = |it: &Packet| it.what.contains("udp port 443 unreachable");
    let after = &packets[packets.iter().position(is_refusal)?..];
    // A connection is opened, or one that was kept carries something.
    let to = format!("> {origin}.443: ");
    let is_tcp = |it: &Packet| {
        it.what.contains(&format!("{to}Flags"))
            && (it.what.contains("[S]") || !it.what.ends_with("length 0"))
    };
    let until = after.iter().position(is_tcp)?;
    let datagrams = after[..until].iter();
    let datagrams = datagrams.filter(|it| it.what.contains(&format!("{to}UDP")));
    Some((after[until].at - after[0].at, datagrams.count()))
}

#[test]
fn a_browser_downloads_by_http3_and_falls_back_within_a_round_trip_when_it_is_refused() {
    let mut spec = spec();
    let link = Profile::symmetric(Rate::mbit(30), ROUND_TRIP);
    spec.lab = LabSpec::with_links([link, link]);
    spec.edge_settings = "[out]\nquic = \"allow\"\n".to_owned();
    let rig = Rig::up(spec).unwrap();
    let browser = Browser::open(rig.lab());

    let by_quic = browser.wait_for_downloads(By::Quic);
    // HTTP/3 goes straight, TCP through the hub.
    for asked in by_quic {
        let seen = match asked.by {
            By::Quic => seen_as(Uplink::FIRST),
            By::Tcp => addresses::HUB.ipv4().to_string(),
        };
        assert_eq!(asked.from.to_string(), seen, "{asked:?}");
    }

    let tcpdump = Tcpdump::start(rig.lab(), Node::Windows, "port 443 or icmp");
    let file = rig.folder().join("edge.toml");
    let settings = fs::read_to_string(&file).unwrap();
    let refuse = settings.replace("quic = \"allow\"", "quic = \"refuse\"");
    assert_ne!(refuse, settings);
    fs::write(&file, refuse).unwrap();
    let edge = rig.edge().unwrap().id();
    shell(rig.lab(), Node::Guest, &format!("kill -HUP {edge}")).ok();
    browser.wait_for_downloads(By::Tcp);
    let (seconds, datagrams) = eventually("TCP follows the first refusal", || {
        fall_back(&tcpdump.packets(), addresses::ORIGIN.ipv4())
    });
    println!("TCP {seconds} s after the first refusal, and {datagrams} datagrams in between");
    assert!(seconds < ROUND_TRIP.as_secs_f64(), "{seconds} s");
}

#[test]
fn a_browser_downloads_by_http3_through_the_hub() {
    let rig = crate::udp::rig("");
    let browser = Browser::open(rig.lab());
    let hub = addresses::HUB.ipv4();
    for asked in browser.wait_for_downloads(By::Quic) {
        assert_eq!(asked.from, hub, "{asked:?}");
    }
}
