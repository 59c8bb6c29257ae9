//! A guest with two uplinks and without an edge, and a hub that `manypath hub init` has made.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use lab::rig::{HUB_PORT, Process};
use lab::topology::{Lab, LabSpec, Node, addresses};
use serde_json::Value;
use settings::HubLink;
use tempfile::TempDir;

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_manypath");

/// How long anything may take that a test waits for.
pub const LIMIT: Duration = Duration::from_secs(10);

/// Where the hub tells its metrics, on its own machine.
const METRICS_PORT: u16 = 9477;

/// The guest's settings, with a comment that has to stay.
pub const SETTINGS: &str = "\
# my uplinks
[[uplink]]
name = \"wifi\"
interface = \"eth1\"
addresses = \"external\"

[[uplink]]
interface = \"eth2\"
addresses = \"external\"
";

pub struct World {
    pub lab: Lab,
    pub folder: TempDir,
    /// The first user's.
    pub link: HubLink,
    _hub: Process,
}

/// What a run of the program said.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl World {
    /// The hub runs, and the guest has [`SETTINGS`].
    pub fn up() -> Self {
        let lab = Lab::up(LabSpec::default().with_static_uplinks()).expect("a lab needs root");
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        let host = addresses::HUB.ipv4().to_string();
        let init = Command::new(PROGRAM)
            .args(["hub", "init", "--json", "--host", &host, "--settings"])
            .arg(path("hub.toml"))
            .output()
            .expect("a program");
        let made: Value = serde_json::from_slice(&init.stdout).expect("JSON");
        let link = made["link"].as_str().expect("a link");
        let link: HubLink = link.parse().expect("a link");
        let mut settings = fs::read_to_string(path("hub.toml")).expect("settings");
        for key in ["usage", "state"] {
            settings.insert_str(0, &format!("{key} = {:?}\n", path(&format!("hub.{key}"))));
        }
        settings += &format!(
            "[metrics]\nlisten = \"127.0.0.1:{METRICS_PORT}\"\n\
             [socks5]\nlisten = [\"[::]:{HUB_PORT}\"]\nusers = {:?}\n",
            path("socks5.users")
        );
        fs::write(path("hub.toml"), settings).expect("a file");
        fs::write(path("socks5.users"), "ann:pass\n").expect("a file");
        let mut command = lab.command(Node::Hub, PROGRAM);
        command.args(["hub", "--settings"]).arg(path("hub.toml"));
        let hub = Process::start("hub", command, &path("hub.log")).expect("a program");
        let world = Self {
            lab,
            folder,
            link,
            _hub: hub,
        };
        world.await_listener(Node::Hub, 443);
        fs::write(world.settings(), SETTINGS).expect("a file");
        world
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The guest's settings file.
    pub fn settings(&self) -> PathBuf {
        self.path("edge.toml")
    }

    pub fn read_settings(&self) -> String {
        fs::read_to_string(self.settings()).expect("a file")
    }

    pub fn mode_of_settings(&self) -> u32 {
        let metadata = fs::metadata(self.settings()).expect("a file");
        metadata.permissions().mode() & 0o7777
    }

    /// A new user of the hub that runs; the link.
    pub fn add_user(&self, name: &str) -> String {
        let output = Command::new(PROGRAM)
            .args(["hub", "user", "add", name, "--json", "--settings"])
            .arg(self.path("hub.toml"))
            .output()
            .expect("a program");
        let made: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        made["link"].as_str().expect("a link").to_owned()
    }

    /// What the hub's metrics say of a user: the value of the line that begins so.
    pub fn metric(&self, line: &str) -> Option<u64> {
        let url = format!("http://127.0.0.1:{METRICS_PORT}/metrics");
        let mut command = self.lab.command(Node::Hub, "curl");
        let output = command.args(["-sSf", &url]).output().expect("curl");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let value = text.lines().find_map(|it| it.strip_prefix(line));
        value?.trim().parse().ok()
    }

    /// Waits until somebody listens on a port.
    pub fn await_listener(&self, node: Node, port: u16) {
        let deadline = Instant::now() + LIMIT;
        let listens = || {
            let mut command = self.lab.command(node, "ss");
            let output = command
                .args(["-Hltn", &format!("sport = :{port}")])
                .output();
            !output.expect("ss").stdout.is_empty()
        };
        while !listens() {
            assert!(Instant::now() < deadline, "nobody listens on {port}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Runs the program in the guest with a link on its standard input. What it says holds no secret.
    pub fn connect(&self, link: &str, options: &[&str]) -> Said {
        let settings = self.settings();
        let mut command = self.lab.command(Node::Guest, PROGRAM);
        command
            .args(["connect", "-", "--settings"])
            .arg(settings)
            .args(options);
        self.give(command, link)
    }

    /// The same after a shell's words.
    pub fn connect_after(&self, script: &str, link: &str, options: &[&str]) -> Said {
        let settings = self.settings();
        let mut command = self.lab.command(Node::Guest, "sh");
        let script = format!(
            "{script}\nexec {PROGRAM} connect --settings {} $@",
            settings.display()
        );
        command.args(["-euc", &script, "sh"]).args(options);
        self.give(command, link)
    }

    fn give(&self, mut command: Command, link: &str) -> Said {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a program");
        let mut input = child.stdin.take().expect("it is piped");
        // It may have found its settings wrong, and read nothing.
        let _ = writeln!(input, "{link}");
        drop(input);
        let output = child.wait_with_output().expect("a program");
        let said = Said {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        let secret = self.link.secret.text();
        assert!(!said.out.contains(secret.as_str()), "{said:?}");
        assert!(!said.err.contains(secret.as_str()), "{said:?}");
        said
    }

    /// The first user's link, with something in it replaced.
    pub fn link_with(&self, was: &str, is: &str) -> String {
        let link = self.link.expose();
        assert!(link.contains(was), "{was}");
        link.replace(was, is)
    }
}

/// Polls until `found` finds something. For what gives no event.
pub fn eventually<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(it) = found() {
            return it;
        }
        assert!(Instant::now() < deadline, "{what}: not within {LIMIT:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

impl Said {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// The steps of a way, each with whether it went well.
pub fn steps(way: &Value) -> Vec<(&str, bool)> {
    let checks = way["checks"].as_array().expect("checks");
    let step = |check| {
        let check: &Value = check;
        let step = check["step"].as_str().expect("a word");
        (step, check["passed"] == true)
    };
    checks.iter().map(step).collect()
}

/// The ways of a report, by uplink.
pub fn ways(report: &Value) -> Vec<(&str, &Value)> {
    let ways = report["ways"].as_array().expect("ways");
    let name = |way| {
        let way: &Value = way;
        (way["uplink"].as_str().expect("a name"), way)
    };
    ways.iter().map(name).collect()
}
