//! Bulk in one direction.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use mptcp::Transport;
use relay::BufferPool;
use relay::pool::Pipe;

use crate::rig::{Relay, cpu, pair};

const GIB: usize = 1 << 30;
const LEN: usize = 4 * GIB;

pub fn run(wanted: &dyn Fn(&str) -> bool) {
    println!("throughput, {} GiB in one direction", LEN / GIB);
    println!(
        "{:<34} {:>9}  CPU s/GiB: sender, relays, receiver",
        "", "Gbit/s"
    );
    use Transport::{Mptcp, Tcp};
    for transport in [Tcp, Mptcp] {
        let name = format!("no relay, {transport:?}");
        if wanted(&name) {
            let (sender, receiver) = pair(transport);
            report(&name, sender, receiver, Vec::new());
        }
    }
    for (from, to) in [(Tcp, Tcp), (Tcp, Mptcp), (Mptcp, Tcp)] {
        for pipes in [false, true] {
            let how = if pipes { "pipes" } else { "copy" };
            let name = format!("plain {from:?} to {to:?}, {how}");
            if wanted(&name) {
                plain(&name, from, to, pipes);
            }
        }
    }
    let name = "plain, two relays, Mptcp between";
    if wanted(name) {
        let (program, client) = pair(Tcp);
        let (edge, hub) = pair(Mptcp);
        let (onward, origin) = pair(Tcp);
        let edge = Relay::plain(client, edge, BufferPool::default());
        let hub = Relay::plain(hub, onward, BufferPool::default());
        report(name, origin, program, vec![hub, edge]);
    }
    for up in [true, false] {
        let name = if up {
            "secure, edge seals, hub opens"
        } else {
            "secure, hub seals, edge opens"
        };
        if wanted(name) {
            secure(name, up);
        }
    }
}

fn plain(name: &str, from: Transport, to: Transport, pipes: bool) {
    let (sender, client) = pair(from);
    let (onward, receiver) = pair(to);
    let pool = BufferPool::default();
    // Without pipes to be had the relay copies.
    let taken: Vec<Pipe> = std::iter::from_fn(|| pool.pipe().filter(|_| !pipes)).collect();
    let relay = Relay::plain(client, onward, pool);
    report(name, sender, receiver, vec![relay]);
    drop(taken);
}

fn secure(name: &str, up: bool) {
    let (program, client) = pair(Transport::Tcp);
    let (onward, origin) = pair(Transport::Tcp);
    let (edge, hub) = Relay::chain(client, onward);
    if up {
        report(name, program, origin, vec![edge, hub]);
    } else {
        report(name, origin, program, vec![hub, edge]);
    }
}

/// Sends, receives and prints; `relays` are in the order of the bytes.
fn report(name: &str, sender: TcpStream, receiver: TcpStream, relays: Vec<Relay>) {
    let began = Instant::now();
    let sending = std::thread::spawn(move || send(sender));
    let received = receive(receiver);
    let took = began.elapsed();
    let sent = sending.join().unwrap();
    print!(
        "{name:<34} {:>9.2} ",
        LEN as f64 * 8e-9 / took.as_secs_f64()
    );
    let relays = relays.into_iter().map(Relay::join);
    for cpu in [sent].into_iter().chain(relays).chain([received]) {
        print!(" {:>6.3}", cpu.as_secs_f64() / (LEN / GIB) as f64);
    }
    println!();
}

fn send(mut stream: TcpStream) -> Duration {
    let chunk = vec![7; 1 << 20];
    for _ in 0..LEN / chunk.len() {
        stream.write_all(&chunk).unwrap();
    }
    stream.shutdown(Shutdown::Write).unwrap();
    // The relay's other direction ends, too.
    let used = cpu();
    let _end = stream.read(&mut [0]);
    used
}

fn receive(mut stream: TcpStream) -> Duration {
    let began = cpu();
    let mut buffer = vec![0; 1 << 20];
    let mut got = 0;
    loop {
        match stream.read(&mut buffer).unwrap() {
            0 => break,
            bytes => got += bytes,
        }
    }
    assert_eq!(got, LEN);
    cpu() - began
}
