//! Programs that are really started. Needs an administrator's rights.
#![cfg(windows)]
#![expect(unsafe_code, reason = "std can't make a handle that programs inherit")]

mod support;

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::windows::io::AsRawHandle;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use proptest::prelude::*;
use support::{LONG, child};
use windows_sys::Win32::Foundation::{HANDLE_FLAG_INHERIT, SetHandleInformation};
use winproc::{Error, Program, UserChild, UserCommand, is_elevated, run, run_elevated};

fn lines(command: &UserCommand) -> Vec<String> {
    let output = run(command).and_then(|child| child.output(LONG));
    let output = output.expect("a program that runs");
    assert_eq!(output.code, 7, "{output:?}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines().map(str::to_owned).collect()
}

fn sees(arguments: &[&str]) {
    let seen = lines(&child("arguments").arguments(arguments.iter().copied()));
    let given: Vec<String> = arguments.iter().map(|a| format!("{a:?}")).collect();
    assert_eq!(seen, given);
}

#[test]
fn arguments_arrive() {
    sees(&[]);
    sees(&[
        "",
        "two words",
        r"C:\Program Files\",
        r#"say "\\" twice"#,
        "tab\there",
        "Ω 🐍",
        "%PATH%",
        "a&b|c>d^e",
        "line\nbreak",
    ]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_arguments_arrive(arguments in prop::collection::vec(r#"[ab \\"\t\n]{0,10}"#, 0..5)) {
        sees(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    }
}

#[test]
fn variables_are_added() {
    let names = ["winproc_TEST", "SystemRoot", "NOT_THERE"];
    let seen = lines(
        &child("variable")
            .variable("WINPROC_test", "ö = 1")
            .arguments(names),
    );
    let root = std::env::var("SystemRoot").unwrap();
    assert_eq!(
        seen,
        ["Some(\"ö = 1\")", &format!("Some({root:?})"), "None"]
    );
}

#[test]
fn pipes_and_exit_code() {
    let child = run(&child("parrot")).unwrap();
    let mut stdout = BufReader::new(child.stdout);
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line.trim_end(), "ready");
    assert_ne!(child.process.id(), std::process::id());

    let mut stdin = child.stdin;
    stdin.write_all(b"abc").unwrap();
    let mut stderr = child.stderr;
    let mut heard = [0; 3];
    stderr.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"abc");
    // It reads on: the end of its input is what it waits for.
    assert_eq!(child.process.wait(Some(Duration::ZERO)).unwrap(), None);
    drop(stdin);
    assert_eq!(child.process.wait(Some(LONG)).unwrap(), Some(7));
    // At its end already, it keeps its code.
    child.process.kill().unwrap();
    assert_eq!(child.process.wait(None).unwrap(), Some(7));
}

/// A program that has started another one. Both hold the pipe, so it ends when both have.
fn family() -> (UserChild, impl FnOnce(BufReader<io::PipeReader>)) {
    (run(&child("family")).expect("a program"), |mut stdout| {
        let (ended, end) = mpsc::channel();
        thread::spawn(move || ended.send(stdout.read_to_end(&mut Vec::new())));
        end.recv_timeout(LONG)
            .expect("somebody still runs")
            .expect("reading works");
    })
}

fn wait_for_both(stdout: io::PipeReader) -> BufReader<io::PipeReader> {
    let mut stdout = BufReader::new(stdout);
    let mut line = String::new();
    stdout.read_line(&mut line).expect("reading works");
    assert_eq!(line.trim_end(), "waiting");
    stdout
}

#[test]
fn what_it_started_is_killed_with_it() {
    let (child, all_end) = family();
    let stdout = wait_for_both(child.stdout);
    child.process.kill().unwrap();
    all_end(stdout);
    assert_eq!(child.process.wait(Some(LONG)).unwrap(), Some(1));
}

#[test]
fn dropping_ends_it() {
    let (child, all_end) = family();
    let stdout = wait_for_both(child.stdout);
    drop(child.process);
    all_end(stdout);
}

#[test]
fn one_that_takes_too_long_is_ended() {
    let command = child("family");
    let error = run(&command)
        .unwrap()
        .output(Duration::from_millis(300))
        .unwrap_err();
    assert!(matches!(&error, Error::TooSlow { program, .. } if program == command.program()));
}

#[test]
fn nothing_else_is_inherited() {
    let (mut reader, writer) = io::pipe().unwrap();
    let (handle, flag) = (writer.as_raw_handle(), HANDLE_FLAG_INHERIT);
    // SAFETY: the handle is open.
    assert_ne!(unsafe { SetHandleInformation(handle, flag, flag) }, 0);
    let child = run(&child("wait")).unwrap();
    let _running = wait_for_both(child.stdout);
    drop(writer);
    // The program has no copy, so that was the last one.
    let (ended, end) = mpsc::channel();
    thread::spawn(move || ended.send(reader.read(&mut [0])));
    let read = end.recv_timeout(LONG).expect("the program has the pipe");
    assert_eq!(read.unwrap(), 0);
}

#[test]
fn a_program_that_is_not_there() {
    let program = Program::new(r"C:\no\such.exe").unwrap();
    let error = run(&UserCommand::new(program)).unwrap_err();
    assert!(matches!(error, Error::Start { .. }), "{error}");
    assert_eq!(error.to_string(), r"cannot start C:\no\such.exe");
}

/// Windows asks nobody where the rights are there already.
#[test]
fn with_an_administrators_rights() {
    assert!(is_elevated().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("two words");
    let file = file.to_str().unwrap();
    let code = run_elevated(&child("make").arguments([file])).unwrap();
    assert_eq!(code, 7);
    assert!(std::fs::exists(file).unwrap());
}
