//! Stands in for `wsl.exe`: keeps the list of distributions in the registry as WSL does, and has the machine
//! run what is to be run in the guest.
#![forbid(unsafe_code)]

use std::env;
use std::error::Error;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::ExitCode;
use std::thread;

use windows_registry::CURRENT_USER;

const LXSS: &str = r"Software\Microsoft\Windows\CurrentVersion\Lxss";
/// The distribution that is imported.
const OURS: &str = "{00000000-0000-0000-0000-000000000002}";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match run(&arguments) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            println!("{error}");
            ExitCode::from(255)
        }
    }
}

fn run(arguments: &[String]) -> Result<u8, Box<dyn Error>> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["--import", name, folder, image, "--version", "2"] => {
            // WSL reads it, too.
            std::fs::metadata(image)?;
            std::fs::create_dir_all(folder)?;
            let key = CURRENT_USER.create(format!(r"{LXSS}\{OURS}"))?;
            key.set_string("DistributionName", name)?;
            key.set_string("BasePath", folder)?;
            Ok(0)
        }
        ["--unregister", _] => {
            let key = CURRENT_USER.open(format!(r"{LXSS}\{OURS}"))?;
            std::fs::remove_dir_all(key.get_string("BasePath")?)?;
            CURRENT_USER.remove_tree(format!(r"{LXSS}\{OURS}"))?;
            Ok(0)
        }
        ["-d", _, "-u", "root", "--exec", ..] => in_guest(&words[5..]),
        ["--shutdown"] => in_guest(&words),
        other => Err(format!("this is not known: {other:?}").into()),
    }
}

/// Has the machine run a command in the guest, or end it.
///
/// The machine sends lines: `o` and what goes to standard output, `e` and what goes to standard error, `x` and
/// the exit code. It is sent the command, and then what comes in.
fn in_guest(command: &[&str]) -> Result<u8, Box<dyn Error>> {
    let mut machine = TcpStream::connect(fakes::guest_address())?;
    machine.set_nodelay(true)?;
    let mut line = serde_json::to_vec(command)?;
    line.push(b'\n');
    machine.write_all(&line)?;
    let input = machine.try_clone()?;
    thread::spawn(move || pass_on(input));
    for line in BufReader::new(machine).lines() {
        let line = line?;
        match line.split_at_checked(1) {
            Some(("o", text)) => {
                println!("{text}");
                io::stdout().flush()?;
            }
            Some(("e", text)) => eprintln!("{text}"),
            Some(("x", code)) => return Ok(code.parse()?),
            _ => return Err(format!("the machine says {line:?}").into()),
        }
    }
    Err("the machine has gone".into())
}

fn pass_on(mut input: TcpStream) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(length @ 1..) = io::stdin().read(&mut buffer) {
        if input.write_all(&buffer[..length]).is_err() {
            return;
        }
    }
    // What is over is over.
    let _ = input.shutdown(Shutdown::Write);
}
