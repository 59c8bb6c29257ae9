//! What nobody may see.

use std::fs;

use lab::rig::Process;
use lab::topology::Node;
use wire::hub::{OpenRefusal, UserSecret};

use crate::edge::{User, admitted, dial, greet};
use crate::server::{LIMIT, PROGRAM, Server, eventually};

/// Every way of writing a secret that could end up in a text.
fn spellings(secret: &UserSecret) -> Vec<String> {
    let bytes = secret.expose();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let list = format!("{bytes:?}");
    vec![secret.text().to_string(), hex, list]
}

/// What everyone, or at least root, can read about a process, and how it may be looked into.
fn visible(process: &Process) -> String {
    let read = |name| {
        let bytes = fs::read(format!("/proc/{}/{name}", process.id())).expect("it runs");
        String::from_utf8_lossy(&bytes).into_owned()
    };
    read("cmdline") + &read("environ")
}

#[track_caller]
fn assert_absent(text: &str, secrets: &[String]) {
    for secret in secrets {
        // Half of one is one too much.
        let half = &secret[..secret.len() / 2];
        assert!(!text.contains(half), "{half} in {text}");
    }
}

/// The process may leave no core file, and nobody but root may look into it.
#[track_caller]
fn assert_private(process: &Process) {
    let read =
        |name| fs::read_to_string(format!("/proc/{}/{name}", process.id())).expect("it runs");
    let limits = read("limits");
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"));
    let core: Vec<&str> = core.expect("a limit").split_ascii_whitespace().collect();
    assert_eq!(core[4..6], ["0", "0"], "{core:?}");
    // With PR_SET_DUMPABLE 0, files in /proc belong to root whoever runs the program (proc(5)).
    use std::os::unix::fs::MetadataExt;
    let owner = fs::metadata(format!("/proc/{}/environ", process.id()))
        .expect("it runs")
        .uid();
    assert_eq!(owner, 0);
}

#[test]
fn a_hub_keeps_secrets_and_destinations_to_itself() {
    let mut server = Server::prepare("");
    server.set_wrapper("export MANYPATH_LOG=trace");
    server.run();
    let stranger = User::new("mallory");
    server.at_guest(async || {
        let mut edge = admitted(&server.key, &server.alice).await;
        edge.exchange(1000).await;
        assert_eq!(
            edge.tries("10.9.9.9:80").await,
            Some(OpenRefusal::NotAllowed)
        );
        assert_eq!(
            edge.tries("203.0.113.18:4321").await,
            Some(OpenRefusal::Refused)
        );
        let stream = dial(&server.key, &stranger).await;
        assert!(greet(stream, 1..=1).await.is_err());
        drop(edge);
    });
    let server_code = crate::client::code_for(&server, "203.0.113.18", 4322);
    assert_eq!(server_code, 5, "connection refused");
    server.wait_for_log("an edge's connection ended");
    let log = server.log();
    assert!(log.contains("DEBUG"), "it is a talkative log: {log}");
    let pem = server.key.to_pem();
    let key = pem.lines().nth(1).expect("a key").to_owned();
    let secrets = [spellings(&server.alice.secret), spellings(&stranger.secret)].concat();
    for text in [&log, &visible(server.process())] {
        assert_absent(text, &secrets);
        assert_absent(text, &[key.clone(), "wonder land".to_owned()]);
    }
    for address in ["203.0.113.18", "10.9.9.9"] {
        assert!(!log.contains(address), "{address}: {log}");
    }
    // Whole numbers: a time of day may well have these digits in it.
    let mut numbers = log.split(|c: char| !c.is_ascii_digit());
    assert!(
        !numbers.any(|number| ["4321", "4322"].contains(&number)),
        "a port: {log}"
    );
    assert_private(server.process());
    server.stop().expect("a clean stop");
    let usage = fs::read_to_string(server.path("hub.usage")).expect("usage");
    assert_absent(&usage, &secrets);
}

#[test]
fn destinations_are_logged_for_who_asks_for_them() {
    let server = Server::start("log_destinations = true");
    server.at_guest(async || {
        let mut edge = admitted(&server.key, &server.alice).await;
        edge.exchange(1000).await;
        assert_eq!(
            edge.tries("10.9.9.9:80").await,
            Some(OpenRefusal::NotAllowed)
        );
    });
    eventually("both are in the log", || {
        let log = server.log();
        (log.contains("destination=203.0.113.18:80") && log.contains("destination=10.9.9.9:80"))
            .then_some(())
    });
    let log = server.log();
    assert!(
        log.contains("user=alice") && log.contains("hub_connection="),
        "{log}"
    );
}

#[test]
fn an_edge_keeps_its_link_to_itself() {
    let mut server = Server::prepare("");
    server.set_wrapper("export MANYPATH_LOG=debug");
    server.run();
    let (secret, pin) = (server.alice.secret.text(), server.key.pin());
    let link = format!("manypath://{}@203.0.113.2:443/?pin={pin}", *secret);
    let (socket, usage) = (server.path("edge.sock"), server.path("edge.usage"));
    let settings = format!(
        "usage = {usage:?}\n[[uplink]]\ninterface = \"eth1\"\naddresses = \"external\"\n\
         [out]\nhub = \"{link}\"\n[control]\nsocket = {socket:?}\n"
    );
    server.write("edge.toml", &settings);
    let mut command = server.lab.command(Node::Guest, PROGRAM);
    command
        .args(["edge", "--settings"])
        .arg(server.path("edge.toml"));
    command.env("MANYPATH_LOG", "trace");
    let log = server.path("edge.log");
    let edge = Process::start("edge", command, &log).expect("a program");
    eventually("it has a connection to the hub", || {
        assert!(!edge.has_ended(), "{}", edge.log_tail());
        server.log().contains("user=alice").then_some(())
    });
    let secrets = spellings(&server.alice.secret);
    assert_absent(&visible(&edge), &secrets);
    assert_private(&edge);
    let mut status = server.lab.command(Node::Guest, PROGRAM);
    status.args(["status", "--json", "--socket"]).arg(&socket);
    let status = status.output().expect("a program");
    assert!(status.status.success(), "{status:?}");
    assert_absent(&String::from_utf8_lossy(&status.stdout), &secrets);
    edge.stop(LIMIT).expect("a clean stop");
    let log = fs::read_to_string(log).expect("a log");
    assert!(log.contains("INFO"), "it has a log: {log}");
    assert_absent(&log, &secrets);
}
