//! An origin for thousands of connections: one thread, and a book of how each of them went.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use lab::topology::{Lab, Node};
use lab::traffic::Content;
use mptcp::{ListenOptions, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::deed::{Deed, End, HEADER};
use crate::inside::Inside;

/// What the origin has seen of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// All bytes, in order, and the end after them.
    Whole,
    /// A reset, and before it nothing wrong.
    Reset,
    /// Bytes that nobody sent, too few before an orderly end, or too many.
    Wrong,
}

/// A running origin.
pub struct Origin {
    book: Arc<Mutex<HashMap<u64, Seen>>>,
    _thread: Inside,
}

impl Origin {
    pub fn start(lab: &Lab, address: SocketAddr) -> Self {
        let book = Arc::default();
        let (ready, listening) = oneshot::channel();
        let thread = Inside::start(lab, Node::Origin, accept(address, Arc::clone(&book), ready));
        listening.blocking_recv().expect("the origin listens");
        Self {
            book,
            _thread: thread,
        }
    }

    /// How a connection went, once it has ended.
    pub fn seen(&self, id: u64) -> Option<Seen> {
        let book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        book.get(&id).copied()
    }
}

async fn accept(
    address: SocketAddr,
    book: Arc<Mutex<HashMap<u64, Seen>>>,
    ready: oneshot::Sender<()>,
) {
    let options = ListenOptions {
        only_v6: false,
        ..ListenOptions::default()
    };
    let listening = mptcp::listen(Transport::Tcp, address, &options).expect("a port");
    let listener = TcpListener::from_std(listening.listener).expect("a listener");
    ready.send(()).expect("someone waits");
    loop {
        let (stream, _) = listener.accept().await.expect("enough open files");
        let book = Arc::clone(&book);
        tokio::spawn(async move {
            // Those that end before they have said what they are are not in the book.
            if let Ok((id, seen)) = serve(stream).await {
                let mut book = book.lock().unwrap_or_else(PoisonError::into_inner);
                book.insert(id, seen);
            }
        });
    }
}

async fn serve(mut stream: TcpStream) -> io::Result<(u64, Seen)> {
    let mut header = [0; HEADER];
    stream.read_exact(&mut header).await?;
    let deed = Deed::from_bytes(&header);
    if deed.end == End::OriginResets {
        return Ok((deed.id, reset(stream, deed).await));
    }
    let (reader, writer) = stream.into_split();
    let (ended, client_ended) = oneshot::channel();
    let (seen, _) = tokio::join!(
        receive(reader, deed, ended),
        send(writer, deed, client_ended)
    );
    Ok((deed.id, seen))
}

/// Checks what comes, and says when the client has ended its direction.
async fn receive(mut reader: OwnedReadHalf, deed: Deed, ended: oneshot::Sender<()>) -> Seen {
    let mut content = deed.content_up();
    let mut buffer = vec![0; 16 * 1024];
    let mut left = u64::from(deed.up);
    loop {
        match reader.read(&mut buffer).await {
            Ok(0) if left == 0 => {
                // The sender may have failed meanwhile; the client will notice.
                let _ = ended.send(());
                return Seen::Whole;
            }
            Ok(0) => return Seen::Wrong,
            Ok(count) if count as u64 > left || !content.verify(&buffer[..count]) => {
                return Seen::Wrong;
            }
            Ok(count) => left -= count as u64,
            Err(_) => return Seen::Reset,
        }
    }
}

async fn send(
    mut writer: OwnedWriteHalf,
    deed: Deed,
    client_ended: oneshot::Receiver<()>,
) -> io::Result<()> {
    let (first, rest) = halves(deed.down);
    let mut content = deed.content_down();
    write(&mut writer, &mut content, first).await?;
    match deed.end {
        // The answer comes after the request has ended: half-closed connections must carry it.
        End::ClientFirst => drop(client_ended.await),
        End::ClientResets => {
            let _reset = client_ended.await;
            return Ok(());
        }
        End::OriginFirst | End::OriginResets => tokio::time::sleep(deed.pause).await,
    }
    write(&mut writer, &mut content, rest).await?;
    writer.shutdown().await
}

async fn reset(mut stream: TcpStream, deed: Deed) -> Seen {
    let mut content = deed.content_down();
    let (first, _) = halves(deed.down);
    let sent = write(&mut stream, &mut content, first).await;
    tokio::time::sleep(deed.pause).await;
    let lingering = socket2::SockRef::from(&stream).set_linger(Some(std::time::Duration::ZERO));
    if sent.is_ok() && lingering.is_ok() {
        Seen::Reset
    } else {
        Seen::Wrong
    }
}

/// What goes before the pause and after it.
pub fn halves(bytes: u32) -> (u32, u32) {
    (bytes / 2, bytes - bytes / 2)
}

/// Sends the next bytes of the content.
pub async fn write(
    to: &mut (impl tokio::io::AsyncWrite + Unpin),
    content: &mut Content,
    bytes: u32,
) -> io::Result<()> {
    let mut left = u64::from(bytes);
    while left > 0 {
        let count = to.write(content.peek(left)).await?;
        content.advance(count);
        left -= count as u64;
    }
    Ok(())
}
