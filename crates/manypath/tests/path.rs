//! `manypath path`: the real program, with an edge that runs in a lab.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::PathBuf;

use lab::rig::{Mode, Rig, RigSpec};
use lab::topology::Node;
use serde_json::{Value, json};
use settings::InterfaceMatch;
use settings::edge::{Role, Settings};

const PROGRAM: &str = env!("CARGO_BIN_EXE_manypath");

/// Rules with a comment that has to stay.
const NAMED: &str = "\
# my uplinks
[[uplink]]
name = \"wifi\"
interface = \"eth1\"
addresses = \"external\"

[[uplink]]
name = \"lte\"
interface = \"eth2\" # the modem
addresses = \"external\"
";

const PATTERN: &str = "\
# all cards
[[uplink]]
interface = \"eth*\"
addresses = \"external\"
";

/// What a run of the program said.
#[derive(Debug)]
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Said {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// An edge whose settings begin with these rules.
struct World(Rig);

impl World {
    fn up(uplinks: &str) -> Self {
        let mut spec = RigSpec::new(PROGRAM).with_static_uplinks();
        spec.mode = Mode::Single;
        let mut world = Self(Rig::up(spec).expect("a lab needs root"));
        world.0.stop_edge().expect("it ends well");
        let folder = world.0.folder().display();
        let text = format!(
            "usage = \"{folder}/edge.usage\"\n{uplinks}\n[host]\ninterface = \"eth0\"\n\
             [control]\nsocket = \"{folder}/edge.sock\"\n"
        );
        fs::write(world.file(), text).expect("a file");
        world.0.start_edge().expect("it starts");
        world
    }

    fn file(&self) -> PathBuf {
        self.0.folder().join("edge.toml")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.file()).expect("a file")
    }

    /// The settings' uplinks with their roles.
    fn roles(&self) -> Vec<(String, Role)> {
        let settings = Settings::load(self.file()).expect("they are right");
        let name = |interface: &InterfaceMatch| interface.to_string();
        let uplinks = settings.uplinks.iter();
        uplinks.map(|it| (name(&it.interface), it.role)).collect()
    }

    fn run(&self, arguments: &[&str]) -> Said {
        let mut command = self.0.lab().command(Node::Guest, PROGRAM);
        let output = command.arg("path").args(arguments).output();
        let output = output.expect("a program");
        Said {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    fn set(&self, arguments: &[&str]) -> Said {
        let file = self.file();
        let file = file.to_str().expect("text");
        self.run(&[&["set", "--settings", file], arguments].concat())
    }

    fn readings(&self) -> u64 {
        let status = self.0.edge_status().expect("it answers");
        assert_eq!(status["settings"]["need_restart"], json!([]));
        assert_eq!(status["settings"]["error"], Value::Null);
        let count = status["settings"]["count"].as_u64();
        count.expect("a number")
    }

    /// Waits until the kernel takes these uplinks, and no others, for backups.
    fn await_backups(&self, wanted: &[&str]) {
        let is_backup = |uplink: &&Value| {
            let addresses = uplink["addresses"].as_array().into_iter().flatten();
            let mut flags = addresses.filter_map(|it| it["flags"].as_array()).flatten();
            flags.any(|flag| flag == "backup")
        };
        let has = |status: &Value| {
            let uplinks = status["uplinks"].as_array().into_iter().flatten();
            let backups = uplinks.filter(is_backup).map(|it| it["name"].as_str());
            backups.eq(wanted.iter().map(|name| Some(*name)))
        };
        let what = "take its uplinks for what they are";
        self.0.wait_for_edge(what, has).expect("they are");
    }
}

#[test]
fn a_role_counts_at_once_and_every_other_byte_stays() {
    let world = World::up(NAMED);
    let before = world.text();
    world.await_backups(&[]);
    let said = world.set(&["lte", "backup"]);
    assert_eq!(
        (said.code, &*said.out),
        (0, "lte is backup now\n"),
        "{said:?}"
    );
    assert_eq!(world.readings(), 2);
    let modem = "# the modem\naddresses = \"external\"\n";
    let text = before.replace(modem, &format!("{modem}role = \"backup\"\n"));
    assert_eq!(world.text(), text);
    world.await_backups(&["lte"]);

    // By its interface, too.
    let said = world.set(&["eth2", "active", "--json"]);
    let json = json!({ "uplink": "lte", "role": "active", "edge": "running" });
    assert_eq!((said.code, said.json()), (0, json), "{said:?}");
    assert_eq!(world.readings(), 3);
    world.await_backups(&[]);
    let said = world.set(&["wifi", "off"]);
    assert_eq!(
        (said.code, &*said.out),
        (0, "wifi is off now\n"),
        "{said:?}"
    );
    let roles = [
        ("eth1".to_owned(), Role::Off),
        ("eth2".to_owned(), Role::Active),
    ];
    assert_eq!(world.roles(), roles);
}

#[test]
fn an_interface_of_a_pattern_gets_a_rule_of_its_own_that_counts_at_once() {
    let world = World::up(PATTERN);
    let before = world.text();
    let said = world.set(&["eth2", "backup"]);
    assert_eq!(
        (said.code, &*said.out),
        (0, "eth2 is backup now\n"),
        "{said:?}"
    );
    assert_eq!(world.readings(), 2);
    world.await_backups(&["eth2"]);
    let own = "[[uplink]]\ninterface = \"eth2\"\naddresses = \"external\"\nrole = \"backup\"\n\n";
    let text = before.replace("# all cards\n", &format!("# all cards\n{own}"));
    assert_eq!(world.text(), text);
    let said = world.set(&["eth2", "active"]);
    assert_eq!(
        (said.code, &*said.out),
        (0, "eth2 is active now\n"),
        "{said:?}"
    );
    world.await_backups(&[]);
    assert_eq!(world.text(), text.replace("\"backup\"", "\"active\""));
}

#[test]
fn what_is_wrong_changes_nothing() {
    let world = World::up(NAMED);
    let before = world.text();
    let said = world.set(&["LTE", "backup"]);
    let words = "there is no uplink \"LTE\"; the uplinks are wifi, lte\n";
    assert_eq!((said.code, &*said.err), (2, words));
    assert_eq!(world.set(&["lte", "Backup"]).code, 2);
    assert_eq!(world.text(), before);
    assert_eq!(world.readings(), 1);

    let wrong = before.replace("[host]", "[hosts]");
    fs::write(world.file(), &wrong).expect("a file");
    let said = world.set(&["lte", "backup"]);
    let line = wrong.lines().position(|line| line == "[hosts]");
    let place = format!("edge.toml:{}:2: hosts: ", line.expect("it is there") + 1);
    assert!(said.code == 2 && said.err.contains(&place), "{said:?}");
    assert_eq!(world.text(), wrong);

    fs::remove_file(world.file()).expect("it is there");
    let said = world.set(&["lte", "backup"]);
    assert!(
        said.code == 2 && said.err.contains("cannot be read"),
        "{said:?}"
    );
    assert!(!world.file().exists());
}

#[test]
fn without_an_edge_it_counts_from_the_next_start() {
    let mut world = World::up(NAMED);
    world.0.stop_edge().expect("it ends well");
    let said = world.set(&["lte", "backup"]);
    let words = "lte is backup from the next start of the edge on; none runs now\n";
    assert_eq!((said.code, &*said.out), (0, words), "{said:?}");
    let said = world.set(&["lte", "backup", "--json"]);
    let json = json!({ "uplink": "lte", "role": "backup", "edge": "not running" });
    assert_eq!((said.code, said.json()), (0, json), "{said:?}");
    world.0.start_edge().expect("it starts");
    world.await_backups(&["lte"]);
}

#[test]
fn what_else_has_changed_about_uplinks_counts_with_it() {
    let world = World::up(NAMED);
    let other = world
        .text()
        .replace("name = \"wifi\"", "name = \"Wi-Fi 2 (日本)\"");
    fs::write(world.file(), other).expect("a file");
    let said = world.set(&["Wi-Fi 2 (日本)", "backup"]);
    let words = "Wi-Fi 2 (日本) is backup now\n";
    assert_eq!((said.code, &*said.out), (0, words), "{said:?}");
    world.await_backups(&["Wi-Fi 2 (日本)"]);
}

#[test]
fn an_edge_with_other_settings_is_left_alone() {
    let world = World::up(NAMED);
    let copy = world.0.folder().join("other.toml");
    fs::copy(world.file(), &copy).expect("a copy");
    let copy = copy.to_str().expect("text");
    let said = world.run(&["set", "lte", "off", "--json", "--settings", copy]);
    let problem = said.json()["problem"].as_str().map(str::to_owned);
    let words = "the edge that runs has other settings: ";
    assert!(problem.is_some_and(|it| it.starts_with(words)), "{said:?}");
    assert_eq!(said.code, 0);
}

#[test]
fn uplinks_are_listed() {
    let mut world = World::up(NAMED);
    let socket = world.0.edge_socket();
    let socket = socket.to_str().expect("text");
    let said = world.run(&["--socket", socket]);
    let first = said.out.starts_with("uplink wifi (eth1): up");
    assert!(
        first && said.out.contains("\n\nuplink lte (eth2): up"),
        "{said:?}"
    );
    assert_eq!(world.run(&["list", "--socket", socket]).out, said.out);
    let status = world.0.edge_status().expect("it answers");
    let listed = world.run(&["list", "--json", "--socket", socket]).json();
    let names = |uplinks: &Value| -> Vec<Value> {
        let uplinks = uplinks.as_array().into_iter().flatten();
        uplinks.map(|it| it["name"].clone()).collect()
    };
    assert_eq!(names(&listed), ["wifi", "lte"]);
    assert_eq!(names(&status["uplinks"]), names(&listed));
    world.0.stop_edge().expect("it ends well");
    let said = world.run(&["--socket", socket]);
    assert!(
        said.code == 1 && said.err.contains("no edge answers"),
        "{said:?}"
    );
}
