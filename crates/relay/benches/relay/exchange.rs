//! Small messages, one after another.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use mptcp::Transport;
use relay::BufferPool;

use crate::rig::{Relay, pair};

const MESSAGE: usize = 1024;
const TIME: Duration = Duration::from_secs(3);

pub fn run(wanted: &dyn Fn(&str) -> bool) {
    println!("exchanges of {MESSAGE} bytes, one after another");
    println!("{:<34} {:>9}  CPU µs for each: relays", "", "per s");
    if wanted("exchange plain") {
        let (program, client) = pair(Transport::Tcp);
        let (onward, origin) = pair(Transport::Tcp);
        let relay = Relay::plain(client, onward, BufferPool::default());
        report("exchange plain", program, origin, vec![relay]);
    }
    if wanted("exchange secure") {
        let (program, client) = pair(Transport::Tcp);
        let (onward, origin) = pair(Transport::Tcp);
        let (edge, hub) = Relay::chain(client, onward);
        report("exchange secure", program, origin, vec![edge, hub]);
    }
}

fn report(name: &str, mut program: TcpStream, mut origin: TcpStream, relays: Vec<Relay>) {
    let answering = std::thread::spawn(move || {
        let mut message = [0; MESSAGE];
        while origin.read_exact(&mut message).is_ok() {
            origin.write_all(&message).unwrap();
        }
    });
    let mut message = [1; MESSAGE];
    let (began, mut count) = (Instant::now(), 0);
    while began.elapsed() < TIME {
        program.write_all(&message).unwrap();
        program.read_exact(&mut message).unwrap();
        count += 1;
    }
    let took = began.elapsed();
    drop(program);
    answering.join().unwrap();
    print!("{name:<34} {:>9.0} ", f64::from(count) / took.as_secs_f64());
    for relay in relays {
        print!(
            " {:>6.1}",
            relay.join().as_secs_f64() * 1e6 / f64::from(count)
        );
    }
    println!();
}
