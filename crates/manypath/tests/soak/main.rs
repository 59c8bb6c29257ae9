//! Two thousand connections at once for a minute, with random aborts: nothing may leak. Needs root.
#![cfg(target_os = "linux")]
#![expect(clippy::expect_used, reason = "a test that can't go on has failed")]

mod client;
mod deed;
mod inside;
mod origin;
mod soak;
mod usage;

use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use soak::{AT_ONCE, Soak};

/// Longer than a connection lasts.
const WARM_UP: Duration = Duration::from_secs(20);
const SOAK: Duration = Duration::from_secs(45);
/// What may be left of each connection, in bytes. The allocator's fragments were 150 to 250 each; the
/// smallest thing that could leak with every connection, its task, is several KiB.
const LEFT: u64 = 512;
/// A busy machine has more connections in the midst of their opening than before, and the allocator keeps
/// what that took. What leaks grows in every round.
const ROUNDS: usize = 4;
/// Threads of the runtime's pool come when the status is asked for, and go after a while.
const POOL: u64 = 16;
/// With the same seed the same connections are made; the kernel's timing still differs.
const SEED: u64 = 0x4d50;

#[test]
fn two_thousand_connections_for_a_minute_leave_nothing_behind() {
    raise_open_files();
    let soak = Soak::start();
    let fresh = soak.measure();
    // Buffers, the allocator's arenas and the kernel's tables grow to the size that they need once.
    soak.wave();
    soak.churn(WARM_UP);
    let mut before = soak.measure();
    let rules = soak.rules();

    let mut time = SOAK;
    let settled = (0..ROUNDS).find_map(|_| {
        let made_before = soak.made();
        let most = soak.churn(time);
        soak.wave();
        let after = soak.measure();
        let made = soak.made() - made_before;
        println!("{made} connections, {most} at once\nbefore {before:?}\nafter {after:?}");
        assert!(most > AT_ONCE / 2, "{most} at once");
        let grown = |name| after[name].memory.saturating_sub(before[name].memory);
        let has_not_grown = after.keys().all(|name| grown(name) <= made * LEFT);
        before = after;
        time = WARM_UP;
        has_not_grown.then_some(())
    });
    assert!(settled.is_some(), "the memory grows and grows");
    soak.wait_until_calm();
    assert_eq!(soak.rules(), rules);
    for (name, after) in soak.measure() {
        let fresh = &fresh[name];
        assert_eq!(after.open_files, fresh.open_files, "{name}");
        assert!(after.threads <= fresh.threads + POOL, "{name}");
    }
    soak.stop();
}

/// Both ends of all connections are in this process.
fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).expect("up to the hard limit anyone may");
}
