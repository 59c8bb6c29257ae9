//! The server's kernel settings while the hub runs and after.

use lab::topology::addresses;
use mptcp::Limits;

use crate::server::Server;

/// What the hub sets by default.
const WANTED: [(&str, &str); 9] = [
    ("net.mptcp.stale_loss_cnt", "3"),
    ("net.mptcp.blackhole_timeout", "0"),
    ("net.ipv4.tcp_slow_start_after_idle", "0"),
    ("net.ipv4.tcp_tw_reuse", "1"),
    ("net.ipv4.tcp_retrans_collapse", "0"),
    ("net.ipv4.tcp_mtu_probing", "1"),
    ("net.ipv4.tcp_congestion_control", "bbr"),
    ("net.ipv4.tcp_rmem", "4096\t131072\t16777216"),
    ("net.ipv4.tcp_wmem", "4096\t16384\t16777216"),
];

/// Everything that the hub changes.
#[derive(Debug, PartialEq)]
struct State {
    sysctls: Vec<String>,
    limits: Limits,
    endpoints: Vec<mptcp::Endpoint>,
}

fn state(server: &Server) -> State {
    State {
        sysctls: WANTED.iter().map(|(key, _)| server.sysctl(key)).collect(),
        limits: server.limits(),
        endpoints: server.endpoints(),
    }
}

#[track_caller]
fn assert_tuned(server: &Server) {
    for (key, value) in WANTED {
        // The others must hold on every kernel; this one is optional.
        let bbr = server
            .sysctl("net.ipv4.tcp_available_congestion_control")
            .contains("bbr");
        if key != "net.ipv4.tcp_congestion_control" || bbr {
            assert_eq!(server.sysctl(key), value, "{key}");
        }
    }
    let limits = server.limits();
    assert_eq!((limits.subflows, limits.add_addr_accepted), (8, 8));
    let addresses: Vec<_> = server.endpoints().iter().map(|it| it.address).collect();
    assert_eq!(addresses, [addresses::HUB_SECOND.ipv4()]);
}

fn announcing() -> String {
    format!("announce = [\"{}\"]", addresses::HUB_SECOND.ipv4())
}

#[test]
fn settings_are_put_back_by_a_clean_stop() {
    let mut server = Server::prepare(&announcing());
    let before = state(&server);
    server.run();
    assert_tuned(&server);
    server.stop().expect("a clean stop");
    assert_eq!(state(&server), before);
    assert!(!server.path("hub.originals").exists());
}

#[test]
fn after_a_kill_the_next_run_converges_and_restores_what_was_there_first() {
    let mut server = Server::prepare(&announcing());
    let before = state(&server);
    server.run();
    server.kill();
    assert_tuned(&server);
    server.run();
    assert_tuned(&server);
    server.stop().expect("a clean stop");
    assert_eq!(state(&server), before);

    // The second time the next run announces nothing: what is left must go at its start.
    server.run();
    server.kill();
    server.set("");
    server.run();
    assert_eq!(server.endpoints(), []);
    server.stop().expect("a clean stop");
    assert_eq!(state(&server), before);
}

#[test]
fn a_failed_start_leaves_nothing_behind() {
    let mut server = Server::prepare("announce = [\"203.0.113.9\"]");
    let before = state(&server);
    let (code, says) = server.fail();
    assert_eq!(code, 1);
    assert!(
        says.contains("203.0.113.9 is no address of this server; add it to an interface"),
        "{says}"
    );
    assert_eq!(state(&server), before);

    server.set(&announcing());
    server.run();
    let (code, says) = server.fail();
    assert_eq!(code, 1);
    assert!(says.contains("another edge or hub runs"), "{says}");
    server.set_with("other.originals", "");
    let (code, says) = server.fail();
    assert_eq!(code, 1);
    assert!(
        says.contains("cannot listen on [::]:443") && says.contains("ss -ltnp"),
        "{says}"
    );
    // The one that runs keeps what it has.
    assert_tuned(&server);
    server.stop().expect("a clean stop");
    assert_eq!(state(&server), before);
}
