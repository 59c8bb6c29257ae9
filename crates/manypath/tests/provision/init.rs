//! `manypath hub init`.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

use lab::topology::{Lab, LabSpec, Node, addresses};
use settings::hub::Settings;
use tls::HubKey;

use crate::place::{FILES, PROGRAM, Place, Said, as_nobody, link_in};

#[test]
fn a_new_hub_has_key_settings_and_one_user() {
    let place = Place::new();
    let said = place.hub(&[
        "init",
        "--host",
        "hub.example",
        "--user",
        "alice",
        "--port",
        "8443",
    ]);
    assert_eq!(said.code, 0, "{}", said.err);
    let link = link_in(&said.out);
    assert_eq!(link.destination.to_string(), "hub.example:8443");
    for file in FILES {
        let path = place.path(file).display().to_string();
        assert!(said.out.contains(&path), "{}", said.out);
    }
    let modes = FILES.map(|file| place.mode(file));
    assert_eq!(modes, [0o600, 0o640, 0o640]);
    assert_eq!(place.files().len(), 3, "no draft stays behind");

    let key = HubKey::from_pem(place.read("hub.key").as_bytes()).expect("a key");
    assert_eq!(key.pin(), link.pin);
    let settings = Settings::load(place.path("hub.toml")).expect("settings");
    assert_eq!(settings.public.as_ref(), Some(&link.destination));
    assert_eq!(settings.listen, ["[::]:8443".parse().expect("an address")]);
    assert_eq!(settings.key, place.path("hub.key"));
    assert_eq!(settings.users, place.path("hub.users.toml"));
    let users = place.users();
    assert_eq!(users.len(), 1);
    assert_eq!(users[0].name.as_str(), "alice");
    assert_eq!(users[0].key, tls::user_key(&link.secret));
}

#[test]
fn the_secret_is_in_no_file() {
    let (place, link) = Place::with_hub();
    let more = place.hub(&["user", "add", "bob", "--json"]).link();
    for (name, text) in place.files() {
        for secret in [link.secret.text(), more.secret.text()] {
            assert!(!text.contains(&*secret), "{name}");
        }
    }
}

#[test]
fn json_says_all_that_a_program_needs() {
    let place = Place::new();
    let said = place.hub(&["init", "--host", "[2001:db8::1]", "--json"]);
    let (json, link) = (said.json(), said.link());
    assert_eq!(link.destination.to_string(), "[2001:db8::1]:443");
    assert_eq!(json["pin"], link.pin.to_string());
    assert_eq!(json["user"], "first");
    for (key, file) in ["key", "settings", "users"].into_iter().zip(FILES) {
        assert_eq!(json["files"][key], place.path(file).display().to_string());
    }
}

#[test]
fn a_second_time_is_refused_with_what_there_is_and_what_to_do() {
    let (place, _) = Place::with_hub();
    place.hub(&["user", "add", "bob"]);
    let before = place.files();
    let key = place.path("hub.key").display().to_string();
    let says = [
        &key,
        "2 users",
        "hub user add NAME --settings",
        "To start anew",
    ];
    place
        .hub(&["init", "--host", "other"])
        .assert_refused(1, &says);
    assert_eq!(place.files(), before);
}

#[test]
fn a_run_that_was_cut_off_can_be_repeated() {
    let (place, link) = Place::with_hub();
    place.remove("hub.users.toml");
    place.remove("hub.toml");
    let again = place
        .hub(&["init", "--host", "hub.example", "--json"])
        .link();
    assert_eq!(again.pin, link.pin, "the key stays");
    assert_ne!(again.secret, link.secret);
    // All users removed is the same as none yet.
    place.hub(&["user", "remove", "first"]);
    let again = place.hub(&["init", "--user", "alice", "--json"]).link();
    assert_eq!(again.pin, link.pin);
    assert_eq!(place.names(), ["alice"]);
}

#[test]
fn users_without_the_key_that_their_links_are_for() {
    let (place, _) = Place::with_hub();
    place.remove("hub.key");
    let before = place.files();
    let says = ["hub.key is missing", "1 user", "copy", "rm "];
    place
        .hub(&["init", "--host", "hub.example"])
        .assert_refused(1, &says);
    assert_eq!(place.files(), before);
}

#[test]
fn settings_that_are_there_stay_as_they_are() {
    let place = Place::new();
    let folder = place.path("secrets");
    let text = format!(
        "# mine\nlisten = ['[::]:4430']\nkey = '{0}/k'\nusers = '{0}/u' # here\n",
        folder.display()
    );
    place.write("hub.toml", &text);
    let said = place.hub(&["init", "--host", "hub.example"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(place.read("hub.toml"), text);
    assert!(folder.join("k").exists() && folder.join("u").exists());
    assert_eq!(
        link_in(&said.out).destination.to_string(),
        "hub.example:4430"
    );
    let advice = "public = \"hub.example:4430\"";
    assert!(said.out.contains(advice), "{}", said.out);

    place.write("hub.toml", &(text + "lisen = []\n"));
    place
        .hub(&["init", "--host", "hub.example"])
        .assert_refused(2, &["hub.toml:5:1: lisen"]);
}

#[test]
fn a_key_file_that_is_none_is_left_alone() {
    let place = Place::new();
    place.write("hub.key", "-----BEGIN PRIVATE KEY-----\nhunter2\n");
    let before = place.files();
    let said = place.hub(&["init", "--host", "hub.example"]);
    said.assert_refused(1, &["hub.key", "copy"]);
    assert!(!said.err.contains("hunter2"), "{}", said.err);
    assert_eq!(place.files(), before);
}

#[test]
fn a_machine_with_a_public_address_needs_no_host() {
    let lab = Lab::up(LabSpec::default()).expect("a lab needs root");
    let place = Place::new();
    let command = lab.command(Node::Hub, PROGRAM);
    let said = Said::of(place.command_in(command, &["init", "--json"]));
    let [v4, v6] = addresses::HUB.both();
    let link = said.link();
    assert_eq!(link.destination.to_string(), format!("{v4}:443"));
    assert_eq!(link.also, Some(v6), "for uplinks with IPv6 alone");
    let settings = Settings::load(place.path("hub.toml")).expect("settings");
    assert_eq!(settings.announce, [v4, v6]);
    // By a name edges find both.
    let command = lab.command(Node::Hub, PROGRAM);
    let add = ["user", "add", "b", "--host", "hub.example", "--json"];
    let said = Said::of(place.command_in(command, &add));
    assert_eq!(said.link().also, None);
}

#[test]
fn a_machine_without_a_public_address_asks_for_the_host() {
    let place = Place::new();
    let said = place.hub_without_network(&["init"]);
    said.assert_refused(2, &["no public address", "--host NAME_OR_ADDRESS"]);
    assert_eq!(place.files(), []);
    let said = place.hub_without_network(&["init", "--host", "192.168.1.2", "--json"]);
    assert_eq!(said.link().destination.to_string(), "192.168.1.2:443");
}

#[test]
fn what_is_no_host_or_port_or_name_is_refused() {
    let place = Place::new();
    for words in [
        ["--host", "hub.example:443"],
        ["--host", "192.0.2"],
        ["--host", ""],
        ["--port", "0"],
        ["--port", "65536"],
        ["--user", "al ice"],
        ["--user", ""],
    ] {
        let said = place.hub(&[&["init"][..], &words].concat());
        said.assert_refused(2, &[words[0]]);
    }
    assert_eq!(place.files(), []);
}

#[test]
fn without_rights_it_says_to_be_root() {
    let place = Place::new();
    let program = place.path("manypath");
    fs::copy(PROGRAM, &program).expect("a copy");
    place.set_mode("manypath", 0o755);
    let open = fs::Permissions::from_mode(0o755);
    fs::set_permissions(place.path(""), open).expect("rights");
    let said = Said::of(place.command_in(as_nobody(&program), &["init", "--host", "hub.example"]));
    said.assert_refused(1, &["hub.key", "run this as root", "denied"]);
    assert!(!place.path("hub.key").exists());
}

#[test]
fn files_belong_to_the_owner_of_their_folder() {
    let place = Place::new();
    chown(place.path(""), Some(65534), Some(65533)).expect("this test needs root");
    place.hub(&["init", "--host", "hub.example"]);
    place.hub(&["user", "add", "bob"]);
    for file in FILES {
        let file = fs::metadata(place.path(file)).expect("a file");
        assert_eq!((file.uid(), file.gid()), (65534, 65533));
    }
}

#[test]
fn of_several_at_once_one_makes_the_hub() {
    let place = Place::new();
    let runs: Vec<Said> = std::thread::scope(|scope| {
        let runs =
            (0..6).map(|_| scope.spawn(|| place.hub(&["init", "--host", "hub.example", "--json"])));
        let runs: Vec<_> = runs.collect();
        let runs = runs.into_iter().map(|run| run.join().expect("it ran"));
        runs.collect()
    });
    let (made, refused): (Vec<_>, Vec<_>) = runs.iter().partition(|said| said.code == 0);
    assert_eq!(made.len(), 1, "{runs:?}");
    for said in refused {
        assert_eq!(said.out, "", "{runs:?}");
    }
    let link = made[0].link();
    let key = HubKey::from_pem(place.read("hub.key").as_bytes()).expect("a key");
    assert_eq!(key.pin(), link.pin);
    let keys: Vec<_> = place.users().into_iter().map(|user| user.key).collect();
    assert_eq!(keys, [tls::user_key(&link.secret)]);
    assert_eq!(place.files().len(), 3, "no draft stays behind");
}
