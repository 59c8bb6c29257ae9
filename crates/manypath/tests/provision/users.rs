//! `manypath hub user`.

use serde_json::json;

use crate::place::{PROGRAM, Place, Said, as_nobody, link_in};

#[test]
fn users_are_added_with_their_limits_and_listed() {
    let (place, first) = Place::with_hub();
    let said = place.hub(&[
        "user",
        "add",
        "bob",
        "--max-connections",
        "5",
        "--rate",
        "50mbit/s",
        "--allow",
        "203.0.113.0/24",
        "--allow",
        "[2001:db8::/32]:80-90",
        "--deny",
        "0.0.0.0/0:25",
    ]);
    assert_eq!(said.code, 0, "{}", said.err);
    let link = link_in(&said.out);
    assert_eq!(
        (link.pin, &link.destination),
        (first.pin, &first.destination)
    );
    let bob = &place.users()[1];
    assert_eq!(bob.key, tls::user_key(&link.secret));
    assert_eq!((bob.name.as_str(), bob.max_connections), ("bob", 5));
    assert_eq!(bob.rate.expect("a rate").to_string(), "50 Mbit/s");
    assert_eq!((bob.allow.len(), bob.deny.len()), (2, 1));

    let listed = place.hub(&["user", "list"]).out;
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!(lines.len(), 3, "{listed}");
    for part in [
        "bob",
        &bob.key.to_string()[..8],
        " 5 ",
        "50 Mbit/s",
        "2 allowed, 1 denied",
    ] {
        assert!(lines[2].contains(part), "{part:?}: {listed}");
    }
    assert!(
        lines[1].contains("no limit") && lines[1].contains("all"),
        "{listed}"
    );

    let listed = place.hub(&["user", "list", "--json"]).json();
    let expected = json!({
        "name": "bob", "key": bob.key.to_string(), "max_connections": 5, "rate": "50 Mbit/s",
        "allow": ["203.0.113.0/24", "[2001:db8::/32]:80-90"], "deny": ["0.0.0.0/0:25"], "usage": null,
    });
    assert_eq!(listed[1], expected);
}

#[test]
fn what_users_have_transferred_is_listed() {
    let (place, _) = Place::with_hub();
    let usage = place.path("hub.usage");
    let settings = format!(
        "{}usage = \"{}\"\n",
        place.read("hub.toml"),
        usage.display()
    );
    place.write("hub.toml", &settings);
    let totals =
        json!({"bytes_up": 1234, "bytes_down": 5_678_900_000_u64, "connections": 3, "refused": 0});
    place.write(
        "hub.usage",
        &json!({"hub": {"first": totals, "gone": totals}, "socks5": {}}).to_string(),
    );
    place.hub(&["user", "add", "bob"]);
    let listed = place.hub(&["user", "list"]).out;
    assert!(
        listed.contains("1.2 kB") && listed.contains("5.6 GB"),
        "{listed}"
    );
    assert!(!listed.contains("gone"), "{listed}");
    let listed = place.hub(&["user", "list", "--json"]).json();
    assert_eq!(listed[0]["usage"], totals);
    assert!(listed[1]["usage"].is_null(), "{listed}");
    place.write("hub.usage", "{");
    assert_eq!(
        place.hub(&["user", "list"]).code,
        0,
        "counters are no reason to fail"
    );
}

#[test]
fn host_and_port_come_from_the_settings_or_the_command_line() {
    let (place, _) = Place::with_hub();
    let add = |name: &str, more: &[&str]| {
        let said = place.hub(&[&["user", "add", name, "--json"], more].concat());
        said.link().destination.to_string()
    };
    assert_eq!(add("a", &[]), "hub.example:443");
    assert_eq!(add("b", &["--host", "2001:db8::1"]), "[2001:db8::1]:443");
    assert_eq!(add("c", &["--port", "8443"]), "hub.example:8443");
    let settings = place.read("hub.toml").replace("public =", "#public =");
    place.write("hub.toml", &settings.replace("[::]:443", "[::]:4430"));
    assert_eq!(add("d", &["--host", "hub"]), "hub:4430");
    let before = place.files();
    place
        .hub_without_network(&["user", "add", "e"])
        .assert_refused(2, &["--host"]);
    assert_eq!(place.files(), before);
}

#[test]
fn comments_and_rights_stay() {
    let (place, _) = Place::with_hub();
    let text = place.read("hub.users.toml") + "# a comment\n\n# another";
    place.write("hub.users.toml", &text);
    place.set_mode("hub.users.toml", 0o600);
    place.hub(&["user", "add", "bob"]);
    let with_bob = place.read("hub.users.toml");
    assert!(with_bob.starts_with(&text), "{with_bob}");
    let said = place.hub(&["user", "remove", "bob"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(place.read("hub.users.toml"), text + "\n");
    assert_eq!(place.mode("hub.users.toml"), 0o600);
    assert_eq!(place.names(), ["first"]);
}

#[test]
fn users_added_at_once_are_all_there() {
    let (place, _) = Place::with_hub();
    std::thread::scope(|scope| {
        for i in 0..16 {
            let place = &place;
            scope.spawn(move || {
                let name = format!("user{i}");
                assert_eq!(place.hub(&["user", "add", &name]).code, 0);
                if i % 4 == 0 {
                    assert_eq!(place.hub(&["user", "remove", &name]).code, 0);
                }
            });
        }
    });
    assert_eq!(place.names().len(), 1 + 16 - 4);
    assert_eq!(place.files().len(), 3, "no draft stays behind");
}

#[test]
fn a_wrong_users_file_is_left_as_it_is() {
    let (place, _) = Place::with_hub();
    let broken = place.read("hub.users.toml") + "rate = \"fast\"\n[[user]]\n";
    place.write("hub.users.toml", &broken);
    let lines = broken.lines().count();
    let rate = format!("hub.users.toml:{}:8: user[0].rate: \"fast\"", lines - 1);
    let name = format!("hub.users.toml:{lines}:1: user[1]: the user has no name");
    for words in [
        &["user", "add", "bob"][..],
        &["user", "remove", "first"],
        &["user", "list"],
    ] {
        place.hub(words).assert_refused(2, &[&rate, &name]);
        assert_eq!(place.read("hub.users.toml"), broken);
    }
}

#[test]
fn names_that_do_not_fit_are_refused() {
    let (place, _) = Place::with_hub();
    let before = place.files();
    place
        .hub(&["user", "add", "first"])
        .assert_refused(2, &["first already", "hub user remove first"]);
    place
        .hub(&["user", "remove", "bob"])
        .assert_refused(2, &["no user bob", "the only user is first"]);
    for words in [
        &["user", "add", "b b"][..],
        &["user", "add", "bob", "--rate", "50 MB/s"],
        &["user", "add", "bob", "--allow", "hub.example"],
        &["user", "add", "bob", "--max-connections", "0"],
    ] {
        place
            .hub(words)
            .assert_refused(2, &[words[words.len() - 1]]);
    }
    assert_eq!(place.files(), before);
}

#[test]
fn where_there_is_no_hub_init_is_named() {
    let place = Place::new();
    let says = ["hub.toml", "manypath hub init --settings"];
    for words in [
        &["user", "add", "bob"][..],
        &["user", "remove", "bob"],
        &["user", "list"],
    ] {
        place.hub(words).assert_refused(2, &says);
    }
    let (place, _) = Place::with_hub();
    place.remove("hub.key");
    let names = place.names();
    place
        .hub(&["user", "add", "bob"])
        .assert_refused(1, &["hub.key", "manypath hub init"]);
    assert_eq!(place.names(), names);
    place.remove("hub.users.toml");
    place
        .hub(&["user", "list"])
        .assert_refused(2, &["hub.users.toml", "manypath hub init"]);
}

#[test]
fn the_last_user_can_be_removed() {
    let (place, _) = Place::with_hub();
    assert_eq!(place.hub(&["user", "remove", "first"]).code, 0);
    let said = place.hub(&["user", "list"]);
    assert!(said.out.contains("hub user add NAME"), "{}", said.out);
    assert_eq!(place.hub(&["user", "list", "--json"]).json(), json!([]));
    assert_eq!(place.hub(&["user", "add", "first"]).code, 0);
}

#[test]
fn without_rights_it_says_to_be_root() {
    let (place, _) = Place::with_hub();
    let program = place.path("manypath");
    std::fs::copy(PROGRAM, &program).expect("a copy");
    for (file, mode) in [
        ("", 0o755),
        ("manypath", 0o755),
        ("hub.toml", 0o644),
        ("hub.users.toml", 0o644),
    ] {
        place.set_mode(file, mode);
    }
    let run = |words: &[&str]| Said::of(place.command_in(as_nobody(&program), words));
    run(&["user", "add", "bob"]).assert_refused(1, &["hub.key", "run this as root", "denied"]);
    run(&["user", "remove", "first"])
        .assert_refused(1, &["hub.users.toml", "run this as root", "denied"]);
    assert_eq!(
        run(&["user", "list"]).code,
        0,
        "a list needs no rights but to read"
    );
    assert_eq!(place.names(), ["first"]);
}

#[test]
fn a_lost_link_is_explained() {
    for words in [&["user", "add", "--help"][..], &["user", "list", "--help"]] {
        let help = Place::new().hub(words).out;
        // Its lines may be wrapped.
        let text: Vec<&str> = help.split_whitespace().collect();
        let text = text.join(" ");
        assert!(text.contains("remove the user and add it again"), "{help}");
    }
}
