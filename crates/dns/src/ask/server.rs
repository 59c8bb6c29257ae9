//! Asking a server from an address of this machine.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use hickory_proto::op::Message;
use tokio::net::{TcpSocket, UdpSocket};

use super::{read, written};
use crate::answer::{Answer, answers};
use crate::framed;
use crate::request::Question;
use crate::ways::Upstream;

/// The longest datagram that is read. We ask for 1232 bytes; a server may take no notice.
const LONGEST: usize = 4096;

/// What `server` answers. Waits for as long as that takes: who asks another one meanwhile drops this.
///
/// # Errors
/// When it can't be reached, or what it says is no DNS.
pub(crate) async fn ask(server: &Upstream, question: &Question) -> io::Result<Answer> {
    match by_udp(server, question).await? {
        Some(answer) => Ok(answer),
        None => by_tcp(server, question).await,
    }
}

/// `None`: it is to be asked by TCP, because the answer is too long, or the capitals of the question have
/// not come back. Some servers lose them; by TCP nobody else can answer in their place.
async fn by_udp(server: &Upstream, question: &Question) -> io::Result<Option<Answer>> {
    // A socket for each question: its port is as hard to guess as the number (RFC 5452 section 9.2).
    let socket = UdpSocket::bind(local(server)).await?;
    socket.connect(server.server).await?;
    let asked = question.message(true);
    socket.send(&written(&asked)?).await?;
    let mut buffer = [0; LONGEST];
    loop {
        let length = socket.recv(&mut buffer).await?;
        // What does not fit may be forged, and the right one may still come.
        let Ok(message) = read(&buffer[..length]) else {
            continue;
        };
        if !answers(&message, &asked) {
            if loses_capitals(&message, &asked) {
                return Ok(None);
            }
            continue;
        }
        return Ok(match message.metadata.truncation {
            true => None,
            false => Some(Answer::new(message, question, length)),
        });
    }
}

async fn by_tcp(server: &Upstream, question: &Question) -> io::Result<Answer> {
    let socket = match server.server {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.bind(local(server))?;
    let mut stream = socket.connect(server.server).await?;
    stream.set_nodelay(true)?;
    let asked = question.message(false);
    framed::write(&mut stream, &written(&asked)?).await?;
    while let Some(bytes) = framed::read(&mut stream).await? {
        let message = read(&bytes)?;
        if answers(&message, &asked) {
            return Ok(Answer::new(message, question, bytes.len()));
        }
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}

fn loses_capitals(message: &Message, asked: &Message) -> bool {
    let mut in_its_words = asked.clone();
    match (&message.queries[..], &mut in_its_words.queries[..]) {
        ([theirs], [ours]) if theirs.name() == ours.name() => ours.name = theirs.name.clone(),
        _ => return false,
    }
    answers(message, &in_its_words)
}

fn local(server: &Upstream) -> SocketAddr {
    let any = match server.server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    SocketAddr::new(server.local.unwrap_or(any), 0)
}
