//! The program that tests start.

use std::env;
use std::time::Duration;

use winproc::{Program, UserCommand};

/// Longer than anything takes, and shorter than a test may hang.
pub const LONG: Duration = Duration::from_secs(30);

/// The program of `examples/child.rs`, told what to do.
pub fn child(what: &str) -> UserCommand {
    let mut path = env::current_exe().expect("a path");
    // Tests lie in `deps`, and examples beside that.
    path.pop();
    path.pop();
    path.extend(["examples", "child.exe"]);
    let path = path.into_os_string().into_string().expect("UTF-8");
    UserCommand::new(Program::new(path).expect("a program")).arguments([what])
}
