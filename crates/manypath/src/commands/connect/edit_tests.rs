use super::*;

fn link() -> HubLink {
    let (secret, pin) = ("A".repeat(43), "B".repeat(42) + "A");
    let link = format!("manypath://{secret}@hub.example:443/?pin={pin}");
    link.parse().expect("a link")
}

fn line(link: &HubLink) -> String {
    format!("hub = \"{}\"", *link.expose())
}

/// Checks that the text has nothing but the hub changed: `was` there is `is` now.
fn only_the_hub_changes(text: &str, was: &str, is: &str) {
    assert!(text.contains(was), "{text}");
    let edited = with_hub(text, &link()).expect("it can be edited");
    assert_eq!(edited, text.replacen(was, is, 1));
}

#[test]
fn the_hub_that_is_there_is_replaced_and_every_other_byte_stays() {
    let new = line(&link());
    for out in [
        "[out]\nhub = \"socks5://ann:pw@old.example:1080\" # office\nidle_timeout = \"2h\"\n",
        "[out]\r\nhub = \"socks5://old.example:1080\"\r\n\r\n# the end\r\n",
        "out = { hub = \"socks5://old.example:1080\", idle_timeout = \"2h\" }\n",
        "out.hub = \"socks5://old.example:1080\"\n",
        "[out]\n  hub   =   [\"socks5://a.example:1\", \"socks5://b.example:2\"]   # two\n",
    ] {
        let uplink = "\n[[uplink]]   # the first\ninterface='eth1'\n";
        // Bare keys go before tables.
        let text = match out.contains('\r') {
            true => format!("{out}{}", uplink.replace('\n', "\r\n")),
            false => format!("{out}{uplink}"),
        };
        let edited = with_hub(&text, &link()).expect("it can be edited");
        assert!(edited.contains(link().expose().as_str()), "{edited}");
        let former = edited.replace(&format!("\"{}\"", *link().expose()), "…");
        let value = [
            "\"socks5://ann:pw@old.example:1080\"",
            "\"socks5://old.example:1080\"",
        ];
        let list = "[\"socks5://a.example:1\", \"socks5://b.example:2\"]";
        let before = value
            .iter()
            .chain([&list])
            .fold(text, |it, value| it.replace(value, "…"));
        assert_eq!(former, before);
    }
    let example = settings::example(settings::Kind::Edge);
    let off = example.lines().find(|line| line.starts_with("#hub = "));
    let was = &off.expect("the example has a hub")[1..];
    only_the_hub_changes(&example.replace(&format!("#{was}"), was), was, &new);
}

#[test]
fn a_table_without_a_hub_gets_one() {
    let example = settings::example(settings::Kind::Edge);
    let was = "idle_timeout = \"off\"\n";
    only_the_hub_changes(example, was, &format!("{was}{}\n", line(&link())));
}

#[test]
fn without_the_table_it_comes_last() {
    for text in [
        "[[uplink]]\ninterface = \"eth1\" # no newline",
        "[[uplink]]\ninterface = \"eth1\"\n\n# the end\n",
    ] {
        let edited = with_hub(text, &link()).expect("it can be edited");
        let rest = edited.strip_prefix(text).expect("it comes last");
        assert_eq!(rest.trim_start(), format!("[out]\n{}\n", line(&link())));
    }
}

#[test]
fn a_first_file_is_valid_and_names_what_was_found() {
    let uplink = |name: &str| Uplink {
        name: name.to_owned(),
        interface: Some(name.to_owned()),
        addresses: Vec::new(),
    };
    let text = first_file(&link(), &[uplink("enp1s0"), uplink("wlan0")]).expect("two uplinks");
    let settings = Settings::parse(&text, "edge.toml").expect("it is right");
    assert_eq!(settings.out.hub, Hub::Manypath(link()));
    let names: Vec<String> = settings
        .uplinks
        .iter()
        .map(|it| it.interface.to_string())
        .collect();
    assert_eq!(names, ["enp1s0", "wlan0"]);
    assert_eq!(settings.host, None);
    assert_eq!(first_file(&link(), &[]), None);
    let nowhere = Uplink {
        interface: None,
        ..uplink("wifi")
    };
    assert_eq!(first_file(&link(), &[nowhere]), None);
}

#[test]
fn the_file_is_its_owners_alone_before_the_secret_is_in_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("edge.toml");
    fs::write(&file, "[[uplink]]\ninterface = \"eth1\"\n").expect("a file");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("rights");
    replace(&file, &link()).expect("it can be edited");
    let mode = fs::metadata(&file)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o7777, 0o600);
    let made = folder.path().join("new/edge.toml");
    create(&made, "").expect("it can be made");
    let mode = fs::metadata(&made)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o7777, 0o600);
    create(&made, "").expect_err("it is there");
}
