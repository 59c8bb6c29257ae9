use std::io::Read;
use std::time::Duration;

use winproc::fake::{FakeUsers, Stdio};
use winproc::{Account, Program, Session, SessionId, SessionState, Users};

use super::*;

const LIMIT: Duration = Duration::from_secs(10);

/// Runs a function in the place of the edge.
fn start(
    program: impl Fn(Stdio) -> u32 + Send + Sync + 'static,
) -> (Edge, Receiver<Heard>, Receiver<String>) {
    let users = FakeUsers::default();
    let session = Session {
        id: SessionId(1),
        console: true,
        state: SessionState::Active,
        user: Some(Account {
            sid: "S-1-5-21-1-2-3-1001".parse().unwrap(),
            name: r"PC\ann".to_owned(),
        }),
    };
    users.log_on(session, r"C:\Users\ann", move |_, stdio| program(stdio));
    let user = users.user(SessionId(1)).unwrap();
    let command = UserCommand::new(Program::new(r"C:\wsl.exe").unwrap());
    let ((heard_by, heard), (logged_by, logged)) = (mpsc::channel(), mpsc::channel());
    let log = move |text: &str| drop(logged_by.send(text.to_owned()));
    let edge = Edge::start(&*user, &command, log, move |it| drop(heard_by.send(it)));
    (edge.unwrap(), heard, logged)
}

fn next(heard: &Receiver<Heard>) -> Heard {
    heard.recv_timeout(LIMIT).expect("something")
}

#[test]
fn messages_go_both_ways_and_the_end_of_the_input_ends_it() {
    let (edge, heard, _) = start(|mut stdio| {
        stdio.stdout.write_all(b"\"alive\"\n").unwrap();
        let mut text = String::new();
        stdio.stdin.read_to_string(&mut text).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].contains("hello"), "{text}");
        assert_eq!(lines[1..], ["\"status\""]);
        stdio.stderr.write_all(b"bye\n").unwrap();
        0
    });
    assert_eq!(next(&heard), Heard::Message(ToHost::Alive));
    edge.say(ToEdge::Status);
    drop(edge);
    assert_eq!(next(&heard), Heard::Ended("bye".to_owned()));
}

#[test]
fn the_best_explanation_is_the_last_word() {
    let (_edge, heard, logged) = start(|mut stdio| {
        stdio.stderr.write_all(b"one\n\ntwo\n").unwrap();
        stdio
            .stdout
            .write_all(b"{\"fatal\":\"no MPTCP\"}\n")
            .unwrap();
        1
    });
    assert_eq!(
        next(&heard),
        Heard::Message(ToHost::Fatal("no MPTCP".to_owned()))
    );
    assert_eq!(next(&heard), Heard::Ended("no MPTCP".to_owned()));
    assert_eq!(logged.iter().collect::<Vec<_>>(), ["one", "two"]);
    let (_edge, heard, _) = start(|_| 0x8004_032e);
    let Heard::Ended(words) = next(&heard) else {
        panic!("it says something");
    };
    assert!(words.contains("0x8004032e"), "{words}");
}

#[test]
fn one_that_talks_nonsense_is_ended() {
    let (_edge, heard, _) = start(|mut stdio| {
        stdio.stdout.write_all(b"Welcome to Ubuntu!\n").unwrap();
        // Until it is killed.
        while stdio.stdout.write_all(b"\n").is_ok() {
            thread::sleep(Duration::from_millis(5));
        }
        0
    });
    let Heard::Ended(words) = next(&heard) else {
        panic!("it says something");
    };
    assert!(
        words.contains("no message") && words.contains("Welcome"),
        "{words}"
    );
}
