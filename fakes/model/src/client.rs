//! The end of a stand-in.

use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};

use crate::protocol::{Event, Reply, Request};

/// Where the machine listens: `MANYPATH_FAKES`, or the twin's port. Services get no environment of
/// ours, so they find it by the port.
pub fn address() -> SocketAddr {
    let twin = SocketAddr::from((Ipv4Addr::LOCALHOST, 4790));
    let told = env::var("MANYPATH_FAKES").ok();
    told.and_then(|text| text.parse().ok()).unwrap_or(twin)
}

/// Where the machine runs what is to be run in the guest: the next port.
pub fn guest_address() -> SocketAddr {
    let machine = address();
    SocketAddr::new(machine.ip(), machine.port() + 1)
}

/// A connection to the machine.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens there.
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufReader::new(stream),
        })
    }

    /// Passes a call on and waits for what it gives.
    ///
    /// # Errors
    /// When the connection ends, or the answer is none.
    pub fn call(&mut self, request: &Request) -> io::Result<Reply> {
        self.send(request)?;
        self.receive()
    }

    /// Gives the events from now on.
    ///
    /// # Errors
    /// When the connection ends.
    pub fn events(mut self) -> io::Result<impl Iterator<Item = io::Result<Event>>> {
        self.send(&Request {
            call: Request::EVENTS.to_owned(),
            arguments: serde_json::Value::Null,
        })?;
        // The answer says that no event from here on is missed.
        let _: Reply = self.receive()?;
        Ok(std::iter::from_fn(move || Some(self.receive())))
    }

    fn send(&mut self, request: &Request) -> io::Result<()> {
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        self.stream.get_mut().write_all(&line)
    }

    fn receive<T: serde::de::DeserializeOwned>(&mut self) -> io::Result<T> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(serde_json::from_str(&line)?)
    }
}
