//! The guest as it is shipped: the image in a VM with a kernel of its own, whose network cards come and go. The
//! test is its host, and has what `scripts/guest` has made: `MANYPATH_GUEST` is a folder with the image and the
//! stand-in for WSL's init, `MANYPATH_KERNEL` one with an unpacked kernel package, or a kernel alone. Needs root and
//! QEMU.
#![cfg(target_os = "linux")]
#![expect(clippy::expect_used, reason = "a test that can't go on has failed")]

mod host;
mod pc;

use std::time::Duration;

use lab::topology::Uplink;

use pc::Pc;

/// What the edge may have in memory while nothing moves, in KiB.
const IDLE: u64 = 20 << 10;

/// Of a transfer, in bytes: more than what keeps a path up.
const MUCH: u64 = 300_000;

const UPLINKS: [Uplink; 2] = [Uplink::FIRST, Uplink::SECOND];

#[test]
fn cards_come_and_go_and_every_byte_is_right() {
    let mut pc = Pc::up();
    let hello = pc.host.hear_hello();
    println!("Linux {}", hello.kernel);
    assert_eq!(hello.mptcp, channel::Mptcp::Available);
    pc.set("active");

    // No card yet.
    assert!(
        !pc.host
            .hear_ready(|ready| !ready.gateways.is_empty())
            .online
    );
    for uplink in UPLINKS {
        pc.plug(uplink);
    }
    pc.host.hear_ready(|ready| ready.online);
    pc.until_in_use(2);
    let idle = pc.resident();
    println!("the idle edge has {idle} KiB in memory");
    assert!(idle < IDLE, "{idle} KiB");

    let before = pc.carried();
    pc.assert_downloads(4_000_000);
    let carried = pc.carried_since(&before);
    println!("the links have carried {carried:?} bytes");
    assert!(carried.iter().all(|it| *it > 1_000_000), "{carried:?}");

    let download = pc.download(36_000_000);
    download.until_more(3_000_000);
    pc.unplug(Uplink::SECOND);
    download.until_more(3_000_000);
    pc.plug(Uplink::SECOND);
    pc.until_more(Uplink::SECOND, MUCH, &download);

    // What a subflow is for changes without a new one (MP_PRIO).
    pc.set("backup");
    pc.until_used(Uplink::SECOND, "standby");
    // What was on its way comes first.
    download.until_more(1_000_000);
    let before = pc.carried();
    download.until_more(3_000_000);
    let carried = pc.carried_since(&before);
    println!("beside a backup the links have carried {carried:?} bytes");
    assert!(carried[1] < MUCH, "{carried:?}");
    pc.set("active");
    pc.until_more(Uplink::SECOND, MUCH, &download);
    assert!(download.finish().intact);

    // The PC sleeps, and its cards keep their carriers.
    let before = pc.requests();
    pc.sleep(Duration::from_secs(4000));
    pc.until_requests("leases are asked for again", before);

    let idle = pc.resident();
    println!("after that it has {idle} KiB");
    assert_eq!(pc.shut_down(), 0);
}
