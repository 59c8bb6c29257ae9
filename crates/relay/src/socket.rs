//! What is set on every connection's sockets, and the abortive close.

use std::io;
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::TcpStream;

/// Prepares a socket for relaying.
///
/// TCP_NODELAY: the bytes come from a program that has already decided when to send.
/// SO_KEEPALIVE: splitting a connection hides a dead client from the origin's own keep-alive, so a
/// PC that vanished would hold its connection here for ever. The kernel's default, two hours, is what
/// RFC 1122 section 4.2.3.6 asks for.
pub(crate) fn prepare(stream: &TcpStream) {
    let socket = SockRef::from(stream);
    for result in [socket.set_tcp_nodelay(true), socket.set_keepalive(true)] {
        if let Err(error) = result {
            tracing::debug!(%error, "a socket option can't be set on a connection");
        }
    }
}

/// Ends a connection so that the peer sees a reset (MP_FASTCLOSE with MPTCP, RFC 8684 section 3.5).
///
/// Dissolving the association does so at once, even if someone else still holds the socket for a
/// moment. The linger time makes the close do it where a kernel refuses the former.
pub(crate) fn abort(stream: &TcpStream) {
    reset_when_closed(stream);
    if let Err(error) = rustix::net::connect_unspec(stream.as_fd()) {
        tracing::debug!(%error, "a connection is reset by closing it");
    }
}

/// Makes a later close a reset instead of an orderly end.
pub(crate) fn reset_when_closed(stream: &TcpStream) {
    if let Err(error) = SockRef::from(stream).set_linger(Some(Duration::ZERO)) {
        tracing::debug!(%error, "a connection can't be made to end with a reset");
    }
}

/// Waits until the peer has acknowledged all that was written, for `patience` at most. An abort throws
/// away what is on its way, and with MPTCP it overtakes that on a faster path.
pub(crate) async fn delivered(stream: &TcpStream, patience: Duration) {
    const STEP: Duration = Duration::from_millis(5);
    let arrived = async {
        while mptcp::connection_info(stream).is_ok_and(|info| is_under_way(&info)) {
            tokio::time::sleep(STEP).await;
        }
    };
    // Who takes nothing for so long does not read.
    let _in_time = tokio::time::timeout(patience, arrived).await;
}

fn is_under_way(info: &mptcp::ConnectionInfo) -> bool {
    let mut subflows = info.subflows.iter();
    info.bytes_acked < info.bytes_sent
        || subflows.any(|subflow| subflow.unacked > 0 || subflow.notsent_bytes > 0)
}

/// Sends FIN after what has been written; reading goes on.
pub(crate) fn finish_writing(stream: &TcpStream) -> io::Result<()> {
    SockRef::from(stream).shutdown(Shutdown::Write)
}

/// Writes as much as the socket takes at once.
pub(crate) fn poll_write(
    stream: &TcpStream,
    cx: &mut Context<'_>,
    bytes: &[u8],
) -> Poll<io::Result<usize>> {
    loop {
        ready!(stream.poll_write_ready(cx))?;
        match stream.try_write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            result => return Poll::Ready(result),
        }
    }
}

/// Waits until the connection breaks, and says why.
pub(crate) async fn broken(stream: &TcpStream) -> io::Error {
    // An error that came with the last bytes: the end of data hid it.
    if let Ok(Some(error)) = stream.take_error() {
        return error;
    }
    let waited = stream.ready(Interest::ERROR).await.err();
    let error = waited.or_else(|| stream.take_error().ok().flatten());
    error.unwrap_or_else(|| io::ErrorKind::ConnectionReset.into())
}

/// Reads to the end of data and throws it away.
pub(crate) async fn read_to_end(stream: &TcpStream) -> io::Result<()> {
    let mut nowhere = [0; 1024];
    loop {
        stream.readable().await?;
        match stream.try_read(&mut nowhere) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        tokio::task::coop::consume_budget().await;
    }
}
