//! UDP and ICMP that go straight to their destination: what is under way leaves a link that dies, by the next one.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::process::{Child, Stdio};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use lab::rig::Rig;
use lab::topology::{Node, Uplink, addresses};

use super::echo::{self, Echo};
use crate::support::{eventually, seen_as, spec, udp_seen_as};

const LASTS: Duration = Duration::from_millis(2400);

/// How often each flow sends.
const EVERY: Duration = Duration::from_millis(20);

/// Between two questions of ping.
const PING_EVERY: Duration = Duration::from_millis(50);

/// Several times what a machine that does nothing else needs (some 0.2 s). Without a look at what passes, a silent
/// link with UDP alone would never be found out, and a carrier a second later.
const SILENCE: Duration = Duration::from_millis(700);

const ASKED_OF_OTHERS: u16 = 5353;

/// What a program hears that sends from one port all the time.
#[derive(Debug)]
struct Heard {
    silence: Duration,
    /// Whom the other side takes it for.
    seen_as: BTreeSet<IpAddr>,
}

fn flow(rig: &Rig, to: IpAddr) -> Heard {
    let any = SocketAddr::new(echo::any_like(to), 0);
    let windows = rig.lab().namespace(Node::Windows);
    let socket = windows.run(|| UdpSocket::bind(any)).unwrap();
    socket.connect((to, echo::PORT)).unwrap();
    socket.set_read_timeout(Some(EVERY)).unwrap();
    let mut heard = Heard {
        silence: Duration::ZERO,
        seen_as: BTreeSet::new(),
    };
    let end = Instant::now() + LASTS;
    let (mut last, mut next) = (Instant::now(), Instant::now());
    let mut buffer = [0; 100];
    while Instant::now() < end {
        if Instant::now() >= next {
            // Who has no network for a moment sends again in a moment.
            let _ = socket.send(b"hello");
            next += EVERY;
        }
        let came = socket.recv(&mut buffer);
        heard.silence = heard.silence.max(last.elapsed());
        if let Ok(length) = came {
            last = Instant::now();
            let said = std::str::from_utf8(&buffer[..length]).unwrap();
            let (source, _) = said.split_once(' ').unwrap();
            heard.seen_as.insert(source.parse().unwrap());
        }
    }
    heard
}

/// Asks for as long as the flow sends.
fn ping(rig: &Rig, to: IpAddr) -> Child {
    let count = (LASTS.as_millis() / PING_EVERY.as_millis()).to_string();
    let every = PING_EVERY.as_secs_f64().to_string();
    let mut ping = rig.lab().command(Node::Windows, "ping");
    ping.args(["-n", "-i", &every, "-c", &count, "-W", "1"]);
    ping.arg(to.to_string()).stdout(Stdio::piped());
    ping.spawn().unwrap()
}

/// For how long ping had no answer, all in all.
fn unanswered(ping: Child) -> Duration {
    let said = ping.wait_with_output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    let number = |after: &str| -> u32 {
        let (before, _) = said.split_once(after).unwrap_or_else(|| panic!("{said}"));
        before.rsplit([' ', '\n']).next().unwrap().parse().unwrap()
    };
    PING_EVERY * (number(" packets transmitted") - number(" received"))
}

/// The link that is used dies in the midst of it, for both families at once, and nobody uses TCP.
#[track_caller]
fn go_on(rig: &Rig, how: &str) {
    let all = addresses::ORIGIN.both();
    for to in all {
        eventually("the first link is used", || {
            let seen = udp_seen_as(rig.lab(), SocketAddr::new(to, ASKED_OF_OTHERS))?;
            is_of(seen.parse().unwrap(), Uplink::FIRST).then_some(())
        });
    }
    let link = rig.lab().link(Uplink::FIRST);
    let set = |on: bool| match how {
        "pulled" => link.carrier(on).unwrap(),
        _ => link.silence(!on),
    };
    let pings = all.map(|to| ping(rig, to));
    let flows = scope(|scope| {
        let flows = all.map(|to| scope.spawn(move || flow(rig, to)));
        sleep(LASTS / 3);
        set(false);
        flows.map(|flow| flow.join().unwrap())
    });
    let pings = pings.map(unanswered);
    set(true);
    println!("{how}: {flows:?}, ping unanswered for {pings:?}");
    for heard in flows {
        assert!(heard.silence <= SILENCE, "{how}: {heard:?}");
        for uplink in [Uplink::FIRST, Uplink::SECOND] {
            let has = heard.seen_as.iter().any(|it| is_of(*it, uplink));
            assert!(has, "{how}: {heard:?}");
        }
    }
    for unanswered in pings {
        assert!(unanswered <= SILENCE, "{how}: {unanswered:?}");
    }
}

/// IPv6 has no address translation in the lab's access networks: the uplink's own address is seen.
fn is_of(source: IpAddr, uplink: Uplink) -> bool {
    match source {
        IpAddr::V4(_) => source.to_string() == seen_as(uplink),
        IpAddr::V6(source) => {
            let network = addresses::guest_uplink(uplink, false).v6.trunc();
            network.contains(&source)
        }
    }
}

#[test]
fn running_flows_leave_a_link_that_is_pulled_or_silent() {
    let rig = Rig::up(spec()).unwrap();
    let _echo = Echo::start(rig.lab());
    for how in ["silent", "pulled"] {
        go_on(&rig, how);
    }
}
