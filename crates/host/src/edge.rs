//! An edge that runs in WSL: its program, and the messages to and from it.

use std::io::{BufRead, BufReader, Read, Write};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use channel::{HostHello, Lines, PROTOCOL, ToEdge, ToHost, line};
use winproc::{Process, User, UserChild, UserCommand};

#[cfg(test)]
mod tests;

/// What comes from an edge.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// It has said this.
    Message(ToHost),
    /// It has ended, with these last words.
    Ended(String),
}

/// A running edge. Dropped, it is asked to stop.
#[derive(Debug)]
pub struct Edge {
    input: Sender<ToEdge>,
    process: Arc<dyn Process>,
}

/// Why it ends, the best explanation first.
#[derive(Debug, Default)]
struct LastWords {
    fatal: Option<String>,
    nonsense: Option<String>,
    log: Option<String>,
}

impl Edge {
    /// Starts the program and greets. `heard` is called by threads of this, `Ended` being the last. What the
    /// edge logs goes to `log`, line by line.
    ///
    /// # Errors
    /// When the program does not start.
    pub fn start(
        user: &dyn User,
        command: &UserCommand,
        log: impl Fn(&str) + Send + 'static,
        heard: impl Fn(Heard) + Send + Clone + 'static,
    ) -> Result<Self, winproc::Error> {
        let UserChild {
            program: _,
            stdin,
            stdout,
            stderr,
            process,
        } = user.spawn(command)?;
        let words = Arc::<Mutex<LastWords>>::default();
        let (input, messages) = mpsc::channel();
        thread::spawn(move || write(stdin, &messages));
        let logging = thread::spawn({
            let words = Arc::clone(&words);
            move || read_log(stderr, &log, &words)
        });
        let reading = thread::spawn({
            let (words, heard, process) = (Arc::clone(&words), heard.clone(), Arc::clone(&process));
            move || {
                if !read(stdout, &heard, &words) {
                    // Nothing that it says after that makes sense.
                    let _ = process.kill();
                }
            }
        });
        thread::spawn({
            let process = Arc::clone(&process);
            move || {
                let code = process.wait(None);
                // They end with the pipes, which the program held.
                let _ = (reading.join(), logging.join());
                let words = std::mem::take(&mut *lock(&words));
                heard(Heard::Ended(words.best(code)));
            }
        });
        let edge = Self { input, process };
        edge.say(ToEdge::Hello(HostHello {
            protocol: PROTOCOL,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }));
        Ok(edge)
    }

    /// Sends a message. One that has ended hears nothing.
    pub fn say(&self, message: ToEdge) {
        let _ = self.input.send(message);
    }

    /// Ends it by force.
    pub fn kill(&self) {
        // It has ended then.
        let _ = self.process.kill();
    }
}

fn write(mut stdin: impl Write, messages: &Receiver<ToEdge>) {
    for message in messages {
        if stdin.write_all(&line(&message)).is_err() {
            return;
        }
    }
}

/// Whether all that came made sense.
fn read(mut stdout: impl Read, heard: &impl Fn(Heard), words: &Mutex<LastWords>) -> bool {
    let (mut lines, mut buffer) = (Lines::default(), vec![0; 64 << 10]);
    while let Ok(length @ 1..) = stdout.read(&mut buffer) {
        lines.push(&buffer[..length]);
        loop {
            match lines.take() {
                Ok(Some(message)) => {
                    if let ToHost::Fatal(why) = &message {
                        lock(words).fatal = Some(why.clone());
                    }
                    heard(Heard::Message(message));
                }
                Ok(None) => break,
                Err(error) => {
                    lock(words).nonsense = Some(error.to_string());
                    return false;
                }
            }
        }
    }
    true
}

fn read_log(stderr: impl Read, log: &impl Fn(&str), words: &Mutex<LastWords>) {
    let mut lines = BufReader::new(stderr);
    let mut bytes = Vec::new();
    while let Ok(1..) = lines.read_until(b'\n', &mut bytes) {
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim_end();
        if !text.is_empty() {
            log(text);
            lock(words).log = Some(text.to_owned());
        }
        bytes.clear();
    }
}

impl LastWords {
    fn best(self, code: std::io::Result<Option<u32>>) -> String {
        let code = || match code {
            Ok(Some(code)) => format!("it ended with exit code {code:#x} and without a word"),
            Ok(None) => "it ended".to_owned(),
            Err(error) => format!("it can't be waited for: {error}"),
        };
        self.fatal
            .or(self.nonsense)
            .or(self.log)
            .unwrap_or_else(code)
    }
}

/// A thread that panicked has said what it had to.
fn lock(words: &Mutex<LastWords>) -> std::sync::MutexGuard<'_, LastWords> {
    words.lock().unwrap_or_else(PoisonError::into_inner)
}
