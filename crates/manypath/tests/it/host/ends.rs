//! How it ends, and what does not end it.

use std::io::Read;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use channel::{Applied, ToHost};
use lab::rig::Rig;
use lab::topology::Node;
use rustix::pipe::fcntl_setpipe_size;
use rustix::process::{Pid, Signal, kill_process};

use super::{Host, rig, wait_for_routers};
use crate::support::{PROGRAM, assert_downloads, assert_same, shell, state};

impl Host {
    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.edge), signal).unwrap();
    }

    fn hear_alive(&self) {
        self.hear("be alive", |message| {
            (message == ToHost::Alive).then_some(())
        });
    }

    /// Waits for its end; it still has its input.
    fn end(&mut self) -> ExitStatus {
        self.edge.wait().unwrap()
    }
}

/// What an edge would leave if it left something.
fn assert_nothing_is_left(rig: &Rig) {
    let script = "ip mptcp endpoint; nft list tables; ip rule | grep -v 'lookup \\(local\\|main\\|default\\)'";
    let left = shell(rig.lab(), Node::Guest, script).text();
    assert_eq!(left.trim(), "");
}

#[test]
fn one_that_has_no_good_settings_is_alive_and_waits() {
    let (rig, settings) = rig();
    let mut host = Host::start(&rig);
    host.set("[out]\nhbu = 3\n");
    host.hear("refuse wrong settings", |message| {
        matches!(message, ToHost::Applied(Applied::Refused { .. })).then_some(())
    });
    let began = Instant::now();
    for _ in 0..3 {
        host.hear_alive();
    }
    assert!(began.elapsed() < Duration::from_millis(3900));
    host.set(&settings);
    host.hear_ready();
    assert!(host.go().success());
}

#[test]
fn a_signal_ends_one_that_has_no_settings_yet() {
    let (rig, _) = rig();
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let mut host = Host::start(&rig);
        host.hear_alive();
        host.signal(signal);
        assert!(host.end().success(), "{signal:?}");
    }
}

#[test]
fn a_signal_has_it_tell_and_clean_up() {
    let (rig, settings) = rig();
    // WSL ends what it runs with the one, whoever closes a terminal with the other.
    for signal in [Signal::TERM, Signal::HUP] {
        let mut host = Host::start(&rig);
        host.set(&settings);
        host.hear_ready();
        host.signal(signal);
        host.hear("take its gateways back", |message| match message {
            ToHost::Ready(ready) => ready.gateways.is_empty().then_some(()),
            _ => None,
        });
        assert!(host.end().success(), "{signal:?}");
        assert_nothing_is_left(&rig);
    }
}

#[test]
fn what_a_killed_one_leaves_the_next_one_takes_away() {
    let (rig, settings) = rig();
    wait_for_routers(&rig);
    let before = state(rig.lab());
    for end in [Signal::KILL, Signal::TERM] {
        let mut host = Host::start(&rig);
        host.set(&settings);
        host.hear_ready();
        assert_downloads(&rig);
        host.signal(end);
        host.end();
    }
    wait_for_routers(&rig);
    assert_same(&before, &state(rig.lab()));
}

#[test]
fn a_log_that_nobody_reads_holds_nothing_up() {
    let (rig, settings) = rig();
    let mut command = rig.lab().command(Node::Guest, PROGRAM);
    command.env("MANYPATH_LOG", "trace").stderr(Stdio::piped());
    let (mut host, listen) = Host::run(command);
    let mut stderr = host.edge.stderr.take().unwrap();
    let room = fcntl_setpipe_size(&stderr, 4096).unwrap();
    listen();
    host.greet();
    host.set(&settings);
    host.hear_ready();
    assert_downloads(&rig);
    host.hear_alive();
    let log = std::thread::spawn(move || {
        let mut log = String::new();
        stderr.read_to_string(&mut log).map(|_| log)
    });
    assert!(host.go().success());
    let log = log.join().unwrap().unwrap();
    assert!(log.len() > 2 * room, "it was never full: {log}");
}
