//! A host runs the edge, as the service on Windows does: by messages on its standard input and output.
//! The test plays the host.

use std::fs;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use channel::{Applied, HostHello, Lines, PROTOCOL, SecretText, ToEdge, ToHost, line};
use lab::rig::Rig;
use lab::topology::{LabSpec, Node, Uplink};
use serde_json::Value;

use crate::changes::warm_lab;
use crate::support::{
    LIMIT, PROGRAM, assert_downloads, assert_same, eventually, shell, spec, state,
};

mod ends;
mod uplinks;

/// The host's end.
struct Host {
    edge: Child,
    stdin: Option<ChildStdin>,
    messages: Receiver<ToHost>,
    /// The edge's log, shown when a test fails.
    log: Option<PathBuf>,
}

impl Host {
    /// Starts an edge, and reads what it says only from when `reading` is told.
    fn start_deaf(rig: &Rig) -> (Self, impl FnOnce() + use<>) {
        let log = fs::File::create(rig.folder().join("edge.log")).unwrap();
        let mut command = rig.lab().command(Node::Guest, PROGRAM);
        command.stderr(log);
        let (mut host, listen) = Self::run(command);
        host.log = Some(rig.folder().join("edge.log"));
        (host, listen)
    }

    fn run(mut command: Command) -> (Self, impl FnOnce() + use<>) {
        command.args(["edge", "--stdio"]).stdin(Stdio::piped());
        let mut edge = command.stdout(Stdio::piped()).spawn().unwrap();
        let (mut stdout, stdin) = (edge.stdout.take().unwrap(), edge.stdin.take());
        let (sender, messages) = channel();
        let listen = move || {
            let (mut lines, mut buffer) = (Lines::<ToHost>::default(), vec![0; 1 << 16]);
            thread::spawn(move || {
                while let Ok(length @ 1..) = stdout.read(&mut buffer) {
                    lines.push(&buffer[..length]);
                    while let Some(message) = lines.take().unwrap() {
                        drop(sender.send(message));
                    }
                }
            });
        };
        let host = Self {
            edge,
            stdin,
            messages,
            log: None,
        };
        (host, listen)
    }

    fn start(rig: &Rig) -> Self {
        let (mut host, listen) = Self::start_deaf(rig);
        listen();
        host.greet();
        host
    }

    fn greet(&mut self) {
        self.say(&ToEdge::Hello(HostHello {
            protocol: PROTOCOL,
            version: "0.1.0".to_owned(),
        }));
    }

    fn say(&mut self, message: &ToEdge) {
        self.write(&line(message));
    }

    fn write(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(bytes).unwrap();
    }

    fn set(&mut self, settings: &str) {
        self.say(&ToEdge::Settings(SecretText(settings.to_owned())));
    }

    /// Waits for a message.
    fn hear<T>(&self, what: &str, mut find: impl FnMut(ToHost) -> Option<T>) -> T {
        let deadline = Instant::now() + LIMIT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(message) = self.messages.recv_timeout(left) else {
                panic!("the edge did not {what} within {LIMIT:?}");
            };
            if let Some(found) = find(message) {
                return found;
            }
        }
    }

    fn hear_ready(&self) -> channel::Ready {
        self.hear("get ready", |message| match message {
            ToHost::Ready(ready) if ready.online && !ready.gateways.is_empty() => Some(ready),
            _ => None,
        })
    }

    /// Goes, and waits for the edge's end.
    fn go(&mut self) -> ExitStatus {
        self.stdin = None;
        self.edge.wait().unwrap()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.edge.kill();
        let _ = self.edge.wait();
        if let Some(log) = self.log.as_ref().filter(|_| thread::panicking()) {
            println!(
                "the edge's log:\n{}",
                fs::read_to_string(log).unwrap_or_default()
            );
        }
    }
}

/// A rig without an edge, and the settings that an edge is to have.
fn rig() -> (Rig, String) {
    let mut rig = Rig::up_in(warm_lab(LabSpec::default()), spec()).unwrap();
    rig.stop_edge().unwrap();
    let settings = fs::read_to_string(rig.folder().join("edge.toml")).unwrap();
    (rig, settings)
}

/// The rig has started no edge itself, so it can't be asked to wait for one.
fn wait_for_status(rig: &Rig, what: &str, is_so: impl Fn(&Value) -> bool) {
    eventually(what, || {
        rig.edge_status().ok().filter(|status| is_so(status))
    });
}

/// What an edge has made the kernel forget is back with the next advertisement.
fn wait_for_routers(rig: &Rig) {
    let script =
        "while [ $(ip -6 route | grep -c '^default.*proto ra') != 2 ]; do sleep 0.05; done";
    shell(rig.lab(), Node::Guest, script).ok();
}

#[test]
fn an_edge_does_what_its_host_says_and_leaves_nothing() {
    let (rig, settings) = rig();
    wait_for_routers(&rig);
    let before = state(rig.lab());
    let mut host = Host::start(&rig);
    let hello = host.hear("greet", |message| match message {
        ToHost::Hello(hello) => Some(hello),
        _ => None,
    });
    assert_eq!(
        (hello.protocol, hello.mptcp),
        (PROTOCOL, channel::Mptcp::Available)
    );
    assert_eq!(hello.vm, None, "this is no WSL");
    host.set("[out]\nhbu = 3\n");
    let errors = host.hear("refuse wrong settings", |message| match message {
        ToHost::Applied(Applied::Refused { errors }) => Some(errors),
        _ => None,
    });
    assert!(
        errors.contains("settings from the host:2:1: out.hbu"),
        "{errors}"
    );
    host.set(&settings);
    let ready = host.hear_ready();
    let eth0 = shell(rig.lab(), Node::Guest, "ip -4 -o addr show eth0").ok();
    assert!(
        eth0.contains(&ready.gateways[0].to_string()),
        "{ready:?} {eth0}"
    );
    assert_downloads(&rig);
    host.say(&ToEdge::Status);
    let status = host.hear("tell its status", |message| match message {
        ToHost::Status(status) => Some(status),
        _ => None,
    });
    assert_eq!(status["uplinks"].as_array().unwrap().len(), 2, "{status:#}");
    for _ in 0..2 {
        host.hear("be alive", |message| {
            (message == ToHost::Alive).then_some(())
        });
    }
    assert!(host.go().success());
    wait_for_routers(&rig);
    assert_same(&before, &state(rig.lab()));
}

#[test]
fn an_edge_that_nobody_listens_to_works_on() {
    let (rig, settings) = rig();
    let (mut host, listen) = Host::start_deaf(&rig);
    host.greet();
    host.set(&settings);
    // Some ten megabytes, where a pipe holds 64 KiB.
    for _ in 0..5000 {
        host.say(&ToEdge::Status);
    }
    wait_for_status(&rig, "it runs", |status| {
        !status["uplinks"][1]["addresses"].is_null()
    });
    assert_downloads(&rig);
    listen();
    host.hear_ready();
    assert!(host.go().success());
}

#[test]
fn a_host_that_cannot_be_understood_is_told_why() {
    let (rig, settings) = rig();
    let fatal = |host: &Host| {
        host.hear("say why it ends", |message| match message {
            ToHost::Fatal(why) => Some(why),
            _ => None,
        })
    };
    let mut host = Host::start_deaf(&rig);
    (host.1)();
    host.0.say(&ToEdge::Hello(HostHello {
        protocol: 99,
        version: "9.0.0".to_owned(),
    }));
    let why = fatal(&host.0);
    assert!(
        why.contains("9.0.0") && why.contains("99") && why.contains("manypath install"),
        "{why}"
    );
    assert!(!host.0.go().success());
    // In its midst, too, and everything is put back.
    let mut host = Host::start(&rig);
    host.set(&settings);
    host.hear_ready();
    host.write(b"GET / HTTP/1.1\r\n");
    let why = fatal(&host);
    assert!(why.contains("no message"), "{why}");
    assert!(!host.go().success());
    let endpoints = shell(rig.lab(), Node::Guest, "ip mptcp endpoint; nft list tables").ok();
    assert_eq!(endpoints.trim(), "");
}

#[test]
fn a_host_is_told_when_an_edge_is_online_no_more() {
    let (rig, settings) = rig();
    let mut host = Host::start(&rig);
    host.set(&settings);
    host.hear_ready();
    for uplink in [Uplink::FIRST, Uplink::SECOND] {
        rig.lab().link(uplink).carrier(false).unwrap();
    }
    let pulled = Instant::now();
    host.hear("say that it is offline", |message| match message {
        ToHost::Ready(ready) => (!ready.online).then_some(()),
        _ => None,
    });
    assert!(pulled.elapsed() < Duration::from_secs(3));
}
