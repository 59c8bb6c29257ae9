//! The hub goes away and comes back.

use lab::rig::Rig;
use lab::topology::Node;
use rustix::process::{Pid, Signal, kill_process};

use super::{AT_ONCE, assert_works_at_once, ready, wait_until_ready};
use crate::support::{shell, socks5, spec};

/// SIGKILL: the hub says no word.
fn kill_hub(rig: &mut Rig) {
    let id = i32::try_from(rig.hub().unwrap().id()).unwrap();
    kill_process(Pid::from_raw(id).unwrap(), Signal::KILL).unwrap();
    rig.stop_hub().unwrap_err();
}

#[test]
fn a_request_works_at_once_after_the_hub_was_restarted() {
    let mut rig = ready(spec());
    for orderly in [true, false] {
        assert_works_at_once(&rig, "before");
        match orderly {
            true => rig.stop_hub().unwrap(),
            false => kill_hub(&mut rig),
        }
        rig.start_hub().unwrap();
        assert_works_at_once(&rig, if orderly { "stopped" } else { "killed" });
        wait_until_ready(&rig);
    }
}

/// The edge's connections look as good as before, and nobody tells it that they are not.
#[test]
fn a_request_works_at_once_after_the_hubs_machine_crashed() {
    let mut rig = ready(spec());
    let crash = "nft add table inet crash
                 nft add chain inet crash out '{ type filter hook output priority 0; policy drop; }'";
    shell(rig.lab(), Node::Hub, crash).ok();
    kill_hub(&mut rig);
    shell(rig.lab(), Node::Hub, "nft delete table inet crash").ok();
    rig.start_hub().unwrap();
    // A client that waits for the proxy's answer has sent nothing that could be sent twice.
    let began = std::time::Instant::now();
    assert_eq!(socks5(&rig, "203.0.113.18", 80).unwrap(), 0);
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    wait_until_ready(&rig);
    assert_works_at_once(&rig, "later");
}
