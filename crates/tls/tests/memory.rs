//! What an idle connection costs the hub. Alone in its program, since it looks at the whole process.

use std::fs;

use tls::{Channel, EdgeConfig, HubConfig, HubKey, generate_secret};

const CHANNELS: usize = 2000;

/// A hub has 12 KiB for each idle connection; most of it is for the socket and the task.
const LIMIT: usize = 4096;

#[test]
fn an_idle_channel_is_small() {
    let key = HubKey::generate();
    let edge = EdgeConfig::new(&key.pin(), &generate_secret());
    let hub = HubConfig::new(&key);
    // What is allocated once, and what the first handshakes leave for the next ones.
    let mut channels: Vec<_> = (0..100).map(|_| established(&edge, &hub)).collect();
    channels.reserve(CHANNELS);
    let before = resident();
    channels.extend((0..CHANNELS).map(|_| established(&edge, &hub)));
    let each = resident().saturating_sub(before) / CHANNELS;
    println!(
        "{each} bytes for each idle channel, {} in place",
        size_of::<Channel>()
    );
    assert!(each < LIMIT, "{each} bytes for each idle channel");
    assert!(channels.iter().all(Channel::is_established));
}

fn established(edge: &EdgeConfig, hub: &HubConfig) -> Channel {
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
    hub
}

/// The bytes of memory that this process has, from `/proc/self/statm`.
fn resident() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").expect("/proc is there");
    let pages = statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<usize>().ok());
    pages.expect("the second field is a number") * 4096
}
