//! A server is made a hub, for real.

use std::fs::OpenOptions;
use std::io::Write;
use std::time::{Duration, Instant};

use crate::machine::{Machine, PROGRAM, Said};

fn install(machine: &Machine) -> Said {
    machine.manypath(&["hub", "install", "--host", "127.0.0.1"])
}

fn installed() -> Machine {
    let machine = Machine::with_systemd();
    let said = install(&machine);
    assert_eq!(said.code, 0, "{said:?}\n{}", machine.log());
    machine
}

/// Owner, group and mode.
fn rights(machine: &Machine, path: &str) -> String {
    let said = machine.shell(&format!("stat -c '%U:%G %a' {path}"));
    said.trim().to_owned()
}

/// A line of `/proc/PID/status` of the service's process.
fn status(machine: &Machine, key: &str) -> String {
    let text = machine.shell("cat /proc/$(cat $STATE/pid)/status");
    let line = text
        .lines()
        .find_map(|it| it.strip_prefix(key)?.strip_prefix(':'));
    line.expect("a line").trim().to_owned()
}

#[test]
fn a_server_becomes_a_hub_that_runs_with_two_rights() {
    let machine = Machine::with_systemd();
    let said = install(&machine);
    assert_eq!(said.code, 0, "{said:?}\n{}", machine.log());
    let links = said
        .out
        .lines()
        .filter(|it| it.trim().starts_with("manypath://"));
    assert_eq!(links.count(), 1, "{said:?}");
    assert!(
        said.out
            .contains("allow incoming TCP and UDP to port 443 there"),
        "{said:?}"
    );
    let service = "manypath-hub.service";
    assert_eq!(
        machine.asked(),
        [
            "daemon-reload".to_owned(),
            format!("enable {service}"),
            format!("start {service}")
        ]
    );
    for (path, wanted) in [
        ("/usr/local/bin/manypath", "root:root 755"),
        ("/etc/manypath", "root:manypath 750"),
        ("/etc/manypath/hub.toml", "root:manypath 640"),
        ("/etc/manypath/hub.key", "manypath:manypath 600"),
        ("/etc/manypath/hub.users.toml", "root:manypath 640"),
    ] {
        assert_eq!(rights(&machine, path), wanted, "{path}");
    }
    let uid = machine.shell("id -u manypath");
    assert!(status(&machine, "Uid").starts_with(uid.trim()));
    // CAP_NET_BIND_SERVICE (10) and CAP_NET_ADMIN (12).
    for set in ["CapEff", "CapPrm", "CapBnd", "CapAmb"] {
        assert_eq!(status(&machine, set), "0000000000001400", "{set}");
    }
    // They are enough for the kernel's settings.
    assert_eq!(machine.shell("sysctl -n net.mptcp.stale_loss_cnt"), "3\n");
    assert!(!machine.log().contains("as root"), "{}", machine.log());
}

/// The link in what `install` or `user add` said.
fn link(said: &Said) -> &str {
    let mut lines = said.out.lines().map(str::trim);
    let link = lines.find(|it| it.starts_with("manypath://"));
    link.unwrap_or_else(|| panic!("no link: {said:?}"))
}

/// Whether the hub takes a link, as `manypath connect` finds it.
fn is_taken(machine: &Machine, link: &str) -> bool {
    let script = format!("echo '{link}' | {PROGRAM} connect --dry-run --settings /etc/edge.toml");
    machine.run("/bin/sh", &["-c", &script]).code == 0
}

#[test]
fn its_links_work_and_users_come_and_go_while_it_runs() {
    let machine = Machine::with_systemd();
    let said = install(&machine);
    assert!(is_taken(&machine, link(&said)), "{}", machine.log());
    // Root edits a file that the hub's user has to read afterwards.
    let said = machine.manypath(&["hub", "user", "add", "bob"]);
    assert_eq!(said.code, 0, "{said:?}");
    let bob = link(&said);
    eventually(|| is_taken(&machine, bob));
    let users = "/etc/manypath/hub.users.toml";
    assert_eq!(rights(&machine, users), "root:manypath 640");
    let said = machine.manypath(&["hub", "user", "remove", "bob"]);
    assert_eq!(said.code, 0, "{said:?}");
    eventually(|| !is_taken(&machine, bob));
    // What bob has transferred goes into a file of the hub's own.
    machine.manypath(&["hub", "uninstall"]);
    assert_eq!(
        rights(&machine, "/var/lib/manypath/hub.usage"),
        "manypath:manypath 600"
    );
}

fn eventually(mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < deadline, "not within 10 s");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_second_time_there_is_nothing_to_do() {
    let machine = installed();
    machine.asked();
    let (key, pid) = ("cat /etc/manypath/hub.key", "cat $STATE/pid");
    let before = [key, pid].map(|it| machine.shell(it));
    let said = install(&machine);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.starts_with("nothing to do\n"), "{said:?}");
    assert!(!said.out.contains("manypath://"), "{said:?}");
    assert_eq!(machine.asked(), [""; 0]);
    assert_eq!([key, pid].map(|it| machine.shell(it)), before);
}

#[test]
fn another_version_of_the_program_replaces_the_one_that_runs() {
    let machine = installed();
    machine.asked();
    let key = machine.shell("cat /etc/manypath/hub.key");
    // Not in the file that runs, which can't be written to.
    machine.shell("cd /usr/local/bin; cp manypath other; mv other manypath");
    let program = machine.outside("/usr/local/bin/manypath");
    let mut program = OpenOptions::new()
        .append(true)
        .open(program)
        .expect("a program");
    program.write_all(b"older").expect("bytes");
    drop(program);
    let said = install(&machine);
    assert_eq!(said.code, 0, "{said:?}\n{}", machine.log());
    assert_eq!(machine.asked(), ["restart manypath-hub.service"]);
    assert_eq!(machine.shell("cat /etc/manypath/hub.key"), key);
    let runs = machine.shell("readlink /proc/$(cat $STATE/pid)/exe");
    assert_eq!(runs, "/usr/local/bin/manypath\n");
}

#[test]
fn a_taken_port_is_named_and_the_next_run_does_the_rest() {
    let machine = Machine::with_systemd();
    machine.shell("ncat -l -k 443 > /dev/null 2>&1 & echo $! > $STATE/ncat");
    machine.shell("until ss -Hltn sport = :443 | grep -q .; do sleep 0.05; done");
    let said = install(&machine);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(
        said.err.contains(":443 is taken by another program"),
        "{said:?}"
    );
    assert!(said.err.contains("ss -ltnp"), "{said:?}");
    assert_eq!(machine.asked().len(), 2, "reload and enable, but no start");
    machine.shell("kill $(cat $STATE/ncat)");
    machine.shell("while ss -Hltn sport = :443 | grep -q .; do sleep 0.05; done");
    let said = install(&machine);
    assert_eq!(said.code, 0, "{said:?}\n{}", machine.log());
    assert_eq!(machine.asked(), ["start manypath-hub.service"]);
}

#[test]
fn a_firewall_is_named_and_left_alone() {
    let machine = Machine::with_systemd();
    machine.shell("nft 'table inet filter { chain input { type filter hook input priority 0; policy drop; iif lo accept; }; }'");
    let before = machine.shell("nft list ruleset");
    let said = install(&machine);
    assert_eq!(said.code, 0, "{said:?}\n{}", machine.log());
    let wanted = "  nft insert rule inet filter input tcp dport 443 accept\n";
    assert!(said.out.contains(wanted), "{said:?}");
    assert_eq!(machine.shell("nft list ruleset"), before);
    // What it says works as it stands.
    machine.shell(wanted.trim());
}

#[test]
fn uninstalling_keeps_the_key_and_purging_leaves_nothing() {
    let machine = installed();
    let said = machine.manypath(&["hub", "uninstall"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("/etc/manypath/hub.key"), "{said:?}");
    assert!(said.out.contains("--purge"), "{said:?}");
    for gone in [
        "/usr/local/bin/manypath",
        "/usr/local/lib/systemd/system/manypath-hub.service",
        "/usr/local/lib/sysusers.d/manypath-hub.conf",
        "/etc/systemd/system/multi-user.target.wants/manypath-hub.service",
    ] {
        assert!(!machine.exists(gone), "{gone}");
    }
    assert_eq!(machine.shell("ss -Hltn sport = :443"), "");
    // It has put the kernel's settings back.
    assert_eq!(machine.shell("sysctl -n net.mptcp.stale_loss_cnt"), "4\n");

    // The links that users have go on working.
    let key = machine.shell("cat /etc/manypath/hub.key");
    let said = install(&machine);
    assert_eq!(said.code, 0, "{said:?}\n{}", machine.log());
    assert!(!said.out.contains("manypath://"), "{said:?}");
    assert_eq!(machine.shell("cat /etc/manypath/hub.key"), key);

    let said = machine.manypath(&["hub", "uninstall", "--purge"]);
    assert_eq!(said.code, 0, "{said:?}");
    for gone in ["/etc/manypath", "/var/lib/manypath", "/run/manypath/hub"] {
        assert!(!machine.exists(gone), "{gone}");
    }
    assert_eq!(machine.run("id", &["manypath"]).code, 1);
    assert_eq!(machine.shell("grep -c manypath /etc/group || true"), "0\n");
}

#[test]
fn what_belongs_to_others_is_not_purged() {
    let machine = installed();
    machine.shell("echo '# mine' > /etc/manypath/edge.toml");
    let said = machine.manypath(&["hub", "uninstall", "--purge"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(machine.shell("ls /etc/manypath"), "edge.toml\n");
    assert!(machine.exists("/usr/local/bin/manypath"));
    assert!(!machine.exists("/usr/local/lib/systemd/system/manypath-hub.service"));
}
