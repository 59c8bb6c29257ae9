//! A program for the tests to start. Its first argument says what it does.

use std::env;
use std::fs::File;
use std::io;
use std::process::{Command, ExitCode};
use std::thread;

fn main() -> ExitCode {
    let mut arguments = env::args();
    arguments.next();
    match arguments.next().as_deref() {
        // Each on a line of its own, as Rust writes texts in source code.
        Some("arguments") => arguments.for_each(|argument| println!("{argument:?}")),
        Some("variable") => arguments.for_each(|name| println!("{:?}", env::var(name).ok())),
        #[cfg(windows)]
        Some("folders") => folders(),
        Some("make") => {
            let file = arguments.next().expect("a file");
            File::create_new(file).expect("a new file");
        }
        // What it reads to where errors go.
        Some("parrot") => {
            println!("ready");
            io::copy(&mut io::stdin(), &mut io::stderr()).expect("pipes");
        }
        // Another program that writes to the same pipes, and neither ever ends.
        Some("family") => {
            let me = env::current_exe().expect("a path");
            Command::new(me).arg("wait").status().expect("a child");
        }
        Some("wait") => {
            println!("waiting");
            wait();
        }
        other => panic!("{other:?}: what is this?"),
    }
    ExitCode::from(7)
}

#[cfg(windows)]
fn folders() {
    use winproc::KnownFolder::{ProgramData, ProgramFiles, System};
    for folder in [ProgramData, ProgramFiles, System] {
        println!("{}", folder.path().expect("it is there").display());
    }
}

fn wait() -> ! {
    loop {
        thread::park();
    }
}
