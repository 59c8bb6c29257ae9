//! An edge runs while its settings change.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::{AtomicU64, Ordering};

use lab::rig::{HUB_PORT, ORIGIN_PORT, PROXY_PORT, Process, uplinks_in_use};
use lab::topology::{Node, addresses};
use lab::traffic::{Client, Origin, Via};
use mptcp::Transport;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::world::{LIMIT, PROGRAM, SETTINGS, Said, World, eventually};

/// An edge in a world, and an origin. The edge ends with it.
struct Running {
    edge: Process,
    _origin: Origin,
    world: World,
}

impl Running {
    /// With a hub, or some other text behind `out`.
    fn start(hub: &str) -> Self {
        let world = World::up();
        let any = SocketAddr::from((Ipv6Addr::UNSPECIFIED, ORIGIN_PORT));
        let origin = Origin::start(world.lab.namespace(Node::Origin), any, Transport::Tcp);
        write_settings(&world, hub);
        let mut command = world.lab.command(Node::Guest, PROGRAM);
        command.args(["edge", "--settings"]).arg(world.settings());
        let edge = Process::start("edge", command, &world.path("edge.log")).expect("a program");
        let running = Self {
            edge,
            _origin: origin.expect("an origin"),
            world,
        };
        eventually("both uplinks are in use", || {
            let tail = || running.edge.log_tail();
            assert!(!running.edge.has_ended(), "{}", tail());
            (uplinks_in_use(&running.status()?) == 2).then_some(())
        });
        running
    }

    fn status(&self) -> Option<Value> {
        let mut stream = UnixStream::connect(self.world.path("edge.sock")).ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Changes the settings, and has the edge read them.
    fn change(&self, hub: &str) {
        write_settings(&self.world, hub);
        let count = |status: &Value| status["settings"]["count"].as_u64();
        let before = self.status().and_then(|status| count(&status));
        let pid = i32::try_from(self.edge.id()).expect("a process id");
        let pid = Pid::from_raw(pid).expect("a process id");
        kill_process(pid, Signal::HUP).expect("it runs");
        eventually("the settings are read", || {
            (count(&self.status()?) > before).then_some(())
        });
    }

    fn log(&self) -> String {
        fs::read_to_string(self.world.path("edge.log")).expect("a log")
    }

    fn connect(&self) -> Client {
        let proxy = SocketAddr::from((Ipv4Addr::LOCALHOST, PROXY_PORT));
        let origin = SocketAddr::from((addresses::ORIGIN.ipv4(), ORIGIN_PORT));
        let guest = self.world.lab.namespace(Node::Guest);
        let client = guest.run(|| Client::connect(Via::Socks5(proxy), origin, LIMIT));
        client.expect("the edge connects")
    }

    fn download(&self, bytes: u64) {
        let transfer = self.connect().download(bytes, |_| {});
        assert!(transfer.expect("a download").intact);
    }

    /// Connections that the user's edges have to the hub.
    fn connections(&self, user: &str) -> Option<u64> {
        let family = "manypath_hub_user_edge_connections";
        let line = format!("{family}{{user=\"{user}\",kind=\"hub\"}}");
        self.world.metric(&line)
    }

    fn bytes_down(&self, user: &str, kind: &str) -> u64 {
        let family = "manypath_hub_user_bytes_total";
        let labels = format!("user=\"{user}\",kind=\"{kind}\",direction=\"down\"");
        let value = self.world.metric(&format!("{family}{{{labels}}}"));
        value.expect("the hub knows the user")
    }

    /// A long download goes on, and is whole, while `act` is done.
    fn meanwhile(&self, act: impl FnOnce()) {
        let (client, got) = (self.connect(), AtomicU64::new(0));
        std::thread::scope(|scope| {
            let long = scope.spawn(|| {
                let (mut client, got) = (client, &got);
                client.download(LONG, |bytes| {
                    got.fetch_add(bytes, Ordering::Relaxed);
                })
            });
            eventually("it has begun", || {
                (got.load(Ordering::Relaxed) > 1_000_000).then_some(())
            });
            act();
            assert!(!long.is_finished(), "it was too short");
            let transfer = long.join().expect("no panic").expect("a download");
            assert!(transfer.intact && transfer.bytes == LONG);
        });
    }
}

/// Takes the links some seconds more than a change of hubs does.
const LONG: u64 = 80_000_000;

impl Drop for Running {
    /// Of a test that has failed, the log tells most.
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the edge's log:\n{}", self.log());
        }
    }
}

fn write_settings(world: &World, out: &str) {
    let (socket, usage) = (world.path("edge.sock"), world.path("edge.usage"));
    let text = format!("usage = {usage:?}\n{SETTINGS}\n[control]\nsocket = {socket:?}\n\n{out}");
    fs::write(world.settings(), text).expect("a file");
}

#[track_caller]
fn assert_connected(said: &Said) {
    assert_eq!(said.code, 0, "{said:?}");
    let words = "\nthe edge uses it: connected to the hub after ";
    assert!(said.out.contains(words), "{said:?}");
}

#[test]
fn another_link_counts_at_once_and_running_connections_go_on() {
    let running = Running::start("");
    let world = &running.world;
    assert_eq!(running.status().expect("a status")["mode"], "single");
    let said = world.connect(&world.link.expose(), &["--json"]);
    assert_eq!(said.json()["edge"]["state"], "connected", "{said:?}");
    assert_eq!(running.status().expect("a status")["mode"], "double");
    running.download(100_000);
    assert!(running.bytes_down("first", "hub") >= 100_000);

    let second = world.add_user("second");
    running.meanwhile(|| {
        let said = world.connect(&second, &[]);
        assert_connected(&said);
        assert!(
            said.out.contains("\nit replaces the hub 203.0.113.2:443\n"),
            "{said:?}"
        );
        running.download(100_000);
        assert!(running.bytes_down("second", "hub") >= 100_000);
        // The idle ones are closed, the one that is in use is not.
        eventually("one connection of the former user is left", || {
            (running.connections("first")? == 1).then_some(())
        });
    });
    eventually("it is closed, too", || {
        (running.connections("first")? == 0).then_some(())
    });
    assert!(running.bytes_down("first", "hub") >= LONG);
    assert!(running.bytes_down("second", "hub") < LONG / 10);
    // The same link once more changes nothing.
    let before = running.status().expect("a status");
    let said = world.connect(&second, &[]);
    assert_connected(&said);
    assert!(
        said.out.contains("the settings have this link already"),
        "{said:?}"
    );
    let after = running.status().expect("a status");
    let requests = |status: &Value| status["hub_connections"]["requests"].as_u64();
    assert_eq!(requests(&before), requests(&after), "it is the same pool");
}

#[test]
fn from_socks5_to_the_hub_protocol_and_back() {
    let hub = addresses::HUB.ipv4();
    let socks5 = format!("[out]\nhub = \"socks5://ann:pass@{hub}:{HUB_PORT}\"\n");
    let running = Running::start(&socks5);
    let world = &running.world;
    running.meanwhile(|| {
        assert_connected(&world.connect(&world.link.expose(), &[]));
        running.download(100_000);
        assert!(running.bytes_down("first", "hub") >= 100_000);
    });
    assert!(running.bytes_down("ann", "socks5") >= LONG);
    running.change(&socks5);
    running.download(100_000);
    assert!(running.bytes_down("ann", "socks5") >= LONG + 100_000);
    eventually("nothing of the hub protocol is left", || {
        (running.connections("first")? == 0).then_some(())
    });
    let status = running.status().expect("a status");
    assert_eq!(status["hub_connections"], Value::Null);
    assert_eq!(status["hub"], json!([format!("{hub}:{HUB_PORT}")]));
}

#[test]
fn wrong_settings_change_nothing_and_are_named_with_line_and_key() {
    let running = Running::start("");
    let world = &running.world;
    assert_connected(&world.connect(&world.link.expose(), &[]));
    let good = world.read_settings();
    running.change("[out]\nhub = 7\nconnect_timeot = \"1s\"\n");
    let line = good
        .lines()
        .position(|line| line == "[out]")
        .expect("it is there")
        + 2;
    let place = format!("edge.toml:{line}:");
    let status = running.status().expect("a status");
    let error = status["settings"]["error"].as_str().expect("an error");
    for text in [running.log().as_str(), error] {
        for part in [place.as_str(), "out.hub", "out.connect_timeot"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
    let problem = status["problems"][0].as_str().expect("a problem");
    assert!(problem.contains("goes by its former ones"), "{problem}");
    assert_eq!(status["hub_connections"]["state"], "connected");
    running.download(100_000);
    assert!(running.bytes_down("first", "hub") >= 100_000);

    fs::write(world.settings(), &good).expect("a file");
    assert_connected(&world.connect(&world.link.expose(), &[]));
    let status = running.status().expect("a status");
    assert_eq!(status["settings"]["error"], Value::Null);
    assert_eq!(status["problems"], json!([]));
}

#[test]
fn what_needs_a_restart_is_named() {
    let running = Running::start("");
    running.change("[proxy]\nport = 1081\n[mptcp]\nsubflows = 3\n[bypass]\nports = [25]\n");
    let keys = "need a restart (systemctl restart manypath-edge): proxy.port, mptcp";
    assert!(running.log().contains(keys), "{}", running.log());
    let status = running.status().expect("a status");
    assert_eq!(
        status["settings"]["need_restart"],
        json!(["proxy.port", "mptcp"])
    );
    // In single mode the origin is reached by plain TCP, on the port of the start.
    running.download(100_000);
    running.change("");
    let status = running.status().expect("a status");
    assert_eq!(status["settings"]["need_restart"], json!([]));
}

#[test]
fn an_edge_that_can_not_be_told_is_left_alone_with_words_what_to_do() {
    let running = Running::start("");
    let world = &running.world;
    // Its settings are in another file.
    let other = world.path("other.toml");
    fs::copy(world.settings(), &other).expect("a copy");
    let mut command = world.lab.command(Node::Guest, PROGRAM);
    command.arg("connect").arg(&*world.link.expose());
    let output = command
        .arg("--settings")
        .arg(&other)
        .output()
        .expect("a program");
    let said = String::from_utf8_lossy(&output.stdout);
    let words = format!("has other settings: {}\n", world.settings().display());
    assert!(output.status.success() && said.contains(&words), "{said}");

    // It belongs to root, who does not ask.
    let program = world.path("manypath");
    fs::copy(PROGRAM, &program).expect("a copy");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("rights");
    let nobody = Some(65534);
    for path in [world.folder.path(), &world.settings()] {
        std::os::unix::fs::chown(path, nobody, nobody).expect("an owner");
    }
    let script = format!(
        "exec setpriv --reuid 65534 --regid 65534 --clear-groups {} connect --settings {}",
        program.display(),
        world.settings().display()
    );
    let said = world.connect_after(&script, &world.link.expose(), &[]);
    assert_eq!(said.code, 0, "{said:?}");
    let words = "this user may not ask it. Run: systemctl reload manypath-edge\n";
    assert!(said.out.contains(words), "{said:?}");
    let everyone = fs::Permissions::from_mode(0o666);
    fs::set_permissions(world.path("edge.sock"), everyone).expect("rights");
    let said = world.connect_after(&script, &world.link.expose(), &[]);
    assert_eq!(said.code, 0, "{said:?}");
    let words = "this user may not signal it. Run: systemctl reload manypath-edge\n";
    assert!(said.out.contains(words), "{said:?}");
    assert_eq!(running.status().expect("a status")["mode"], "single");
}

#[test]
fn without_an_edge_or_with_an_older_one_it_says_what_to_run() {
    let world = World::up();
    write_settings(&world, "[out]\nhub = \"socks5://ann:pass@old.test:1080\"\n");
    // The signal would end this test.
    let edge = UnixListener::bind(world.path("edge.sock")).expect("a socket");
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = edge.accept().expect("a question");
        stream
            .write_all(b"{\"version\":\"0.0.9\"}")
            .expect("it listens");
    });
    let said = world.connect(&world.link.expose(), &[]);
    assert_eq!(said.code, 0, "{said:?}");
    let words = "it is an older version. Run: systemctl restart manypath-edge\n";
    assert!(said.out.contains(words), "{said:?}");
    assert!(
        said.out.contains("\nit replaces the hub old.test:1080\n"),
        "{said:?}"
    );
    answering.join().expect("no panic");
    let said = world.connect(&world.link.expose(), &[]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("\nstart the edge with it: "), "{said:?}");
}
