//! HTTP/3 with a real browser: it passes, and where it is refused the browser goes on by TCP.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::{Duration, Instant};

use lab::link::{Profile, Rate};
use lab::rig::{Process, Rig};
use lab::topology::{Lab, LabSpec, Node, Uplink, addresses};

use tempfile::TempDir;

use crate::support::{Asked, By, Packet, Tcpdump, Web, eventually, seen_as, shell, spec};

/// Long, so that what takes one of them is told from what a busy machine takes.
const ROUND_TRIP: Duration = Duration::from_millis(250);

/// Downloads without end, and says with each what came of the one before.
const PAGE: &str = "<!doctype html><title>again and again</title><script>
    (async () => {
      for (let last = 'none';;) {
        try {
          const answer = await fetch('/data?last=' + last);
          const bytes = new Uint8Array(await answer.arrayBuffer());
          last = bytes.reduce((sum, byte) => (sum * 31 + byte) % 1000003, 0);
        } catch {
          last = 'none';
          await new Promise(done => setTimeout(done, 10));
        }
      }
    })();
  </script>";

/// The query of a request whose page has got every byte before.
fn intact() -> String {
    let sum = |sum: u64, byte: &u8| (sum * 31 + u64::from(*byte)) % 1_000_003;
    format!("/data?last={}", Web::content().iter().fold(0, sum))
}

/// How long a browser may take on a machine that has other work.
const LIMIT: Duration = Duration::from_secs(30);

/// A browser that shows the page.
struct Browser {
    // In this order: it ends before its folder goes.
    process: Process,
    _folder: TempDir,
}

impl Browser {
    fn open(lab: &Lab, web: &Web) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let process = chromium(lab, web, folder.path());
        Self {
            process,
            _folder: folder,
        }
    }
}

fn chromium(lab: &Lab, web: &Web, folder: &Path) -> Process {
    let mut command = lab.command(Node::Windows, "chromium");
    let origin = addresses::ORIGIN.ipv4();
    command
        .arg(format!(
            "--ignore-certificate-errors-spki-list={}",
            web.key_hash
        ))
        // For HTTP/3 a browser believes public authorities only, but for hosts that are named here; with another
        // port, so that at the one that is used it is as free as always.
        .arg(format!("--origin-to-force-quic-on={origin}:1"));
    lab::browser::show(&mut command, folder, &format!("https://{origin}/"));
    Process::start("chromium", command, &folder.join("log")).unwrap()
}

/// Waits until a whole download by that protocol is followed by another one.
fn wait_for_downloads(web: &Web, browser: &Browser, wanted: By) -> Vec<Asked> {
    let deadline = Instant::now() + LIMIT;
    let mut asked: Vec<Asked> = Vec::new();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let Ok(next) = web.asked.recv_timeout(left) else {
            panic!(
                "no download by {wanted:?}: {asked:?}\n{}",
                browser.process.log_tail()
            );
        };
        let follows = asked.last().is_some_and(|last| last.by == wanted);
        let is_done = follows && next.by == wanted && next.path == intact();
        asked.push(next);
        if is_done {
            return asked;
        }
    }
}

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
    let web = Web::start(rig.lab(), PAGE);
    let browser = Browser::open(rig.lab(), &web);

    let by_quic = wait_for_downloads(&web, &browser, By::Quic);
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
    wait_for_downloads(&web, &browser, By::Tcp);
    let (seconds, datagrams) = eventually("TCP follows the first refusal", || {
        fall_back(&tcpdump.packets(), addresses::ORIGIN.ipv4())
    });
    println!("TCP {seconds} s after the first refusal, and {datagrams} datagrams in between");
    assert!(seconds < ROUND_TRIP.as_secs_f64(), "{seconds} s");
}

#[test]
fn a_browser_downloads_by_http3_through_the_hub() {
    let rig = crate::udp::rig("");
    let web = Web::start(rig.lab(), PAGE);
    let browser = Browser::open(rig.lab(), &web);
    let hub = addresses::HUB.ipv4();
    for asked in wait_for_downloads(&web, &browser, By::Quic) {
        assert_eq!(asked.from, hub, "{asked:?}");
    }
}
