//! Connections of the test's own, where a program would hide what comes back.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use lab::rig::Rig;
use lab::topology::Node;

use super::LIMIT;

/// A connection from a node, which waits for nothing longer than [`LIMIT`].
pub fn connect(rig: &Rig, node: Node, to: SocketAddr) -> io::Result<TcpStream> {
    rig.lab().namespace(node).run(|| open(to, LIMIT))
}

fn open(to: SocketAddr, limit: Duration) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&to, limit)?;
    stream.set_read_timeout(Some(limit))?;
    stream.set_write_timeout(Some(limit))?;
    Ok(stream)
}

/// How long one question may take. Much less than [`LIMIT`], so that who polls can ask again: a
/// forwarded connection breaks when a better uplink comes up in the midst of it.
const ATTEMPT: Duration = Duration::from_secs(3);

/// The body of an HTTP answer, from the calling thread's namespace.
pub fn http_get(to: SocketAddr, path: &str) -> io::Result<String> {
    let mut stream = open(to, ATTEMPT)?;
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body);
    body.map(str::to_owned)
        .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

/// Asks the edge's proxy for a connection, from the Windows side, and returns its reply code (RFC 1928
/// section 6). `host` is an address or a name.
pub fn socks5(rig: &Rig, host: &str, port: u16) -> io::Result<u8> {
    let mut stream = connect(rig, Node::Windows, rig.proxy())?;
    stream.write_all(&[5, 1, 0])?;
    let mut method = [0; 2];
    stream.read_exact(&mut method)?;
    assert_eq!(method, [5, 0]);
    let mut request = vec![5, 1, 0];
    match host.parse() {
        Ok(IpAddr::V4(ip)) => {
            request.push(1);
            request.extend(ip.octets());
        }
        Ok(IpAddr::V6(ip)) => {
            request.push(4);
            request.extend(ip.octets());
        }
        Err(_) => {
            request.extend([3, host.len() as u8]);
            request.extend(host.bytes());
        }
    }
    request.extend(port.to_be_bytes());
    stream.write_all(&request)?;
    let mut reply = [0; 4];
    stream.read_exact(&mut reply)?;
    let mut bound = vec![0; if reply[3] == 4 { 18 } else { 6 }];
    stream.read_exact(&mut bound)?;
    Ok(reply[1])
}
