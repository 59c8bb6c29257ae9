//! The guest: cards that come and go, and what `wsl.exe` runs in it. What its Linux runs on differs.

mod namespace;
mod vm;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::thread;

use lab::topology::Uplink;

use crate::machine::Twin;
use crate::pc::CARDS;

pub use namespace::Namespace;
pub use vm::Virtual;

/// What its Linux runs on.
pub trait Linux: Send + Sync {
    /// Starts a program of the image's: its arguments. Starts Linux, if it does not run.
    fn start(&self, arguments: &[String]) -> Program;

    /// Whether Linux goes on without that program.
    fn runs(&self) -> bool;

    /// Plugs in the card of an uplink, with this MAC address.
    fn plug_in(&self, uplink: Uplink, mac: &str);

    /// Takes it out.
    fn unplug(&self, uplink: Uplink);

    /// Ends the programs by force.
    fn kill(&self);

    /// Ends all of it by force, but for what is plugged in.
    fn halt(&self);

    /// What is of use where something went wrong.
    fn logs(&self) -> String {
        String::new()
    }
}

/// A program that runs in the guest.
pub struct Program {
    pub stdin: Box<dyn Write + Send>,
    pub stdout: Box<dyn Read + Send>,
    pub stderr: Box<dyn Read + Send>,
    /// Waits for its end, once its output has ended. Gives its exit code.
    pub end: Box<dyn FnOnce() -> i32 + Send>,
}

/// The guest.
pub struct Guest {
    linux: Box<dyn Linux>,
    plugged: Mutex<BTreeSet<String>>,
    /// Hears of the VM's start and end.
    twin: OnceLock<Arc<Mutex<Twin>>>,
}

impl Guest {
    pub fn new(linux: Box<dyn Linux>) -> Arc<Self> {
        Arc::new(Self {
            linux,
            plugged: Mutex::default(),
            twin: OnceLock::new(),
        })
    }

    /// Serves the stand-in for `wsl.exe`.
    pub fn serve(self: &Arc<Self>, listener: TcpListener, twin: &Arc<Mutex<Twin>>) {
        let _ = self.twin.set(Arc::clone(twin));
        let guest = Arc::clone(self);
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let guest = Arc::clone(&guest);
                thread::spawn(move || guest.run(stream));
            }
        });
    }

    pub fn plug_in(&self, card: &str, mac: &str) {
        self.linux.plug_in(uplink_of(card), mac);
        self.cards().insert(card.to_owned());
    }

    pub fn unplug(&self, card: &str) {
        if self.cards().remove(card) {
            self.linux.unplug(uplink_of(card));
        }
    }

    /// What is in it.
    pub fn plugged(&self) -> BTreeSet<String> {
        self.cards().clone()
    }

    /// Ends the programs by force.
    pub fn kill(&self) {
        self.linux.kill();
    }

    /// The VM ends: its programs, its cards and its network.
    pub fn halt(&self) {
        let vms = self.with_twin(|twin| twin.vms());
        self.linux.halt();
        self.take_all_out();
        self.with_twin(|twin| vms.iter().for_each(|vm| twin.end_vm(vm)));
    }

    pub fn logs(&self) -> String {
        self.linux.logs()
    }

    fn cards(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.plugged.lock().expect("no panic")
    }

    fn take_all_out(&self) {
        for card in self.plugged() {
            self.unplug(&card);
        }
    }

    fn with_twin<T>(&self, act: impl FnOnce(&mut Twin) -> T) -> T {
        let twin = self.twin.get().expect("it is served");
        act(&mut twin.lock().expect("no panic"))
    }

    fn run(&self, stream: TcpStream) {
        let mut input = BufReader::new(stream.try_clone().expect("a socket"));
        let mut line = String::new();
        if !input.read_line(&mut line).is_ok_and(|length| length > 0) {
            return;
        }
        let command: Vec<String> = serde_json::from_str(&line).expect("a command");
        let output = Arc::new(Mutex::new(stream));
        let code = match command[0].as_str() {
            "--shutdown" => {
                self.halt();
                0
            }
            "/usr/bin/manypath" => self.run_program(&command[1..], input, &output),
            other => panic!("{other:?} is not in the image"),
        };
        let mut output = output.lock().expect("no panic");
        // wsl.exe may have been ended.
        let _ = writeln!(output, "x{code}");
        let _ = output.shutdown(Shutdown::Both);
    }

    /// Gives its exit code.
    fn run_program(
        &self,
        arguments: &[String],
        input: impl Read + Send + 'static,
        output: &Arc<Mutex<TcpStream>>,
    ) -> i32 {
        let vm = self.with_twin(Twin::start_vm);
        let program = self.linux.start(arguments);
        thread::spawn(move || feed(input, program.stdin));
        let lines = [
            pass_on('o', program.stdout, output),
            pass_on('e', program.stderr, output),
        ];
        lines.into_iter().for_each(|it| it.join().expect("it ends"));
        let code = (program.end)();
        if !self.linux.runs() {
            self.take_all_out();
            self.with_twin(|twin| twin.end_vm(&vm));
        }
        code
    }
}

fn feed(mut input: impl Read, mut stdin: impl Write) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(length @ 1..) = input.read(&mut buffer) {
        if stdin
            .write_all(&buffer[..length])
            .and_then(|()| stdin.flush())
            .is_err()
        {
            return;
        }
    }
}

fn pass_on(
    kind: char,
    lines: impl Read + Send + 'static,
    output: &Arc<Mutex<TcpStream>>,
) -> thread::JoinHandle<()> {
    let output = Arc::clone(output);
    thread::spawn(move || {
        for line in BufReader::new(lines).lines().map_while(Result::ok) {
            let mut output = output.lock().expect("no panic");
            if writeln!(output, "{kind}{line}").is_err() {
                return;
            }
        }
    })
}

fn uplink_of(card: &str) -> Uplink {
    let mut cards = CARDS.iter();
    let found = cards.find(|(name, _)| *name == card);
    found.expect("one of the cards").1
}
