//! Answers that a server writes in pieces.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use lab::link::Profile;
use lab::rig::Rig;
use lab::topology::{LabSpec, Node, Uplink, addresses};

use crate::support::{Server, connect, spec};

const PORT: u16 = 7000;
const HEAD: usize = 240;
const BODY: usize = 20_000;
const ANSWERS: usize = 100;
const CLOSELY: Duration = Duration::from_micros(100);

/// A machine that is busy with other tests makes pieces come late, and round trips long.
const ATTEMPTS: usize = 8;

/// Bytes by the quicker link and by the other one.
fn carried(rig: &Rig) -> [u64; 2] {
    [Uplink::FIRST, Uplink::SECOND].map(|uplink| rig.lab().link(uplink).counters().down.bytes)
}

fn answers(rig: &Rig, stream: &mut TcpStream) -> [u64; 2] {
    let before = carried(rig);
    for _ in 0..ANSWERS {
        stream.write_all(b"?").unwrap();
        stream.read_exact(&mut [0; HEAD + BODY]).unwrap();
    }
    let after = carried(rig);
    [0, 1].map(|it| after[it] - before[it])
}

/// MPTCP's scheduler gives what is written behind something to another path, whose round trip may be longer: without
/// the hub's waiting a moment, a tenth of these bytes takes it, and all wait for them.
#[test]
fn small_answers_in_two_pieces_take_the_quicker_link() {
    let mut spec = spec();
    spec.lab = LabSpec::with_links([Profile::vdsl(), Profile::lte()]);
    let rig = Rig::up(spec).unwrap();
    let _server = Server::start(rig.lab(), Node::Origin, PORT, |mut stream| {
        stream.set_nodelay(true).unwrap();
        while stream.read_exact(&mut [0]).is_ok() {
            stream.write_all(&[b'h'; HEAD]).unwrap();
            // A thread that sleeps wakes too late.
            let written = Instant::now();
            while written.elapsed() < CLOSELY {}
            stream.write_all(&[b'b'; BODY]).unwrap();
        }
    });
    let origin = SocketAddr::new(addresses::ORIGIN.ipv4().into(), PORT);
    let mut stream = connect(&rig, Node::Windows, origin).unwrap();
    let mut attempts = (0..ATTEMPTS).map(|_| answers(&rig, &mut stream));
    let is_quick = |[quick, slow]: [u64; 2]| quick > (ANSWERS * BODY) as u64 && slow < quick / 50;
    assert!(attempts.any(is_quick), "some take the slower link");
}
