//! An edge that may break the protocol: TLS, and any bytes inside it.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use mptcp::Transport;
use tls::{Channel, EdgeConfig, HubKey};
use wire::hub::{Frame, Hello};

use crate::client::dial;
use crate::edge::User;
use crate::server::hub_edges;

/// TLS with the hub, from the calling thread's namespace.
pub struct Raw {
    tcp: TcpStream,
    channel: Channel,
    incoming: Vec<u8>,
    /// What came inside TLS.
    pub plain: Vec<u8>,
}

impl Raw {
    pub fn connect(key: &HubKey, user: &User) -> Self {
        let tcp = dial(Transport::Tcp, hub_edges()).expect("the hub listens");
        let config = EdgeConfig::new(&key.pin(), &user.secret);
        let mut raw = Self {
            tcp,
            channel: Channel::edge(&config).expect("random numbers"),
            incoming: Vec::new(),
            plain: Vec::new(),
        };
        raw.flush().expect("it takes bytes");
        while !raw.channel.is_established() {
            raw.read().expect("the hub's flight");
            raw.flush().expect("it takes bytes");
        }
        raw
    }

    /// With HELLO and WELCOME.
    pub fn admitted(key: &HubKey, user: &User) -> Self {
        let mut raw = Self::connect(key, user);
        raw.send_frame(&Frame::Hello(Hello {
            versions: 1..=1,
            software: String::new(),
        }));
        while raw.plain.is_empty() {
            raw.read().expect("WELCOME");
        }
        raw.plain.clear();
        raw
    }

    pub fn send_frame(&mut self, frame: &Frame<'_>) {
        let mut bytes = Vec::new();
        frame.encode(&mut bytes);
        self.send(&bytes).expect("it takes a frame");
    }

    /// One record with these bytes.
    pub fn send(&mut self, record: &[u8]) -> io::Result<()> {
        let mut sealed = Vec::new();
        self.channel.seal(record, &mut sealed).expect("TLS is up");
        self.tcp.write_all(&sealed)
    }

    /// Bytes below TLS.
    pub fn send_below(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.tcp.write_all(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.tcp.write_all(&std::mem::take(self.channel.outgoing()))
    }

    fn read(&mut self) -> io::Result<()> {
        let mut buffer = [0; 4096];
        let count = self.tcp.read(&mut buffer)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.incoming.extend(&buffer[..count]);
        let plain = &mut self.plain;
        let received = self
            .channel
            .receive(&mut self.incoming, &mut |record| plain.extend(record))
            .map_err(io::Error::other)?;
        self.incoming.drain(..received.used);
        Ok(())
    }

    /// Reads until this came inside TLS.
    pub fn wait_for(&mut self, bytes: &[u8]) {
        while self.plain != bytes {
            self.read().expect("more bytes");
        }
    }

    /// Reads to the end of the connection, which has to come.
    pub fn read_to_end(&mut self) {
        loop {
            match self.read() {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    panic!("the hub keeps the connection")
                }
                Err(_) => return,
            }
        }
    }
}
