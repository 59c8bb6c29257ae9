//! The host's end of the channel, as the service on Windows has it.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Instant;

use channel::{
    Applied, EdgeHello, HostHello, Lines, PROTOCOL, Ready, SecretText, ToEdge, ToHost, line,
};
use serde_json::Value;

use crate::pc::SOON;

pub struct Host {
    /// Closed when the host goes.
    stdin: Option<UnixStream>,
    messages: Receiver<ToHost>,
}

impl Host {
    /// Greets an edge that has these as its standard input and output.
    pub fn new(stdin: UnixStream, mut stdout: UnixStream) -> Self {
        let (sender, messages) = channel();
        thread::spawn(move || {
            let (mut lines, mut buffer) = (Lines::default(), vec![0; 64 << 10]);
            while let Ok(length @ 1..) = stdout.read(&mut buffer) {
                lines.push(&buffer[..length]);
                while let Some(message) = lines.take().expect("messages") {
                    drop(sender.send(message));
                }
            }
        });
        let mut host = Self {
            stdin: Some(stdin),
            messages,
        };
        host.say(&ToEdge::Hello(HostHello {
            protocol: PROTOCOL,
            version: "0.1.0".to_owned(),
        }));
        host
    }

    /// Closes the edge's input.
    pub fn go(&mut self) {
        self.stdin = None;
    }

    fn say(&mut self, message: &ToEdge) {
        let stdin = self.stdin.as_mut().expect("the host is there");
        let said = stdin.write_all(&line(message));
        said.expect("the edge listens");
    }

    fn hear<T>(&self, what: &str, mut find: impl FnMut(ToHost) -> Option<T>) -> T {
        let deadline = Instant::now() + SOON;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let message = match self.messages.recv_timeout(left) {
                Ok(ToHost::Fatal(why)) => panic!("the edge has ended: {why}"),
                Ok(message) => message,
                Err(error) => panic!("the edge did not {what}: {error}"),
            };
            if let Some(found) = find(message) {
                return found;
            }
        }
    }

    pub fn hear_hello(&self) -> EdgeHello {
        self.hear("greet", |message| match message {
            ToHost::Hello(hello) => Some(hello),
            _ => None,
        })
    }

    /// Has the edge go by these settings.
    pub fn set(&mut self, settings: String) {
        self.say(&ToEdge::Settings(SecretText(settings)));
        let applied = self.hear("take the settings", |message| match message {
            ToHost::Applied(applied) => Some(applied),
            _ => None,
        });
        let expected = Applied::Taken {
            need_restart: Vec::new(),
        };
        assert_eq!(applied, expected);
    }

    pub fn hear_ready(&self, is_so: impl Fn(&Ready) -> bool) -> Ready {
        self.hear("say that it is ready", |message| match message {
            ToHost::Ready(ready) if is_so(&ready) => Some(ready),
            _ => None,
        })
    }

    pub fn status(&mut self) -> Value {
        self.say(&ToEdge::Status);
        self.hear("tell its status", |message| match message {
            ToHost::Status(status) => Some(status),
            _ => None,
        })
    }
}
