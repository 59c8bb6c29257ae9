//! The systemd units in `packaging` fit the program.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use lab::rig::{Rig, RigSpec};
use lab::topology::addresses;
use mptcp::Transport;
use rustix::process::Signal;

use crate::client::{receive, request, to_origin};
use crate::edge::admitted;
use crate::server::{LIMIT, PROGRAM, Server, hub_v4};

fn packaging() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../packaging")
}

fn unit(name: &str) -> String {
    fs::read_to_string(packaging().join(format!("manypath-{name}.service"))).expect("a unit")
}

/// The last value of a key, as systemd reads it.
fn value<'a>(unit: &'a str, key: &str) -> Option<&'a str> {
    let mut lines = unit.lines().rev();
    lines.find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
}

#[test]
fn units_start_commands_that_exist_with_the_settings_that_they_use_by_default() {
    for name in ["edge", "hub"] {
        let unit = unit(name);
        let command: Vec<&str> = value(&unit, "ExecStart")
            .expect("a command")
            .split(' ')
            .collect();
        let settings = format!("/etc/manypath/{name}.toml");
        assert_eq!(
            command,
            ["/usr/bin/manypath", name, "--settings", &settings]
        );
        // Both read their settings again.
        let reload = value(&unit, "ExecReload");
        assert_eq!(reload, Some("/bin/kill -HUP $MAINPID"), "{name}");
        let help = Command::new(PROGRAM)
            .args([name, "--help"])
            .output()
            .expect("a program");
        let help = String::from_utf8_lossy(&help.stdout).into_owned();
        assert!(help.contains(&settings), "{help}");
    }
}

#[test]
fn former_kernel_settings_outlive_the_service() {
    let hub = settings::hub::Settings::default().state;
    let edge = settings::edge::Control::default().socket;
    for (name, kept) in [("edge", edge), ("hub", hub)] {
        let unit = unit(name);
        let folder = value(&unit, "RuntimeDirectory").expect("a folder");
        let folder = Path::new("/run").join(folder);
        assert_eq!(kept.parent(), Some(&*folder), "{name}");
        // Else systemd empties the folder when the program is killed, and under the other service.
        assert_eq!(value(&unit, "RuntimeDirectoryPreserve"), Some("yes"));
        // They write to /proc/sys/net.
        assert_eq!(value(&unit, "ProtectKernelTunables"), None);
    }
}

#[test]
fn the_edge_may_write_what_uplinks_have_carried() {
    let unit = unit("edge");
    let folder = value(&unit, "StateDirectory").expect("a folder");
    let bare = "[[uplink]]\ninterface = \"eth1\"\n";
    let settings = settings::edge::Settings::parse(bare, "edge.toml").expect("right settings");
    let folder = Path::new("/var/lib").join(folder);
    assert_eq!(settings.usage.parent(), Some(&*folder));
}

#[test]
fn the_hubs_user_exists_and_may_write_its_counters() {
    let unit = unit("hub");
    let sysusers = fs::read_to_string(packaging().join("manypath-hub.sysusers")).expect("a file");
    let user = value(&unit, "User").expect("a user");
    assert!(sysusers.contains(&format!("\nu {user} ")), "{sysusers}");
    let folder = value(&unit, "StateDirectory").expect("a folder");
    let usage = settings::hub::Settings::default().usage;
    assert_eq!(usage.parent(), Some(&*Path::new("/var/lib").join(folder)));
}

/// What systemd itself finds wrong with the units; they name no program that is on this machine.
#[test]
fn systemd_understands_the_units() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["edge", "hub"] {
        let path = folder.path().join(format!("manypath-{name}.service"));
        fs::write(&path, unit(name).replace("/usr/bin/manypath", "/bin/true")).expect("a file");
        let mut verify = Command::new("systemd-analyze");
        let verified = verify.arg("verify").arg(&path).output().expect("a program");
        let says = String::from_utf8_lossy(&verified.stderr).into_owned();
        let about_us: Vec<&str> = says.lines().filter(|it| it.contains("manypath")).collect();
        assert_eq!(about_us, [""; 0]);
    }
}

/// Stands in for the program, and starts it with no more rights than its unit gives it.
fn with_the_units_rights(folder: &Path) -> PathBuf {
    let bounds = |name| {
        let unit = unit(name);
        capabilities(value(&unit, "CapabilityBoundingSet").expect("a set"))
    };
    let script = format!(
        "#!/bin/sh -e\n\
         case $1 in edge) bounds={};; hub) bounds={};; esac\n\
         exec setpriv --no-new-privs --inh-caps -all --bounding-set $bounds {PROGRAM} \"$@\"\n",
        bounds("edge"),
        bounds("hub"),
    );
    let path = folder.join("program");
    fs::write(&path, script).expect("a file");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("rights");
    path
}

#[test]
fn edge_and_hub_need_no_more_rights_than_their_units_give() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut rig = Rig::up(RigSpec::new(with_the_units_rights(folder.path()))).expect("a rig");
    let mut client = rig.connect(LIMIT).expect("a connection");
    assert!(
        client
            .download(1_000_000, |_| {})
            .expect("a transfer")
            .intact
    );
    let status = rig.edge_status().expect("a status");
    assert_eq!(status["problems"], serde_json::json!([]));
    drop(client);
    rig.stop().expect("a clean stop");
    for log in ["edge.log", "hub.log"] {
        let log = fs::read_to_string(rig.folder().join(log)).expect("a log");
        let mut warnings = log.lines().filter(|line| line.contains("WARN"));
        // The hub is a SOCKS5 one.
        assert!(warnings.all(|line| line.contains("in clear")), "{log}");
    }
}

/// What the unit gives the hub: its own user, two capabilities and a filter for system calls. A call that
/// the filter refuses ends the hub.
fn as_the_unit_says(server: &Server) -> String {
    let nobody = Some(65534);
    let filter = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/hub/filtered.py");
    // Where that user can read them.
    for (from, name) in [
        (PathBuf::from(PROGRAM), "manypath"),
        (PathBuf::from(filter), "filtered.py"),
        (packaging().join("manypath-hub.service"), "unit"),
    ] {
        fs::copy(from, server.path(name)).expect("a copy");
    }
    let files = fs::read_dir(server.folder.path()).expect("a folder");
    let files = files.map(|file| file.expect("a file").path());
    for path in files.chain([server.folder.path().to_owned()]) {
        std::os::unix::fs::chown(path, nobody, nobody).expect("an owner");
    }
    let unit = unit("hub");
    let set = |key| capabilities(value(&unit, key).expect("a set"));
    let (ambient, bounding) = (set("AmbientCapabilities"), set("CapabilityBoundingSet"));
    // Nobody listens there, so a look-up fails at once.
    server.write("resolv.conf", "nameserver 127.0.0.1\n");
    let folder = server.folder.path().display();
    format!(
        "chmod 644 {folder}/resolv.conf; mount --bind {folder}/resolv.conf /etc/resolv.conf\n\
         exec setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs \
         --inh-caps {ambient} --ambient-caps {ambient} --bounding-set {bounding} \
         /usr/bin/python3 {folder}/filtered.py {folder}/unit \
         {folder}/manypath hub --settings {folder}/hub.toml"
    )
}

/// As setpriv(1) wants a set.
fn capabilities(kept: &str) -> String {
    let kept = kept.to_lowercase().replace("cap_", "+").replace(' ', ",");
    format!("-all,{kept}")
}

#[test]
fn the_hub_does_all_its_work_as_its_unit_runs_it() {
    let second = addresses::HUB_SECOND.ipv4();
    let settings = format!("announce = [\"{second}\"]\n[metrics]\n");
    let mut server = Server::prepare(&settings);
    let limits = server.limits();
    server.set_wrapper(&as_the_unit_says(&server));
    server.run();
    assert_eq!(server.sysctl("net.mptcp.stale_loss_cnt"), "3");
    assert_eq!(server.endpoints().len(), 1);
    let mut stream = to_origin(&server, Transport::Mptcp, hub_v4());
    request(&mut stream, "/bytes/1000000");
    receive(&mut stream, 1_000_000).expect("all bytes");
    drop(stream);
    server.at_guest(async || {
        let mut edge = admitted(&server.key, &server.alice).await;
        edge.exchange(1_000_000).await;
        // A name has to be looked up.
        edge.tries("nowhere.invalid:80").await.expect("a refusal");
    });
    server.signal(Signal::HUP);
    server.wait_for_log("the settings were read");
    server.stop().expect("a clean stop");
    assert!(server.path("hub.usage").exists());
    assert_eq!(server.limits(), limits);
    assert_eq!(server.endpoints(), []);
    let log = server.log();
    let mut warnings = log.lines().filter(|line| line.contains("WARN"));
    assert!(warnings.all(|line| line.contains("in clear")), "{log}");
}
