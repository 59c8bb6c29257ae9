//! Wrong settings: line and key of each error, exit code 2, nothing changed.

use lab::topology::Node;

use super::{edge, quiet, settings};
use crate::support::{PROGRAM, assert_same, run, state};

#[test]
fn each_error_has_line_and_key_and_nothing_changes() {
    let (lab, folder) = quiet();
    let before = state(&lab);
    let good = settings(folder.path().to_str().unwrap());
    // What is added behind nine good lines or put in their place, and what the error must name.
    for (more, place, what) in [
        ("[proxy]\nprot = 1080\n", ":11:", "proxy.prot"),
        ("[proxy]\nport = \"1080\"\n", ":11:", "proxy.port"),
        ("[proxy]\nport = 0\n", ":11:", "proxy.port"),
        ("[out]\nhub = \"http://x:1\"\n", ":11:", "out.hub"),
        (
            "[out]\nconnect_timeout = \"soon\"\n",
            ":11:",
            "out.connect_timeout",
        ),
        (
            "[bypass]\nnetworks = [\"10.0.0.0/8\",\n\"10.1.0.0/16\"]\n",
            ":12:",
            "bypass.networks",
        ),
        (
            "[bypass]\nports = [\"1-100\", 50]\n",
            ":11:",
            "bypass.ports",
        ),
        ("[[uplink]]\ninterface = \"eth1\"\n", ":11:", "uplink[2]"),
        (
            "[[uplink]]\nmac = \"02:00:00:00:00:01\"\n[[uplink]]\nmac = \"02:00:00:00:00:01\"\n",
            ":13:",
            "uplink[3].mac",
        ),
        (
            "[[uplink]]\ninterface = \"eth0\"\n",
            ":11:",
            "uplink[2].interface",
        ),
        ("[mptcp]\nsubflows = 9\n", ":11:", "mptcp.subflows"),
        ("[mptcp\n", ":10:", "TOML"),
    ] {
        let ran = edge(&lab, &folder, format!("{good}{more}"));
        assert_eq!(ran.code, 2, "{more}\n{}", ran.err);
        assert!(ran.err.contains(place), "{more}: no {place} in {}", ran.err);
        assert!(ran.err.contains(what), "{more}: no {what} in {}", ran.err);
    }
    assert_same(&before, &state(&lab));
}

#[test]
fn all_errors_are_told_at_once() {
    let (lab, folder) = quiet();
    let ran = edge(
        &lab,
        &folder,
        "[proxy]\nport = 0\nprot = 1\n[mptcp]\nsubflows = 9\n",
    );
    assert_eq!(ran.code, 2);
    for what in ["proxy.port", "proxy.prot", "mptcp.subflows", "uplink"] {
        assert!(ran.err.contains(what), "no {what} in {}", ran.err);
    }
}

#[test]
fn hostile_files() {
    let (lab, folder) = quiet();
    let deep = "a = ".to_owned() + &"[".repeat(100_000);
    let long = format!("[proxy]\nport = {}\n", "9".repeat(100_000));
    for text in [
        &b""[..],
        b"\0\0\0\0",
        b"\xff\xfe[\x00h\x00",
        deep.as_bytes(),
        long.as_bytes(),
        "[host]\ninterface = \"../../etc/passwd\"\n".as_bytes(),
        "[host]\ninterface = \"a b; reboot\"\n".as_bytes(),
    ] {
        let ran = edge(&lab, &folder, text);
        assert_eq!(ran.code, 2, "{:?}", ran);
        assert!(!ran.err.contains("panicked"), "{}", ran.err);
    }
    let missing = ["edge", "--settings", "/nonexistent/edge.toml"];
    let ran = run(&lab, Node::Guest, PROGRAM, &missing);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("/nonexistent/edge.toml"), "{}", ran.err);
}

#[test]
fn a_password_is_in_no_error() {
    let (lab, folder) = quiet();
    for hub in [
        "socks5://ann:hunter2@host",
        "socks5://ann:hunter2@host:0",
        "socks5://ann:hunter2%@host:1",
        "http://ann:hunter2@host:1",
        "socks5://ann:hunter2@host:1/path",
    ] {
        let text = format!("[[uplink]]\ninterface = \"eth1\"\n[out]\nhub = \"{hub}\"\n");
        let ran = edge(&lab, &folder, text);
        assert_eq!(ran.code, 2, "{hub}");
        assert!(!ran.err.contains("hunter2"), "{}", ran.err);
    }
}
