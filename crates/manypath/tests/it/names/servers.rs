//! Name servers of the lab: the origin's, which knows all names, and those that ask it, without keeping
//! anything: the hub's and the access routers'.

use std::fs;
use std::path::PathBuf;

use lab::rig::{Process, Rig, RigSpec};
use lab::topology::{Lab, Node, Uplink, addresses};
use tempfile::TempDir;

use crate::support::{Names, eventually, spec};

/// What the access networks call themselves.
pub const DOMAIN: &str = "home.lan";

/// A rig with name servers everywhere.
pub struct World {
    // In this order: programs end before the network that they are in.
    origin: Process,
    _others: Vec<Process>,
    pub rig: Rig,
    _names: Names,
    _folder: TempDir,
}

impl World {
    pub fn up(settings: &str) -> Self {
        Self::with(settings, spec())
    }

    pub fn with(settings: &str, mut spec: RigSpec) -> Self {
        let (names, folder) = (Names::new("hub", ""), tempfile::tempdir().unwrap());
        spec.program = names.program();
        spec.edge_settings += settings;
        let lab = Lab::up(spec.lab.clone()).unwrap();
        let origin = start(
            &lab,
            Node::Origin,
            "203.0.113.18",
            folder.path().join("origin"),
            &[
                "--local-ttl=60",
                "--address=/test/203.0.113.18",
                "--address=/test/2001:db8:b::2",
                &format!(
                    "--txt-record=long.test,{}",
                    vec!["t".repeat(250); 16].join(",")
                ),
                // Nobody is there.
                "--server=/never.example/203.0.113.19",
            ],
        );
        let mut others = vec![start(
            &lab,
            Node::Hub,
            "127.0.0.1",
            folder.path().join("hub"),
            &["--server=203.0.113.18"],
        )];
        for uplink in lab.uplinks() {
            let router = addresses::access(uplink, spec.lab.same_subnet).ipv4();
            let log = folder.path().join(format!("access{uplink}"));
            let nas = format!("--host-record=nas.{DOMAIN},192.168.1.{uplink}");
            let local = format!("--local=/{DOMAIN}/");
            others.push(start(
                &lab,
                Node::Access(uplink),
                &router.to_string(),
                log,
                &["--server=203.0.113.18", &local, &nas],
            ));
            let dhcp = lab.dhcp_server(uplink).unwrap();
            dhcp.set_names(vec![router], Some(DOMAIN.to_owned()));
        }
        let rig = Rig::up_in(lab, spec).unwrap();
        let world = Self {
            origin,
            _others: others,
            rig,
            _names: names,
            _folder: folder,
        };
        world.wait_for_listeners();
        world
    }

    fn wait_for_listeners(&self) {
        self.rig
            .wait_for_edge("listen for DNS", |status| {
                let dns = &status["dns"];
                dns["servers"].as_array().is_some_and(|it| !it.is_empty())
                    && !dns["listen"].as_array().unwrap().is_empty()
            })
            .unwrap();
    }

    /// Who has asked the origin's server for a name, in order.
    pub fn asked(&self, name: &str) -> Vec<String> {
        let log = fs::read_to_string(self.origin.log()).unwrap();
        let asker = |line: &str| {
            let (_, question) = line.split_once("query[")?;
            let mut words = question.split_whitespace().skip(1);
            let is_it = words.next()?.eq_ignore_ascii_case(name);
            (is_it && words.next()? == "from").then(|| words.next().unwrap().to_owned())
        };
        log.lines().filter_map(asker).collect()
    }

    pub fn count(&self, what: &str) -> u64 {
        self.rig.edge_status().unwrap()["dns"][what]
            .as_u64()
            .unwrap()
    }
}

/// As the origin's server sees questions that came through an access network.
pub fn by_access(uplink: Uplink) -> String {
    addresses::access_to_core(uplink).ipv4().to_string()
}

fn start(lab: &Lab, node: Node, listen: &str, log: PathBuf, more: &[&str]) -> Process {
    let mut command = lab.command(node, "dnsmasq");
    command.args([
        "--keep-in-foreground",
        "--user=root",
        "--conf-file=/dev/null",
        "--pid-file=",
        "--no-resolv",
        "--no-hosts",
        "--bind-interfaces",
        "--except-interface=lo*",
        "--cache-size=0",
        "--log-facility=-",
        "--log-queries",
        "--edns-packet-max=4096",
        "--dns-forward-max=10000",
    ]);
    command.arg(format!("--listen-address={listen}")).args(more);
    let server = Process::start("dnsmasq", command, &log).unwrap();
    eventually("dnsmasq is up", || {
        let text = fs::read_to_string(&log).unwrap_or_default();
        text.contains("started").then_some(())
    });
    server
}
