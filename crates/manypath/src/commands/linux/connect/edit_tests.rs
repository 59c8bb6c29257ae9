use settings::edge::Hub;

use super::*;

fn link() -> HubLink {
    let (secret, pin) = ("A".repeat(43), "B".repeat(42) + "A");
    let link = format!("manypath://{secret}@hub.example:443/?pin={pin}");
    link.parse().expect("a link")
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
