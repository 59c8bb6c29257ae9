//! Links that don't work: the step that failed is named, and nothing is written.

use std::fs;
use std::process::Stdio;

use lab::topology::Node;
use tls::{HubKey, generate_secret};

use crate::world::{SETTINGS, World, steps, ways};

/// Tries a link; the steps of each way, what was said of the last one, and the exit code.
#[track_caller]
fn refused(world: &World, link: &str, wanted: &[(&str, bool)], words: &str) {
    let said = world.connect(link, &["--json"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("nothing was written"), "{said:?}");
    let report = said.json();
    assert_eq!(ways(&report).len(), 2, "{report}");
    for (_, way) in ways(&report) {
        assert_eq!(steps(way), wanted, "{report}");
        let last = way["checks"].as_array().and_then(|it| it.last());
        let text = last.expect("a check")["text"].as_str().expect("words");
        assert!(text.contains(words), "{text}");
    }
    assert_eq!(
        (&report["good"], &report["outcome"]),
        (&false.into(), &"refused".into())
    );
    assert_eq!(world.read_settings(), SETTINGS);
    // For people it says the same.
    let said = world.connect(link, &[]);
    assert!(
        said.out.contains(words) && said.out.contains("FAILED"),
        "{said:?}"
    );
}

const REACHED: [(&str, bool); 2] = [("TCP", true), ("MPTCP", true)];

fn after(more: &[(&'static str, bool)]) -> Vec<(&'static str, bool)> {
    [&REACHED, more].concat()
}

#[test]
fn another_hubs_pin() {
    let world = World::up();
    let other = HubKey::generate().pin().to_string();
    let link = world.link_with(&world.link.pin.to_string(), &other);
    let words = "is not the one that the link is for";
    refused(&world, &link, &after(&[("pin", false)]), words);
}

#[test]
fn a_secret_that_is_nobodys() {
    let world = World::up();
    let other = generate_secret();
    let link = world.link_with(&world.link.secret.text(), &other.text());
    let words = "knows no user with the link's secret";
    refused(
        &world,
        &link,
        &after(&[("TLS", true), ("secret", false)]),
        words,
    );
}

#[test]
fn a_port_on_which_nobody_listens() {
    let world = World::up();
    let link = world.link_with(":443/", ":444/");
    refused(&world, &link, &[("TCP", false)], "can't be reached");
}

#[test]
fn a_server_that_is_no_hub() {
    let world = World::up();
    let mut other = world.lab.command(Node::Hub, "ncat");
    let answer = [
        "--listen",
        "--keep-open",
        "8080",
        "--sh-exec",
        "echo HTTP/1.0 400 Bad Request",
    ];
    let other = other.args(answer).stderr(Stdio::null()).spawn();
    let mut other = other.expect("ncat");
    world.await_listener(Node::Hub, 8080);
    let link = world.link_with(":443/", ":8080/");
    let wanted = [("TCP", true), ("MPTCP", false), ("TLS", false)];
    refused(&world, &link, &wanted, "is no manypath hub");
    other.kill().expect("it runs");
    other.wait().expect("it runs");
}

#[test]
fn a_damaged_link_is_refused_before_anything_is_tried() {
    let world = World::up();
    let link = world.link.expose();
    let secret = world.link.secret.text();
    for (damaged, words) in [
        (
            link.replace("manypath://", "https://"),
            "does not start with manypath://",
        ),
        (link.replace('@', ""), "has no '@'"),
        (link.replace(&secret[1..], ""), "the link is damaged"),
        (link[..link.len() - 1].to_owned(), "the link is damaged"),
        (link.replace("?pin=", "?key="), "does not know"),
        (String::new(), "does not start with manypath://"),
    ] {
        let said = world.connect(&damaged, &[]);
        assert_eq!(said.code, 2, "{said:?}");
        assert!(said.err.contains(words), "{words}: {said:?}");
        assert_eq!(said.out, "");
    }
    assert_eq!(world.read_settings(), SETTINGS);
}

#[test]
fn wrong_settings_are_refused_before_anything_is_tried() {
    let world = World::up();
    fs::write(world.settings(), "[[uplink]]\ninterfaces = \"eth1\"\n").expect("a file");
    let said = world.connect(&world.link.expose(), &[]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(
        said.err.contains("edge.toml:2:1: uplink[0].interfaces"),
        "{said:?}"
    );
}
