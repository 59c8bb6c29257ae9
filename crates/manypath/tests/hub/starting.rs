//! What is wrong at the start, and what a hub lacks.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use lab::topology::{Node, addresses};
use mptcp::Transport;

use crate::client::{SUCCEEDED, code_for, dial, receive, request, to_origin};
use crate::server::{PROGRAM, Server, eventually, hub_v4};

#[test]
fn an_error_in_the_users_file_is_named_with_its_line() {
    let server = Server::prepare("");
    for (users, says) in [
        ("alice:a\n\nbob\n", ":3:"),
        ("alice:a\nbob:b\nalice:c\n", "alice"),
        ("# nobody\n", "users"),
        (":secret\n", ":1:"),
    ] {
        server.write("users", users);
        let (code, said) = server.fail();
        assert_eq!(code, 2, "{said}");
        assert!(said.contains("users") && said.contains(says), "{said}");
        assert!(!said.contains("secret"), "{said}");
    }
    fs::remove_file(server.path("users")).expect("it was there");
    let (code, said) = server.fail();
    assert_eq!(code, 2, "{said}");
    assert!(
        said.contains(&server.path("users").display().to_string()),
        "{said}"
    );
}

#[test]
fn without_key_or_users_file_it_says_what_to_do() {
    let server = Server::prepare("");
    server.write("users.toml", "[[user]]\nname = \"bob\"\n");
    let (code, said) = server.fail();
    assert_eq!(code, 2, "{said}");
    assert!(
        said.contains("users.toml:1") && said.contains("key"),
        "{said}"
    );
    fs::remove_file(server.path("users.toml")).expect("it was there");
    let (code, said) = server.fail();
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("users.toml"), "{said}");
    server.write("users.toml", "");

    server.write(
        "hub.key",
        "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n",
    );
    let (code, said) = server.fail();
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("hub.key") && said.contains("manypath hub init"),
        "{said}"
    );
    assert!(
        !said.contains("c2VjcmV0") && !said.contains("secret"),
        "{said}"
    );
    fs::remove_file(server.path("hub.key")).expect("it was there");
    let (code, said) = server.fail();
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("hub.key") && said.contains("manypath hub init"),
        "{said}"
    );
}

#[test]
fn a_users_file_that_others_may_read_is_warned_of() {
    let mut server = Server::prepare("");
    let open = fs::Permissions::from_mode(0o644);
    fs::set_permissions(server.path("users"), open).expect("rights");
    server.run();
    assert!(server.log().contains("chmod"), "{}", server.log());
}

#[test]
fn the_hub_survives_being_out_of_files() {
    let mut server = Server::prepare("");
    server.set_wrapper("ulimit -n 48");
    server.run();
    let guest = server.lab.namespace(Node::Guest);
    let flood: Vec<_> = (0..100)
        .map(|_| {
            guest
                .run(|| dial(Transport::Mptcp, hub_v4()))
                .expect("a place in the queue")
        })
        .collect();
    eventually("the hub is out of files", || {
        server.log().contains("LimitNOFILE").then_some(())
    });
    let before = cpu(&server);
    std::thread::sleep(Duration::from_secs(1));
    let used = cpu(&server) - before;
    assert!(
        used < Duration::from_millis(300),
        "it spins: {used:?} in a second"
    );

    drop(flood);
    // While the flood goes, a connection may be taken and still find no file for its way on.
    eventually("it serves again", || {
        (code_for(&server, "203.0.113.18", 80) == SUCCEEDED).then_some(())
    });
    server.stop().expect("a clean stop");
}

/// Processor time of the hub, from proc_pid_stat(5): fields 14 and 15, in hundredths of a second.
fn cpu(server: &Server) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{}/stat", server.process().id()));
    let stat = stat.expect("it runs");
    let (_, fields) = stat.rsplit_once(')').expect("a name in brackets");
    let ticks = fields.split_ascii_whitespace().skip(11).take(2);
    let ticks: u64 = ticks
        .map(|field| field.parse::<u64>().expect("a number"))
        .sum();
    Duration::from_millis(10 * ticks)
}

/// Makes what follows run as a user without rights, who may read the program and the settings.
fn without_root(server: &mut Server) -> String {
    let program = server.path("manypath");
    fs::copy(PROGRAM, &program).expect("a copy");
    let everyone = fs::Permissions::from_mode(0o755);
    for path in [server.folder.path(), &program] {
        fs::set_permissions(path, everyone.clone()).expect("rights");
    }
    for file in ["users", "users.toml", "hub.key", "hub.toml"] {
        let owner = Some(65534);
        std::os::unix::fs::chown(server.path(file), owner, owner).expect("an owner");
    }
    format!(
        "echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start\n\
         exec setpriv --reuid 65534 --regid 65534 --clear-groups {} hub --settings {}",
        program.display(),
        server.path("hub.toml").display()
    )
}

#[test]
fn without_root_the_hub_serves_and_says_what_it_can_not_do() {
    let mut server = Server::prepare("");
    let limits = server.limits();
    let wrapper = without_root(&mut server);
    server.set_wrapper(&wrapper);
    server.run();
    let log = server.log();
    let warnings: Vec<&str> = log.lines().filter(|line| line.contains("WARN")).collect();
    assert_eq!(warnings.len(), 1, "{log}");
    assert!(warnings[0].contains("Run the hub as root"), "{log}");
    assert_eq!(server.limits(), limits);
    let mut stream = to_origin(&server, Transport::Mptcp, hub_v4());
    assert!(
        !mptcp::connection_info(&stream)
            .expect("a connection")
            .fallback
    );
    request(&mut stream, "/bytes/1000");
    receive(&mut stream, 1000).expect("all bytes");
    drop(stream);
    server.stop().expect("a clean stop");
}

#[test]
fn without_root_nothing_can_be_announced() {
    let second = addresses::HUB_SECOND.ipv4();
    let mut server = Server::prepare(&format!("announce = [\"{second}\"]"));
    let wrapper = without_root(&mut server);
    server.set_wrapper(&wrapper);
    let (code, said) = server.fail();
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("announce") && said.contains("root"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}
