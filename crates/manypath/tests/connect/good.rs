//! Links that work, with what may still be missing.

use std::fs;
use std::process::Stdio;

use lab::topology::{Node, Uplink};
use settings::edge::{Hub, Settings};

use crate::world::{PROGRAM, SETTINGS, World, steps, ways};

const ALL: [(&str, bool); 4] = [
    ("TCP", true),
    ("MPTCP", true),
    ("TLS", true),
    ("secret", true),
];

#[test]
fn a_link_is_tried_by_each_uplink_and_written() {
    let world = World::up();
    let said = world.connect(&world.link.expose(), &["--json"]);
    assert_eq!(said.code, 0, "{said:?}");
    let report = said.json();
    let found: Vec<&str> = ways(&report)
        .into_iter()
        .map(|(uplink, _)| uplink)
        .collect();
    assert_eq!(found, ["wifi", "eth2"]);
    // The links' round trips are 15 and 40 ms: each way went by its own uplink.
    for ((_, way), round_trip) in ways(&report).into_iter().zip([15.0, 40.0]) {
        assert_eq!(steps(way), ALL, "{way}");
        let took = way["checks"][0]["milliseconds"].as_f64().expect("a time");
        assert!(took >= round_trip, "{way}");
    }
    assert_eq!(report["warnings"], serde_json::json!([]));
    assert_eq!(report["outcome"], "written");

    let text = world.read_settings();
    let hub = format!("\n[out]\nhub = \"{}\"\n", *world.link.expose());
    assert_eq!(text, format!("{SETTINGS}{hub}"));
    assert_eq!(world.mode_of_settings(), 0o600);
    let settings = Settings::load(world.settings()).expect("they are right");
    assert_eq!(settings.out.hub, Hub::Manypath(world.link.clone()));

    let said = world.connect(&world.link.expose(), &[]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("have this link already"), "{said:?}");
    assert_eq!(world.read_settings(), text);
}

#[test]
fn a_dry_run_tries_and_writes_nothing() {
    let world = World::up();
    let said = world.connect(&world.link.expose(), &["--dry-run"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("nothing was written"), "{said:?}");
    assert!(said.out.contains("\nwifi (eth1)\n"), "{said:?}");
    assert_eq!(world.read_settings(), SETTINGS);
}

#[test]
fn a_link_may_also_be_an_argument() {
    let world = World::up();
    let settings = world.settings();
    let mut command = world.lab.command(Node::Guest, PROGRAM);
    command.arg("connect").arg(&*world.link.expose());
    let output = command
        .arg("--settings")
        .arg(settings)
        .output()
        .expect("a program");
    assert!(output.status.success(), "{output:?}");
    assert!(world.read_settings().contains("hub = "));
}

#[test]
fn an_uplink_that_does_not_reach_the_hub_is_warned_of() {
    let world = World::up();
    world.lab.link(Uplink::SECOND).silence(true);
    let said = world.connect(&world.link.expose(), &["--json"]);
    assert_eq!(said.code, 0, "{said:?}");
    let report = said.json();
    let ways = ways(&report);
    assert_eq!(steps(ways[0].1), ALL);
    assert_eq!(steps(ways[1].1), [("TCP", false)], "{report}");
    assert_eq!(
        report["warnings"],
        serde_json::json!(["eth2 does not reach the hub"])
    );
    assert!(world.read_settings().contains("hub = "));
}

#[test]
fn uplinks_without_card_or_address_are_named() {
    let world = World::up();
    let more = "\n[[uplink]]\nname = \"lte\"\ninterface = \"wwan0\"\n";
    fs::write(world.settings(), format!("{SETTINGS}{more}")).expect("a file");
    let script = "ip address flush dev eth2";
    let said = world.connect_after(script, &world.link.expose(), &[]);
    assert_eq!(said.code, 0, "{said:?}");
    for words in [
        "it has no address (yet)",
        "there is no such interface",
        "warning: eth2 does not reach the hub",
        "warning: lte does not reach the hub",
    ] {
        assert!(said.out.contains(words), "{words}: {said:?}");
    }
}

#[test]
fn what_keeps_mptcp_away_is_named_and_the_link_still_written() {
    let world = World::up();
    // A relay of plain TCP in front of the hub.
    let mut relay = world.lab.command(Node::Hub, "ncat");
    let onward = [
        "--listen",
        "--keep-open",
        "8443",
        "--sh-exec",
        "exec ncat 127.0.0.1 443",
    ];
    let relay = relay.args(onward).stderr(Stdio::null()).spawn();
    let mut relay = relay.expect("ncat");
    world.await_listener(Node::Hub, 8443);
    let said = world.connect(
        &world.link_with(":443/", ":8443/"),
        &["--json", "--dry-run"],
    );
    let report = said.json();
    relay.kill().expect("it runs");
    relay.wait().expect("it runs");
    assert_eq!(said.code, 0, "{said:?}");
    for (_, way) in ways(&report) {
        let wanted = [
            ("TCP", true),
            ("MPTCP", false),
            ("TLS", true),
            ("secret", true),
        ];
        assert_eq!(steps(way), wanted, "{report}");
        let words = way["checks"][1]["text"].as_str().expect("words");
        assert!(words.contains("the hub's kernel has no MPTCP"), "{words}");
    }
    assert!(
        report["warnings"][0]
            .as_str()
            .expect("words")
            .contains("MPTCP is spoken nowhere")
    );

    let off = "sysctl -qw net.mptcp.enabled=0";
    let said = world.connect_after(off, &world.link.expose(), &[]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("sysctl net.mptcp.enabled=1"), "{said:?}");
}

#[test]
fn names_are_resolved_first() {
    let world = World::up();
    let host = world.link.destination.host.to_string();
    let files = world.folder.path().display();
    fs::write(
        world.path("hosts"),
        format!("{host} hub.test\n2001:db8:a::2 hub.test\n"),
    )
    .expect("a file");
    fs::write(world.path("resolv.conf"), "nameserver 127.0.0.1\n").expect("a file");
    let script = format!(
        "mount --bind {files}/hosts /etc/hosts; mount --bind {files}/resolv.conf /etc/resolv.conf"
    );
    let link = world.link_with(&host, "hub.test");
    let said = world.connect_after(&script, &link, &["--json"]);
    assert_eq!(said.code, 0, "{said:?}");
    let report = said.json();
    assert_eq!(report["name"]["passed"], true);
    // Each uplink has both families, and so has the hub.
    assert_eq!(ways(&report).len(), 4, "{report}");
    for (_, way) in ways(&report) {
        assert_eq!(steps(way), ALL, "{way}");
    }

    let said = world.connect_after(&script, &world.link_with(&host, "nowhere.test"), &[]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.out.contains("nowhere.test is not found"), "{said:?}");
}

#[test]
fn without_settings_it_makes_some_from_default_routes() {
    let world = World::up();
    fs::remove_file(world.settings()).expect("it was there");
    let said = world.connect(&world.link.expose(), &[]);
    assert_eq!(said.code, 0, "{said:?}");
    let settings = Settings::load(world.settings()).expect("they are right");
    let uplinks: Vec<String> = settings
        .uplinks
        .iter()
        .map(|it| it.interface.to_string())
        .collect();
    assert_eq!(uplinks, ["eth1", "eth2"]);
    assert_eq!(settings.out.hub, Hub::Manypath(world.link.clone()));
    assert_eq!(world.mode_of_settings(), 0o600);

    // The hub is reached, and nobody knows by what uplinks.
    fs::remove_file(world.settings()).expect("it was made");
    let script = "set $(ip -4 route show default | head -n 1)\n\
                  ip route add 203.0.113.0/28 via $3 dev $5\n\
                  while ip route del default; do :; done\n\
                  while ip -6 route del default; do :; done\n\
                  set --";
    let said = world.connect_after(script, &world.link.expose(), &[]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(
        said.out.contains("\nthis machine's default route\n"),
        "{said:?}"
    );
    assert!(
        said.err.contains("manypath settings example edge"),
        "{said:?}"
    );
    assert!(!world.settings().exists());
}
