//! A machine on which the edge can't run: one sentence that says what to do.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;

use lab::rig::Rig;
use lab::topology::Node;

use super::{edge, quiet, sentence, settings};
use crate::support::{
    LIMIT, PROGRAM, Server, assert_downloads, assert_same, output, proxy_spec, run, socks5, spec,
    state,
};

#[test]
fn the_port_is_taken() {
    let (lab, folder) = quiet();
    let server = Server::start(&lab, Node::Guest, 1080, drop);
    let before = state(&lab);
    let ran = edge(&lab, &folder, settings(folder.path().to_str().unwrap()));
    let error = sentence(&ran);
    assert!(
        error.contains("1080") && error.contains("proxy.port"),
        "{error}"
    );
    assert_same(&before, &state(&lab));
    assert!(!folder.path().join("edge.sock").exists());
    drop(server);
}

#[test]
fn the_user_is_not_root() {
    let (lab, folder) = quiet();
    // Where others than root may read.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let program = folder.path().join("manypath");
    fs::copy(PROGRAM, &program).unwrap();
    let file = folder.path().join("edge.toml");
    fs::write(&file, settings(folder.path().to_str().unwrap())).unwrap();
    let before = state(&lab);
    let arguments = [
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        "--bounding-set=-all",
        program.to_str().unwrap(),
        "edge",
        "--settings",
        file.to_str().unwrap(),
    ];
    let ran = run(&lab, Node::Guest, "setpriv", &arguments);
    let error = sentence(&ran);
    assert!(
        error.contains("root") || error.contains("CAP_NET_ADMIN"),
        "{}",
        ran.err
    );
    assert_same(&before, &state(&lab));
    assert!(!folder.path().join("edge.sock").exists());
}

#[test]
fn a_second_edge_says_that_one_runs() {
    let rig = Rig::up(spec()).unwrap();
    let before = output(&rig, Node::Guest, "nft", &["list", "ruleset"]);
    let file = rig.folder().join("edge.toml");
    let arguments = ["edge", "--settings", file.to_str().unwrap()];
    let ran = run(rig.lab(), Node::Guest, PROGRAM, &arguments);
    let error = sentence(&ran);
    assert!(
        error.contains("runs already") && error.contains("control.socket"),
        "{error}"
    );
    assert_eq!(
        output(&rig, Node::Guest, "nft", &["list", "ruleset"]),
        before
    );
    assert!(rig.edge_status().is_ok());
    assert!(
        rig.connect(LIMIT)
            .unwrap()
            .download(1000, |_| {})
            .unwrap()
            .intact
    );
}

#[test]
fn the_control_socket_cannot_be_made() {
    let (lab, folder) = quiet();
    let before = state(&lab);
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let ran = edge(&lab, &folder, settings(file.to_str().unwrap()));
    assert!(sentence(&ran).contains("control.socket"), "{}", ran.err);
    assert_same(&before, &state(&lab));
}

#[test]
fn mptcp_that_is_switched_off_is_switched_on_and_off_again() {
    let spec = proxy_spec();
    let lab = lab::topology::Lab::up(spec.lab.clone()).unwrap();
    let enabled = |lab: &lab::topology::Lab| {
        run(lab, Node::Guest, "cat", &["/proc/sys/net/mptcp/enabled"]).ok()
    };
    run(&lab, Node::Guest, "sysctl", &["-qw", "net.mptcp.enabled=0"]).ok();
    let mut rig = Rig::up_in(lab, spec).unwrap();
    assert_eq!(enabled(rig.lab()), "1\n");
    assert_eq!(socks5(&rig, "203.0.113.18", 80).unwrap(), 0);
    rig.stop_edge().unwrap();
    assert_eq!(enabled(rig.lab()), "0\n");
}

#[test]
fn status_without_an_edge() {
    let (lab, _folder) = quiet();
    let arguments = ["status", "--socket", "/nonexistent/edge.sock"];
    let ran = run(&lab, Node::Guest, PROGRAM, &arguments);
    let error = sentence(&ran);
    assert!(
        error.contains("/nonexistent/edge.sock") && error.contains("manypath edge"),
        "{error}"
    );
}

#[test]
fn who_asks_for_the_status_and_does_not_read_it_stops_nobody() {
    let rig = Rig::up(spec()).unwrap();
    let silent: Vec<UnixStream> = (0..200)
        .map(|_| UnixStream::connect(rig.edge_socket()).unwrap())
        .collect();
    let socket = rig.edge_socket();
    let arguments = ["status", "--socket", socket.to_str().unwrap()];
    let shown = output(&rig, Node::Guest, PROGRAM, &arguments);
    assert!(
        shown.contains("mode: double") && shown.contains("eth2"),
        "{shown}"
    );
    drop(silent);
    let mode = fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// What somebody else takes away comes back, where the kernel tells about it.
#[test]
fn routes_and_rules_that_others_delete_come_back() {
    let rig = Rig::up(spec()).unwrap();
    crate::support::shell(
        rig.lab(),
        Node::Guest,
        "ip rule del pref 7803; ip route flush table 7800000; ip addr flush dev eth2 scope global",
    )
    .ok();
    crate::support::eventually("all is back", || {
        let rules = output(&rig, Node::Guest, "ip", &["rule"]);
        let routes = output(
            &rig,
            Node::Guest,
            "ip",
            &["-4", "route", "show", "table", "7800000"],
        );
        let addresses = output(
            &rig,
            Node::Guest,
            "ip",
            &["-4", "addr", "show", "dev", "eth2"],
        );
        let back = rules.contains("lookup 7800000")
            && routes.matches("default").count() == 2
            && addresses.contains("192.168.12.100");
        back.then_some(())
    });
    assert_downloads(&rig);
}
