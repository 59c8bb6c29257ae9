//! How QUIC is set for datagrams, and the messages on its stream.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{ClientConfig, Endpoint, EndpointConfig, RecvStream, ServerConfig, TokioRuntime};
use quinn::{IdleTimeout, TransportConfig, VarInt};
use socket2::{Domain, Protocol, Socket, Type};
use tls::{EdgeConfig, HubConfig};

use crate::congestion::SteadyConfig;

/// What of datagrams may wait for the congestion window, in bytes; then the oldest are dropped. 13 ms of
/// 40 Mbit/s: enough for the picture that a camera sends at once, little enough for a call.
const SEND_BUFFER: usize = 64 << 10;

/// What may wait to be read, in bytes; then the oldest are dropped.
const RECEIVE_BUFFER: usize = 512 << 10;

/// What the kernel may keep for a hub's socket, which all edges share, in bytes.
const SOCKET_BUFFER: usize = 4 << 20;

/// Without a sign of life for so long a connection is over.
const SILENCE: Duration = Duration::from_secs(30);

/// NATs forget UDP that rests; 15 s is what RFC 9308 section 3.2 suggests for it at most.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// The most bytes of a message on the stream.
const MOST: usize = 512;

/// Why a connection was closed, as QUIC's application error code.
#[derive(Clone, Copy, Debug)]
pub enum Close {
    /// Nobody needs it any more.
    Done = 0,
    /// The other end broke the protocol.
    Violation = 1,
    /// The hub does not take this edge, as REFUSED has told it.
    Refused = 2,
    /// The user was removed.
    Removed = 3,
}

impl From<Close> for VarInt {
    fn from(close: Close) -> Self {
        Self::from_u32(close as u32)
    }
}

/// A socket on an uplink's address.
pub fn edge_endpoint(from: IpAddr) -> io::Result<Endpoint> {
    endpoint(SocketAddr::new(from, 0), None)
}

/// A socket for edges; `[::]` is for both families.
pub fn hub_endpoint(listen: SocketAddr, config: &HubConfig) -> io::Result<Endpoint> {
    endpoint(listen, Some(server_config(config)))
}

fn endpoint(local: SocketAddr, server: Option<ServerConfig>) -> io::Result<Endpoint> {
    let socket = Socket::new(Domain::for_address(local), Type::DGRAM, Some(Protocol::UDP))?;
    if local.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_nonblocking(true)?;
    if server.is_some() {
        // What the kernel does not grant only costs datagrams in a burst.
        for result in [
            socket.set_recv_buffer_size(SOCKET_BUFFER),
            socket.set_send_buffer_size(SOCKET_BUFFER),
        ] {
            if let Err(error) = result {
                tracing::debug!(%error, "a UDP socket's buffer can't be set");
            }
        }
    }
    socket.bind(&local.into())?;
    let runtime = Arc::new(TokioRuntime);
    Endpoint::new(EndpointConfig::default(), server, socket.into(), runtime)
}

/// With which an edge connects.
pub fn client_config(config: &EdgeConfig) -> ClientConfig {
    let tls = QuicClientConfig::try_from(config.for_datagrams());
    let tls = tls.expect("the suites have TLS_AES_128_GCM_SHA256, which QUIC's first packets need");
    let mut client = ClientConfig::new(Arc::new(tls));
    let mut transport = transport();
    transport
        .max_concurrent_bidi_streams(0u32.into())
        .keep_alive_interval(Some(KEEP_ALIVE));
    client.transport_config(Arc::new(transport));
    client
}

fn server_config(config: &HubConfig) -> ServerConfig {
    let tls = QuicServerConfig::try_from(config.for_datagrams());
    let tls = tls.expect("the suites have TLS_AES_128_GCM_SHA256, which QUIC's first packets need");
    let mut server = ServerConfig::with_crypto(Arc::new(tls));
    let mut transport = transport();
    transport.max_concurrent_bidi_streams(1u32.into());
    server.transport_config(Arc::new(transport));
    server
}

fn transport() -> TransportConfig {
    let mut transport = TransportConfig::default();
    let silence = IdleTimeout::try_from(SILENCE).expect("30 s fit into 62 bits of milliseconds");
    transport
        .max_concurrent_uni_streams(0u32.into())
        .max_idle_timeout(Some(silence))
        .datagram_send_buffer_size(SEND_BUFFER)
        .datagram_receive_buffer_size(Some(RECEIVE_BUFFER))
        .congestion_controller_factory(Arc::new(SteadyConfig));
    transport
}

/// The next message on a stream, with its type and length. `None` at the end, or where it is longer than any.
pub async fn message(stream: &mut RecvStream) -> Option<Vec<u8>> {
    let mut message = vec![0; 3];
    stream.read_exact(&mut message).await.ok()?;
    let length = usize::from(u16::from_be_bytes([message[1], message[2]]));
    if length > MOST {
        return None;
    }
    message.resize(3 + length, 0);
    stream.read_exact(&mut message[3..]).await.ok()?;
    Some(message)
}
