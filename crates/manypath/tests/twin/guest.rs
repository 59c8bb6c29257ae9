//! The VM: the guest's namespace, cards that come and go, and what `wsl.exe` runs in it.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;

use lab::topology::{Lab, Node};
use netcfg::NetNs;

use crate::pc::CARDS;

/// Everything of its own that the edge writes is gone with it, as with a VM.
const RUN: &str = "mount -t sysfs sysfs /sys; mount -t tmpfs tmpfs /run; mount -t tmpfs tmpfs /var/lib; exec \"$@\"";

/// The guest.
pub struct Guest {
    namespace: NetNs,
    /// Where the cards are that are in no VM.
    shelf: NetNs,
    plugged: Mutex<BTreeSet<String>>,
    /// The processes that run in it.
    running: Mutex<Vec<u32>>,
    /// Called before a program runs: starts the VM, if it doesn't run.
    boot: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl Guest {
    /// Takes the lab's uplinks out of the guest.
    pub fn new(lab: &Lab) -> Arc<Self> {
        let guest = Self {
            namespace: lab.namespace(Node::Guest).clone(),
            shelf: NetNs::new().expect("a namespace"),
            plugged: Mutex::default(),
            running: Mutex::default(),
            boot: OnceLock::new(),
        };
        for (_, uplink) in CARDS {
            guest.move_card(&guest.namespace, &guest.shelf, uplink);
        }
        Arc::new(guest)
    }

    /// Serves the stand-in for `wsl.exe`.
    pub fn serve(self: &Arc<Self>, listener: TcpListener, boot: impl Fn() + Send + Sync + 'static) {
        let _ = self.boot.set(Box::new(boot));
        let guest = Arc::clone(self);
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let guest = Arc::clone(&guest);
                thread::spawn(move || guest.run(stream));
            }
        });
    }

    pub fn plug_in(&self, card: &str, mac: &str) {
        let uplink = uplink_of(card);
        self.move_card(&self.shelf, &self.namespace, uplink);
        let mac = mac.replace('-', ":");
        ip(&self.namespace, &["link", "set", uplink, "address", &mac]);
        ip(&self.namespace, &["link", "set", uplink, "up"]);
        self.plugged
            .lock()
            .expect("no panic")
            .insert(card.to_owned());
    }

    pub fn unplug(&self, card: &str) {
        if self.plugged.lock().expect("no panic").remove(card) {
            self.move_card(&self.namespace, &self.shelf, uplink_of(card));
        }
    }

    /// What is in it.
    pub fn plugged(&self) -> BTreeSet<String> {
        self.plugged.lock().expect("no panic").clone()
    }

    /// Ends the programs by force.
    pub fn kill(&self) {
        for id in self.running.lock().expect("no panic").drain(..) {
            let id = rustix::process::Pid::from_raw(id.cast_signed()).expect("a process");
            // It may have ended.
            let _ = rustix::process::kill_process(id, rustix::process::Signal::KILL);
        }
    }

    /// The VM ends: its programs, its cards and its network.
    pub fn halt(&self) {
        self.kill();
        for card in self.plugged() {
            self.unplug(&card);
        }
        for table in [
            "nft flush ruleset",
            "ip rule flush; ip rule add pref 32766 lookup main",
        ] {
            let status = self.namespace.command("sh").args(["-c", table]).status();
            assert!(status.expect("a shell").success());
        }
        ip(&self.namespace, &["mptcp", "endpoint", "flush"]);
    }

    fn move_card(&self, from: &NetNs, to: &NetNs, uplink: &str) {
        let place = format!("/proc/{}/fd/{}", std::process::id(), to.as_fd_number());
        ip(from, &["link", "set", uplink, "netns", &place]);
    }

    fn run(&self, stream: TcpStream) {
        if let Some(boot) = self.boot.get() {
            boot();
        }
        let mut input = BufReader::new(stream.try_clone().expect("a socket"));
        let mut line = String::new();
        if !input.read_line(&mut line).is_ok_and(|length| length > 0) {
            return;
        }
        let command: Vec<String> = serde_json::from_str(&line).expect("a command");
        assert_eq!(command[0], "/usr/bin/manypath");
        let mut child = self.start(&command[1..]);
        self.running.lock().expect("no panic").push(child.id());
        let output = Arc::new(Mutex::new(stream));
        let stdin = child.stdin.take().expect("piped");
        thread::spawn(move || feed(input, stdin));
        let stdout = child.stdout.take().expect("piped");
        let stderr = child.stderr.take().expect("piped");
        let lines = [pass_on('o', stdout, &output), pass_on('e', stderr, &output)];
        let code = child.wait().expect("it ends").code().unwrap_or(137);
        lines.into_iter().for_each(|it| it.join().expect("it ends"));
        let mut output = output.lock().expect("no panic");
        // wsl.exe may have been ended.
        let _ = writeln!(output, "x{code}");
        let _ = output.shutdown(Shutdown::Both);
    }

    fn start(&self, arguments: &[String]) -> Child {
        let mut command: Command = self.namespace.command("unshare");
        command
            .args([
                "--mount",
                "sh",
                "-ec",
                RUN,
                "sh",
                env!("CARGO_BIN_EXE_manypath"),
            ])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.spawn().expect("the edge starts")
    }
}

fn feed(mut input: impl Read, mut stdin: impl Write) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(length @ 1..) = input.read(&mut buffer) {
        if stdin
            .write_all(&buffer[..length])
            .and_then(|()| stdin.flush())
            .is_err()
        {
            return;
        }
    }
}

fn pass_on(
    kind: char,
    lines: impl Read + Send + 'static,
    output: &Arc<Mutex<TcpStream>>,
) -> thread::JoinHandle<()> {
    let output = Arc::clone(output);
    thread::spawn(move || {
        for line in BufReader::new(lines).lines().map_while(Result::ok) {
            let mut output = output.lock().expect("no panic");
            if writeln!(output, "{kind}{line}").is_err() {
                return;
            }
        }
    })
}

fn uplink_of(card: &str) -> &'static str {
    let mut cards = CARDS.iter();
    let found = cards.find(|(name, _)| *name == card);
    found.expect("one of the cards").1
}

pub fn ip(namespace: &NetNs, arguments: &[&str]) {
    let output = namespace.command("ip").args(arguments).output();
    let output = output.expect("ip is there");
    assert!(output.status.success(), "ip {arguments:?}: {output:?}");
}

/// The number of a namespace's descriptor, by which others find it.
trait Number {
    fn as_fd_number(&self) -> i32;
}

impl Number for NetNs {
    fn as_fd_number(&self) -> i32 {
        use std::os::fd::AsFd;
        self.as_fd().as_raw_fd()
    }
}
