//! Warnings of files with secrets that others than their owner can read.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::place::{PROGRAM, Place};

/// Much longer than it takes, because the machine may have other work.
const LIMIT: Duration = Duration::from_secs(10);

/// A program that is ended with its value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs edge or hub in a network namespace of its own until it has warned of the file.
fn warns(place: &Place, what: &str, settings: &str, file: &str) -> bool {
    let mut command = Command::new("unshare");
    command.args(["--net", PROGRAM, what, "--settings"]);
    command.arg(place.path(settings)).stderr(Stdio::piped());
    let mut running = Running(command.spawn().expect("a program"));
    let log = running.0.stderr.take().expect("it is piped");
    let wanted = format!("chmod 600 {}", place.path(file).display());
    let (found, heard) = std::sync::mpsc::channel();
    // Not joined: it ends with the program.
    std::thread::spawn(move || {
        let mut lines = BufReader::new(log).lines().map_while(Result::ok);
        let _ = found.send(lines.any(|line| line.contains("WARN") && line.contains(&wanted)));
    });
    heard.recv_timeout(LIMIT).unwrap_or(false)
}

#[test]
fn the_hub_warns_of_its_key() {
    let (place, _) = Place::with_hub();
    let own = |name: &str| place.path(name).display().to_string();
    let settings = place.read("hub.toml");
    place.write(
        "hub.toml",
        &format!(
            "{settings}state = {:?}\nusage = {:?}\n",
            own("state"),
            own("usage")
        ),
    );
    place.set_mode("hub.key", 0o640);
    assert!(warns(&place, "hub", "hub.toml", "hub.key"));
}

#[test]
fn the_edge_warns_of_settings_with_a_link() {
    let (place, link) = Place::with_hub();
    let (socket, usage) = (place.path("edge.sock"), place.path("edge.usage"));
    let settings = format!(
        "usage = {usage:?}\nout.hub = \"{}\"\n[[uplink]]\ninterface = \"none0\"\n[control]\nsocket = {socket:?}\n",
        *link.expose()
    );
    place.write("edge.toml", &settings);
    place.set_mode("edge.toml", 0o644);
    assert!(warns(&place, "edge", "edge.toml", "edge.toml"));
}
