//! The users file while the hub runs.

use std::fs;
use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use lab::rig::ORIGIN_PORT;
use lab::topology::Node;
use mptcp::Transport;
use relay::secure::Message;
use rustix::process::Signal;
use wire::hub::OpenRefusal;

use crate::client::{SUCCEEDED, authenticate, connect, dial, receive, request};
use crate::edge::{User, admitted, is_known};
use crate::server::{PROGRAM, Server, eventually, hub_v4, origin};

/// Replaces the users file as careful programs do.
fn replace(server: &Server, text: &str) {
    server.write("draft", text);
    fs::rename(server.path("draft"), server.path("users.toml")).expect("a rename");
}

/// Polls until the hub knows the user, or no more.
fn wait_until_known(server: &Server, user: &User, known: bool) {
    eventually("the users file counts", || {
        let is = server.at_guest(async || is_known(&server.key, user).await);
        (is == known).then_some(())
    });
}

#[test]
fn users_come_and_go_without_disturbing_others() {
    let server = Server::start("");
    let (alice, bob, key) = (&server.alice, User::new("bob"), &server.key);
    server.at_guest(async || {
        let mut kept = admitted(key, alice).await;
        kept.open_origin().await;
        kept.request("/messages/10/100000").await;

        // Written in place, then replaced.
        assert!(!is_known(key, &bob).await);
        server.write("users.toml", &(alice.entry("") + &bob.entry("")));
        wait_until_known(&server, &bob, true);
        let mut idle = admitted(key, &bob).await;
        let mut busy = admitted(key, &bob).await;
        busy.open_origin().await;
        busy.request("/messages/10/100000").await;
        busy.read(16).await.expect("bytes");

        replace(&server, &alice.entry(""));
        let (words, _) = idle.last_words().await;
        assert!(matches!(words[..], [Message::GoAway]), "{words:?}");
        let (words, _) = busy.last_words().await;
        let aborted = matches!(words.last(), Some(Message::Abort | Message::Data(_)) | None);
        assert!(aborted, "{:?}", words.last());
        assert!(!is_known(key, &bob).await);

        kept.read(1000).await.expect("alice has noticed nothing");
        assert!(is_known(key, alice).await);
    });
    let log = server.log();
    assert!(log.contains("added=1 removed=0 changed=0"), "{log}");
    assert!(log.contains("added=0 removed=1 changed=0"), "{log}");
    assert!(log.contains("the user was removed"), "{log}");
}

#[test]
fn a_broken_file_changes_nothing_and_is_named_with_line_and_key() {
    let mut server = Server::start("");
    let (bob, entry) = (User::new("bob"), server.alice.entry(""));
    for broken in [
        format!("{entry}[[user]]\nname = \"bob\"\nkee = 7\n"),
        format!("{entry}{}", bob.entry("rate = \"fast\"")),
        "[[user]\n".to_owned(),
    ] {
        let before = server.log().matches("the users stay as they are").count();
        replace(&server, &broken);
        eventually("the log says so", || {
            let now = server.log().matches("the users stay as they are").count();
            (now > before).then_some(())
        });
        let known = server.at_guest(async || is_known(&server.key, &server.alice).await);
        assert!(known, "{broken}");
    }
    let log = server.log();
    let place = |what: &str| log.contains("users.toml:") && log.contains(what);
    assert!(place("kee") && place("rate"), "{log}");
    fs::remove_file(server.path("users.toml")).expect("it was there");
    server.wait_for_log("the users file can't be read");
    assert!(server.at_guest(async || is_known(&server.key, &server.alice).await));
    replace(&server, &(entry + &bob.entry("")));
    wait_until_known(&server, &bob, true);
    server.stop().expect("a clean stop");
}

/// Runs `manypath hub user …` beside the hub; what it prints.
fn hub_user(server: &Server, arguments: &[&str]) -> String {
    let mut command = server.lab.command(Node::Hub, PROGRAM);
    command.args(["hub", "user"]).args(arguments);
    let output = command.arg("--settings").arg(server.path("hub.toml"));
    let output = output.output().expect("a program");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn users_that_are_added_and_removed_by_command_count_at_once() {
    let server = Server::start("");
    let host = hub_v4().ip().to_string();
    let said = hub_user(&server, &["add", "carol", "--json", "--host", &host]);
    let added = Instant::now();
    let said: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    let link: settings::HubLink = said["link"].as_str().expect("a link").parse().expect("one");
    let carol = User {
        name: "carol",
        secret: link.secret,
    };
    wait_until_known(&server, &carol, true);
    assert!(
        added.elapsed() < Duration::from_secs(2),
        "{:?}",
        added.elapsed()
    );
    server.at_guest(async || {
        let mut idle = admitted(&server.key, &carol).await;
        let mut busy = admitted(&server.key, &carol).await;
        busy.open_origin().await;
        busy.request("/messages/10/100000").await;
        busy.read(16).await.expect("bytes");
        hub_user(&server, &["remove", "carol"]);
        let removed = Instant::now();
        let (words, _) = idle.last_words().await;
        assert!(matches!(words[..], [Message::GoAway]), "{words:?}");
        let (words, _) = busy.last_words().await;
        let at_its_end = words.iter().any(|word| matches!(word, Message::Fin));
        assert!(!at_its_end, "it is no orderly end");
        assert!(
            removed.elapsed() < Duration::from_secs(2),
            "{:?}",
            removed.elapsed()
        );
        assert!(!is_known(&server.key, &carol).await);
        assert!(is_known(&server.key, &server.alice).await);
    });
}

#[test]
fn a_new_key_ends_what_the_old_one_has() {
    let server = Server::start("");
    let again = User::new("alice");
    server.at_guest(async || {
        let mut old = admitted(&server.key, &server.alice).await;
        replace(&server, &again.entry(""));
        let (words, _) = old.last_words().await;
        assert!(matches!(words[..], [Message::GoAway]), "{words:?}");
        assert!(is_known(&server.key, &again).await);
        assert!(!is_known(&server.key, &server.alice).await);
    });
}

#[test]
fn hangup_reads_settings_and_users_again() {
    let server = Server::start("log_destinations = false");
    server.at_guest(async || {
        let mut edge = admitted(&server.key, &server.alice).await;
        let near = "127.0.0.1:9";
        assert_eq!(edge.tries(near).await, Some(OpenRefusal::NotAllowed));
        assert!(!server.log().contains(near), "{}", server.log());
        server.set("log_destinations = true\nallow = [\"127.0.0.0/8\"]");
        server.signal(Signal::HUP);
        server.wait_for_log("the settings were read");
        assert_eq!(edge.tries(near).await, Some(OpenRefusal::Refused));
        server.wait_for_log(near);
        assert!(!server.log().contains("need a restart"), "{}", server.log());

        server.set("drain = \"1s\"");
        server.signal(Signal::HUP);
        server.wait_for_log("need a restart");
        server.set("drain = 1");
        server.signal(Signal::HUP);
        server.wait_for_log("the settings are wrong");
        assert_eq!(edge.tries(near).await, Some(OpenRefusal::NotAllowed));
    });
}

/// A SOCKS5 client's long transfer; `None` if the hub does not know the user.
fn transfer(server: &Server, user: (&str, &str)) -> Option<TcpStream> {
    let guest = server.lab.namespace(Node::Guest);
    let mut stream = guest.run(|| dial(Transport::Tcp, hub_v4())).ok()?;
    if authenticate(&mut stream, user).ok()? != 0 {
        return None;
    }
    let code = connect(&mut stream, &origin().to_string(), ORIGIN_PORT);
    assert_eq!(code.expect("an answer"), SUCCEEDED);
    request(&mut stream, "/messages/10/100000");
    receive(&mut stream, 16).expect("the first message");
    Some(stream)
}

/// Reads on; whether the hub has reset the connection, as against the bytes going on.
fn is_reset(stream: &mut TcpStream) -> bool {
    let mut bytes = [0; 16];
    for _ in 0..200 {
        match stream.read_exact(&mut bytes) {
            Ok(()) => {}
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::ConnectionReset);
                return true;
            }
        }
    }
    false
}

#[test]
fn socks5_users_come_and_go_without_disturbing_others() {
    const ALICE: (&str, &str) = ("alice", "wonder land");
    let server = Server::start("");
    let mut alice = transfer(&server, ALICE).expect("she is known");
    let mut bob = transfer(&server, ("bob", "builder")).expect("he is known");
    assert!(transfer(&server, ("carol", "new one")).is_none());

    server.write("users", "alice:wonder land\ncarol:new one\n");
    eventually("carol is known", || transfer(&server, ("carol", "new one")));
    assert!(is_reset(&mut bob));
    assert!(transfer(&server, ("bob", "builder")).is_none());
    assert!(!is_reset(&mut alice), "she has noticed nothing");

    // Who has a new password has to say it.
    server.write("draft", "alice:through the glass\ncarol:new one\n");
    fs::rename(server.path("draft"), server.path("users")).expect("a rename");
    assert!(is_reset(&mut alice));
    assert!(transfer(&server, ALICE).is_none());
    transfer(&server, ("alice", "through the glass")).expect("it is her password");
    let log = server.log();
    assert!(log.contains("the SOCKS5 users file was read"), "{log}");
    assert!(!log.contains("glass") && !log.contains("wonder"), "{log}");
}

#[test]
fn a_broken_socks5_users_file_changes_nothing_and_is_named_with_its_line() {
    let server = Server::start("");
    let says = || {
        server
            .log()
            .matches("the SOCKS5 users file is wrong")
            .count()
    };
    let mut alice = transfer(&server, crate::client::ALICE).expect("she is known");
    server.write("users", "carol:new one\n\nbob of no colon\n");
    eventually("the log says so", || (says() == 1).then_some(()));
    let place = format!("{}:3:", server.path("users").display());
    assert!(server.log().contains(&place), "{}", server.log());
    // Asked to, it says so again.
    server.signal(Signal::HUP);
    eventually("the log says so again", || (says() == 2).then_some(()));
    assert!(transfer(&server, ("carol", "new one")).is_none());
    transfer(&server, ("bob", "builder")).expect("he is still known");
    assert!(!is_reset(&mut alice));
    fs::remove_file(server.path("users")).expect("it was there");
    let unread = "the SOCKS5 users file can't be read";
    server.wait_for_log(unread);
    server.signal(Signal::HUP);
    eventually("the log says so again", || {
        (server.log().matches(unread).count() == 2).then_some(())
    });
    transfer(&server, ("bob", "builder")).expect("he is still known");
}
