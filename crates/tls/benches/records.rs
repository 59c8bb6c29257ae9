//! What one core can do: records sealed and received, and handshakes.

use divan::Bencher;
use divan::counter::BytesCount;
use tls::{Channel, EdgeConfig, HubConfig, HubKey, generate_secret};

fn main() {
    divan::main();
}

/// How many records are made or taken in one go, as the relay does with what it has.
const RECORDS: usize = 16;

const SIZES: [usize; 3] = [100, 1400, 16384];

fn configs() -> (EdgeConfig, HubConfig) {
    let key = HubKey::generate();
    let edge = EdgeConfig::new(&key.pin(), &generate_secret());
    (edge, HubConfig::new(&key))
}

fn established((edge, hub): &(EdgeConfig, HubConfig)) -> (Channel, Channel) {
    let mut edge = Channel::edge(edge).expect("an edge");
    let mut hub = Channel::hub(hub).expect("a hub");
    while !hub.is_established() {
        let mut bytes = std::mem::take(edge.outgoing());
        let _ = hub
            .receive(&mut bytes, &mut |_| {})
            .expect("the edge's flight");
        let mut bytes = std::mem::take(hub.outgoing());
        let _ = edge
            .receive(&mut bytes, &mut |_| {})
            .expect("the hub's flight");
    }
    (edge, hub)
}

#[divan::bench(args = SIZES)]
fn seal(bencher: Bencher<'_, '_>, size: usize) {
    let (mut edge, _hub) = established(&configs());
    let plain = vec![0x5a; size];
    let mut out = Vec::with_capacity(RECORDS * tls::sealed_len(size));
    bencher
        .counter(BytesCount::new(RECORDS * size))
        .bench_local(|| {
            out.clear();
            for _ in 0..RECORDS {
                edge.seal(&plain, &mut out).expect("it is established");
            }
            out.len()
        });
}

#[divan::bench(args = SIZES)]
fn receive(bencher: Bencher<'_, '_>, size: usize) {
    let (mut edge, mut hub) = established(&configs());
    let plain = vec![0x5a; size];
    bencher
        .counter(BytesCount::new(RECORDS * size))
        .with_inputs(|| {
            let mut out = Vec::with_capacity(RECORDS * tls::sealed_len(size));
            for _ in 0..RECORDS {
                edge.seal(&plain, &mut out).expect("it is established");
            }
            out
        })
        .bench_local_values(|mut bytes| {
            let mut sum = 0;
            let received = hub.receive(&mut bytes, &mut |record| sum += record.len());
            (received.expect("nobody meddles"), sum, bytes)
        });
}

/// Both ends of it.
#[divan::bench]
fn handshake(bencher: Bencher<'_, '_>) {
    let configs = configs();
    bencher.bench_local(|| established(&configs));
}
