use super::*;
use crate::command::Program;
use crate::session::SessionState;
use std::io::{BufRead, BufReader, Read};

const CONSOLE: SessionId = SessionId(2);
const LONG: Duration = Duration::from_secs(20);

fn session(id: SessionId, name: Option<&str>) -> Session {
    Session {
        id,
        console: id == CONSOLE,
        state: SessionState::Active,
        user: name.map(|name| Account {
            sid: format!("S-1-5-21-1-2-3-{}", 1000 + id.0).parse().unwrap(),
            name: name.to_owned(),
        }),
    }
}

fn command(argument: &str) -> UserCommand {
    UserCommand::new(Program::new(r"C:\WSL\wsl.exe").unwrap()).arguments([argument])
}

/// Says what it was asked to, and then repeats what it reads.
fn parrot(command: &UserCommand, mut stdio: Stdio) -> ExitCode {
    let word = &command.given_arguments()[0];
    assert_ne!(word, "panic");
    writeln!(stdio.stdout, "{word}").unwrap();
    let copied = io::copy(&mut stdio.stdin, &mut stdio.stderr).unwrap();
    copied.try_into().unwrap()
}

fn ada(users: &FakeUsers) -> Box<dyn User> {
    users.log_on(session(CONSOLE, Some("Ada")), "/", parrot);
    users.user(CONSOLE).unwrap()
}

#[test]
fn the_console_is_asked_first() {
    let users = FakeUsers::default();
    users.log_on(session(SessionId(1), None), "/", parrot);
    assert_eq!(ada(&users).account().name, "Ada");
    let ids = users.sessions().unwrap().into_iter().map(|s| s.id);
    assert_eq!(ids.collect::<Vec<_>>(), [CONSOLE, SessionId(1)]);
    for nobody in [1, 7].map(SessionId) {
        let refusal = users.user(nobody).unwrap_err();
        assert!(matches!(refusal, Error::NobodyThere(id) if id == nobody));
    }
}

#[test]
fn a_program_talks() {
    let users = FakeUsers::default();
    let mut child = ada(&users).spawn(&command("hello")).unwrap();
    child.stdin.write_all(b"abc").unwrap();
    assert_eq!(child.process.wait(Some(Duration::ZERO)).unwrap(), None);
    drop(child.stdin);
    let (mut stdout, mut stderr) = (String::new(), String::new());
    child.stdout.read_to_string(&mut stdout).unwrap();
    child.stderr.read_to_string(&mut stderr).unwrap();
    assert_eq!((stdout.as_str(), stderr.as_str()), ("hello\n", "abc"));
    assert_eq!(child.process.wait(None).unwrap(), Some(3));
    child.process.kill().unwrap();
    assert_eq!(child.process.wait(None).unwrap(), Some(3));
    assert_eq!(users.started(), [(CONSOLE, command("hello"))]);
}

#[test]
fn output() {
    let ada = ada(&FakeUsers::default());
    let output = ada.spawn(&command("hi")).unwrap().output(LONG).unwrap();
    assert_eq!((output.code, &output.stdout[..]), (0, &b"hi\n"[..]));
    let output = ada.spawn(&command("panic")).unwrap().output(LONG).unwrap();
    assert_eq!(output.code, PANICKED);
}

#[test]
fn one_that_takes_too_long_is_ended() {
    let users = FakeUsers::default();
    let (wake, sleep) = std::sync::mpsc::channel::<()>();
    let sleep = Mutex::new(sleep);
    users.log_on(session(CONSOLE, Some("Ada")), "/", move |_, _| {
        lock(&sleep).recv().unwrap_err();
        0
    });
    let child = users.user(CONSOLE).unwrap().spawn(&command("")).unwrap();
    let error = child.output(Duration::from_millis(1)).unwrap_err();
    assert!(matches!(error, Error::TooSlow { .. }), "{error}");
    drop(wake);
}

/// A program that waits for what never comes, seen from where it was started.
#[test]
fn killed_dropped_or_logged_off() {
    let users = FakeUsers::default();
    let ada = ada(&users);
    for end in [
        |_: &FakeUsers, process: Arc<dyn Process>| process.kill().unwrap(),
        |_: &FakeUsers, process: Arc<dyn Process>| drop(process),
        |users: &FakeUsers, process: Arc<dyn Process>| {
            users.log_off(CONSOLE);
            assert_eq!(process.wait(Some(LONG)).unwrap(), Some(KILLED));
        },
    ] {
        let child = ada.spawn(&command("up")).unwrap();
        let mut stdout = BufReader::new(child.stdout);
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        assert_eq!(line, "up\n");
        end(&users, child.process);
        assert_eq!(stdout.read_line(&mut line).unwrap(), 0);
    }
    assert!(users.sessions().unwrap().is_empty());
}

#[test]
fn files() {
    let directory = tempfile::tempdir().unwrap();
    let users = FakeUsers::default();
    users.log_on(session(CONSOLE, Some("Ada")), directory.path(), parrot);
    let ada = users.user(CONSOLE).unwrap();
    let file = ada.profile().join("file");
    assert_eq!(ada.read(&file).unwrap(), None);
    ada.write(&file, b"x").unwrap();
    assert_eq!(ada.read(&file).unwrap().as_deref(), Some(&b"x"[..]));
    ada.remove(&file).unwrap();
    ada.remove(&file).unwrap();
    assert_eq!(ada.read(&file).unwrap(), None);
    assert!(ada.read(directory.path()).is_err());
}
