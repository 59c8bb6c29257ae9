//! What the relay costs: `cargo bench -p relay [-- FILTER]`, as root.
//!
//! Every program has a thread of its own, so that its CPU time is known: sender, relays, receiver, all
//! over loopback in a network namespace of their own. Throughput depends on how many cores there are
//! for them; CPU seconds per GiB depend much less on it.
#![expect(clippy::unwrap_used, reason = "a benchmark that can't go on is over")]

mod exchange;
mod idle;
mod rig;
mod throughput;

use netcfg::{InterfaceIndex, NetNs, Netlink};

fn main() {
    // cargo adds --bench.
    let filter = std::env::args().skip(1).find(|it| !it.starts_with('-'));
    let wanted = |name: &str| filter.as_ref().is_none_or(|filter| name.contains(filter));
    NetNs::new().expect("network namespaces need root").run(|| {
        rig::runtime().block_on(async {
            let netlink = Netlink::new().unwrap();
            netlink.set_link_up(InterfaceIndex::LOOPBACK).await.unwrap();
        });
        choose_congestion_control();
        throughput::run(&wanted);
        exchange::run(&wanted);
        idle::run(&wanted);
    });
}

/// BBR is erratic where there is no delay. Only what `tcp_allowed_congestion_control` lists may be
/// chosen outside of the first network namespace.
fn choose_congestion_control() {
    let chosen = ["cubic", "reno"]
        .into_iter()
        .find(|name| std::fs::write("/proc/sys/net/ipv4/tcp_congestion_control", name).is_ok());
    println!(
        "congestion control: {}",
        chosen.expect("reno is always allowed")
    );
}
