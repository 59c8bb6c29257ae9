//! A SOCKS5 client that shows every byte of the answers.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};

use lab::rig::ORIGIN_PORT;
use lab::topology::Node;
use mptcp::Transport;
use socket2::Domain;

use crate::server::{LIMIT, Server, hub_v4};

pub const ALICE: (&str, &str) = ("alice", "wonder land");

/// RFC 1928 section 6.
pub const SUCCEEDED: u8 = 0;
pub const NOT_ALLOWED: u8 = 2;

/// A connection from the calling thread's namespace, which waits for nothing longer than [`LIMIT`].
pub fn dial(transport: Transport, to: SocketAddr) -> io::Result<TcpStream> {
    let opened = mptcp::open(transport, Domain::for_address(to))?;
    opened.socket.set_nonblocking(false)?;
    opened.socket.connect_timeout(&to.into(), LIMIT)?;
    let stream = TcpStream::from(opened.socket);
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    Ok(stream)
}

/// A connection from the guest to the hub, which a user has proved to be allowed.
pub fn login(server: &Server, transport: Transport, hub: SocketAddr) -> TcpStream {
    let guest = server.lab.namespace(Node::Guest);
    let mut stream = guest.run(|| dial(transport, hub)).expect("the hub listens");
    assert_eq!(authenticate(&mut stream, ALICE).expect("an answer"), 0);
    stream
}

/// The status of RFC 1929.
pub fn authenticate(stream: &mut TcpStream, (user, password): (&str, &str)) -> io::Result<u8> {
    stream.write_all(&[5, 1, 2])?;
    let mut method = [0; 2];
    stream.read_exact(&mut method)?;
    assert_eq!(method, [5, 2], "user and password");
    let mut message = vec![1, user.len() as u8];
    message.extend(user.bytes());
    message.push(password.len() as u8);
    message.extend(password.bytes());
    stream.write_all(&message)?;
    let mut status = [0; 2];
    stream.read_exact(&mut status)?;
    Ok(status[1])
}

/// Asks for a connection; the reply's code. `host` is an address, or else sent as a name.
pub fn connect(stream: &mut TcpStream, host: &str, port: u16) -> io::Result<u8> {
    let field = match host.parse() {
        Ok(IpAddr::V4(ip)) => [&[1][..], &ip.octets()].concat(),
        Ok(IpAddr::V6(ip)) => [&[4][..], &ip.octets()].concat(),
        Err(_) => name(host),
    };
    connect_to(stream, &field, port)
}

/// The same with the address field of RFC 1928 section 5.
pub fn connect_to(stream: &mut TcpStream, field: &[u8], port: u16) -> io::Result<u8> {
    let request = [&[5, 1, 0], field, &port.to_be_bytes()].concat();
    stream.write_all(&request)?;
    let mut reply = [0; 4];
    stream.read_exact(&mut reply)?;
    let mut bound = vec![0; if reply[3] == 4 { 18 } else { 6 }];
    stream.read_exact(&mut bound)?;
    Ok(reply[1])
}

/// A host as a name, whatever it looks like.
pub fn name(host: &str) -> Vec<u8> {
    let mut field = vec![3, host.len() as u8];
    field.extend(host.bytes());
    field
}

/// What the hub answers when alice asks for a destination, over plain TCP.
pub fn code_for(server: &Server, host: &str, port: u16) -> u8 {
    let mut stream = login(server, Transport::Tcp, hub_v4());
    connect(&mut stream, host, port).expect("an answer")
}

/// A connection to the origin by the hub.
pub fn to_origin(server: &Server, transport: Transport, hub: SocketAddr) -> TcpStream {
    let mut stream = login(server, transport, hub);
    let origin = crate::server::origin().to_string();
    let code = connect(&mut stream, &origin, ORIGIN_PORT).expect("an answer");
    assert_eq!(code, SUCCEEDED);
    stream
}

/// Asks the origin for a path, such as `/bytes/COUNT` or `/messages/MILLISECONDS/COUNT`.
pub fn request(stream: &mut TcpStream, path: &str) {
    let head = format!("GET {path} HTTP/1.1\r\n\r\n");
    stream
        .write_all(head.as_bytes())
        .expect("it takes a request");
}

/// Reads an answer's head, and `count` bytes of its body.
pub fn receive(stream: &mut TcpStream, count: u64) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    assert!(
        head.starts_with(b"HTTP/1.1 200"),
        "{}",
        String::from_utf8_lossy(&head)
    );
    let copied = io::copy(&mut stream.take(count), &mut io::sink())?;
    if copied == count {
        Ok(())
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}
