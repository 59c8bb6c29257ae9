//! A call: small datagrams, fifty a second, both ways.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, UdpSocket};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use lab::rig::Rig;
use lab::topology::Node;

/// How often each side sends.
const EVERY: Duration = Duration::from_millis(20);

const PORT: u16 = 5004;

/// What one side has heard.
#[derive(Debug)]
pub struct Heard {
    /// The longest time without a datagram.
    pub silence: Duration,
    /// How many came, each counted once.
    pub came: usize,
    /// How many came again.
    pub again: usize,
    /// Who has sent them.
    pub sources: BTreeSet<IpAddr>,
}

/// A call from the Windows side to the origin; `fault` is called after a third of it. What the caller has heard and
/// what the origin has.
pub fn call(rig: &Rig, to: IpAddr, lasts: Duration, fault: impl FnOnce() + Send) -> [Heard; 2] {
    let bind = |node, port| {
        let any = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
        let socket = rig.lab().namespace(node).run(|| UdpSocket::bind(any));
        let socket = socket.expect("a free port");
        socket.set_read_timeout(Some(EVERY)).expect("an option");
        socket
    };
    let (origin, caller) = (bind(Node::Origin, PORT), bind(Node::Windows, 0));
    let to = match to {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().into(),
        v6 @ IpAddr::V6(_) => v6,
    };
    caller.connect((to, PORT)).expect("a route");
    // The origin calls back to where the first one came from.
    let first = Instant::now();
    let mut buffer = [0; 1500];
    let caller_seen = loop {
        caller.send(&u32::MAX.to_be_bytes()).expect("it is sent");
        if let Ok((_, from)) = origin.recv_from(&mut buffer) {
            break from;
        }
        assert!(
            first.elapsed() < Duration::from_secs(5),
            "no datagram arrives"
        );
    };
    let end = Instant::now() + lasts;
    scope(|scope| {
        let caller_socket = &caller;
        scope.spawn(move || talk(end, |payload| caller_socket.send(payload)));
        let origin_socket = &origin;
        // To that address only: the other side of a call has no other.
        scope.spawn(move || talk(end, |payload| origin_socket.send_to(payload, caller_seen)));
        let heard = [&caller, &origin].map(|socket| scope.spawn(move || listen(socket, end)));
        scope.spawn(move || {
            sleep(lasts / 3);
            fault();
        });
        heard.map(|thread| thread.join().expect("no panic"))
    })
}

fn talk(end: Instant, send: impl Fn(&[u8]) -> io::Result<usize>) {
    let mut next = Instant::now();
    let mut number = 0_u32;
    while Instant::now() < end {
        let mut payload = [0; 200];
        payload[..4].copy_from_slice(&number.to_be_bytes());
        // Who has a network that is down at the moment sends again in a moment.
        let _ = send(&payload);
        number += 1;
        next += EVERY;
        sleep(next.saturating_duration_since(Instant::now()));
    }
}

fn listen(socket: &UdpSocket, end: Instant) -> Heard {
    let mut numbers = BTreeSet::new();
    let mut heard = Heard {
        silence: Duration::ZERO,
        came: 0,
        again: 0,
        sources: BTreeSet::new(),
    };
    let mut last: Option<Instant> = None;
    let mut buffer = [0; 1500];
    while Instant::now() < end {
        let came = socket.recv_from(&mut buffer);
        let now = Instant::now();
        if let Some(last) = last {
            heard.silence = heard.silence.max(now - last);
        }
        if let Ok((200, from)) = came {
            last = Some(now);
            heard.sources.insert(from.ip().to_canonical());
            match numbers.insert(buffer[..4].to_owned()) {
                true => heard.came += 1,
                false => heard.again += 1,
            }
        }
    }
    heard
}
