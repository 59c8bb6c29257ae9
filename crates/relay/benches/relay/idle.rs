//! The memory of connections that carry nothing.

use std::net::TcpStream;
use std::sync::Arc;

use mptcp::Transport;
use relay::copy::{self, Leg, Terms};
use relay::registry::Traffic;
use relay::{BufferPool, Rates, SecureStream};
use tls::{EdgeConfig, HubConfig, HubKey, generate_secret};

use crate::rig::{as_edge, as_hub, pair, runtime, to_tokio};

const COUNT: usize = 2000;

pub fn run(wanted: &dyn Fn(&str) -> bool) {
    if !wanted("idle") {
        return;
    }
    println!("memory of {COUNT} idle connections, bytes each (without the kernel's)");
    let pairs = |transport| (0..COUNT).map(|_| pair(transport)).collect::<Vec<_>>();
    let (secure, plain) = (pairs(Transport::Mptcp), pairs(Transport::Tcp));
    runtime().block_on(measure(secure, plain));
}

async fn measure(secure: Vec<(TcpStream, TcpStream)>, plain: Vec<(TcpStream, TcpStream)>) {
    let mut before = resident();
    let mut report = |what: &str, each: usize| {
        let now = resident();
        println!("{what:<34} {:>9}", now.saturating_sub(before) / each);
        before = now;
    };
    let streams = handshakes(secure).await;
    report("secure stream, with its socket", 2 * COUNT);
    let (mut edges, mut origins, mut legs) = (Vec::new(), Vec::new(), Vec::new());
    for ((edge, hub), (near, origin)) in streams.into_iter().zip(plain) {
        edges.push(edge);
        origins.push(origin);
        let stream = Arc::new(to_tokio(near));
        let early = Default::default();
        legs.push((Leg::Secure(hub), Leg::Plain { stream, early }));
    }
    report("plain socket", COUNT);
    let pool = BufferPool::default();
    for (client, onward) in legs {
        let pool = pool.clone();
        tokio::spawn(async move {
            let terms = Terms {
                pool: &pool,
                idle: None,
                rates: Rates::default(),
            };
            copy::relay(client, onward, &Traffic::default(), &terms).await
        });
    }
    tokio::task::yield_now().await;
    report("relay", COUNT);
}

async fn handshakes(
    sockets: Vec<(TcpStream, TcpStream)>,
) -> Vec<(SecureStream, Box<SecureStream>)> {
    let (key, secret) = (HubKey::generate(), generate_secret());
    let (edge, hub) = (EdgeConfig::new(&key.pin(), &secret), HubConfig::new(&key));
    let mut streams = Vec::new();
    for (near, far) in sockets {
        let (edge, hub) = tokio::join!(as_edge(to_tokio(near), &edge), as_hub(to_tokio(far), &hub));
        streams.push((edge, Box::new(hub)));
    }
    streams
}

fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}
