//! A thousand questions to the edge's name server while links come and go.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use lab::rig::Rig;
use lab::topology::{Node, Uplink, addresses};

/// How many names are asked for, by UDP and TCP in turn, how often, and how long each answer is waited for: as
/// `dig` does.
const COUNT: u16 = 1000;
const EVERY: Duration = Duration::from_millis(10);
const PATIENCE: Duration = Duration::from_secs(5);

/// With the same seed links are away for the same times.
const SEED: u64 = 0x666c_6170;

/// How long each answer took, by the number of its question.
type Took = BTreeMap<u16, Duration>;

/// The query for the address of a name of its own below `domain` (RFC 1035 section 4.1).
pub fn question(number: u16, domain: &str) -> Vec<u8> {
    let [high, low] = number.to_be_bytes();
    let mut bytes = vec![high, low, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in format!("n{number}.{domain}").split('.') {
        bytes.push(label.len() as u8);
        bytes.extend(label.as_bytes());
    }
    bytes.extend([0, 0, 1, 0, 1]);
    bytes
}

/// When a question is asked, if the first one was at `start`.
fn asked_at(start: Instant, number: u16) -> Instant {
    start + EVERY * number.into()
}

/// Asks each question once: those with even numbers by UDP, the others on one connection.
fn ask_all(rig: &Rig, server: SocketAddr) -> [Took; 2] {
    let (udp, mut tcp) = rig.lab().namespace(Node::Windows).run(|| {
        let udp = UdpSocket::bind("0.0.0.0:0").expect("a socket");
        udp.connect(server).expect("a route");
        (udp, TcpStream::connect(server).expect("a name server"))
    });
    tcp.set_nodelay(true).expect("an option");
    udp.set_read_timeout(Some(PATIENCE)).expect("an option");
    tcp.set_read_timeout(Some(PATIENCE)).expect("an option");
    let (udp_answers, mut tcp_answers) = (
        udp.try_clone().expect("a copy"),
        tcp.try_clone().expect("a copy"),
    );
    let start = Instant::now();
    std::thread::scope(|scope| {
        let by_udp = scope.spawn(move || collect(start, || datagram(&udp_answers)));
        let by_tcp = scope.spawn(move || collect(start, || message(&mut tcp_answers)));
        for number in 0..COUNT {
            sleep(asked_at(start, number).saturating_duration_since(Instant::now()));
            let question = question(number, "flaps.test");
            if number % 2 == 0 {
                udp.send(&question).expect("it is sent");
            } else {
                let length = (question.len() as u16).to_be_bytes();
                tcp.write_all(&[&length, &question[..]].concat())
                    .expect("it is sent");
            }
        }
        [by_udp, by_tcp].map(|thread| thread.join().expect("no panic"))
    })
}

/// Takes answers until half of the questions have theirs, or nothing comes for as long as one is waited for. Those
/// without an address count for nothing, as do those that come too late.
fn collect(start: Instant, mut next: impl FnMut() -> io::Result<Vec<u8>>) -> Took {
    let mut took = Took::new();
    while took.len() < usize::from(COUNT / 2)
        && let Ok(answer) = next()
    {
        let number = u16::from_be_bytes([answer[0], answer[1]]);
        let time = asked_at(start, number).elapsed();
        // No error, and one record.
        if answer[3] & 15 == 0 && answer[6..8] == [0, 1] && time <= PATIENCE {
            took.entry(number).or_insert(time);
        }
    }
    took
}

fn datagram(socket: &UdpSocket) -> io::Result<Vec<u8>> {
    let mut buffer = [0; 1500];
    let length = socket.recv(&mut buffer)?;
    Ok(buffer[..length].to_vec())
}

/// With its length before it (RFC 1035 section 4.2.2).
fn message(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut message = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut message)?;
    Ok(message)
}

/// One link at a time goes, pulled out or silent, and comes back.
fn flap(rig: &Rig, done: &AtomicBool) -> usize {
    let mut random = fastrand::Rng::with_seed(SEED);
    let mut number = 0;
    while !done.load(Ordering::Relaxed) {
        let link = rig.lab().link(if number % 2 == 0 {
            Uplink::FIRST
        } else {
            Uplink::SECOND
        });
        let is_pulled = number / 2 % 2 == 0;
        let set = |on: bool| match is_pulled {
            true => link.carrier(on).expect("a link"),
            false => link.silence(!on),
        };
        set(false);
        sleep(Duration::from_millis(random.u64(200..600)));
        set(true);
        sleep(Duration::from_millis(random.u64(400..800)));
        number += 1;
    }
    number
}

/// The numbers of the questions that have no answer.
pub fn ask_while_links_flap(rig: &Rig) -> Vec<u16> {
    let done = AtomicBool::new(false);
    let server = SocketAddr::from((addresses::GUEST.ipv4(), 53));
    let (answers, flaps) = std::thread::scope(|scope| {
        let flapping = scope.spawn(|| flap(rig, &done));
        let answers = ask_all(rig, server);
        done.store(true, Ordering::Relaxed);
        (answers, flapping.join().expect("no panic"))
    });
    for (way, took) in ["UDP", "TCP"].into_iter().zip(&answers) {
        let mut times: Vec<Duration> = took.values().copied().collect();
        times.sort();
        println!(
            "{way}: {flaps} flaps; {} answers, median {:?}, 99 % within {:?}, longest {:?}",
            times.len(),
            times.get(times.len() / 2),
            times.get(times.len() * 99 / 100),
            times.last(),
        );
    }
    assert!(flaps > 5, "{flaps}");
    let is_lost = |number: &u16| !answers.iter().any(|took| took.contains_key(number));
    (0..COUNT).filter(is_lost).collect()
}
