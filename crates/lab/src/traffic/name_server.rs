//! A name server that knows every name.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::thread::JoinHandle;
use std::time::Duration;

use hickory_proto::op::{Message, OpCode, ResponseCode};
use hickory_proto::rr::{RData, Record, RecordType};
use netcfg::NetNs;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::oneshot;
use tokio::time::sleep;

/// How long its answers may be kept, in seconds.
const TTL: u32 = 60;

/// Longer than any query.
const LONGEST: usize = 4096;

/// Before the next attempt when nothing can be received or accepted: memory or files have run out.
const PAUSE: Duration = Duration::from_millis(10);

/// A running name server: by UDP and TCP, every name has one address, its own. Dropping it ends its connections
/// and joins its thread.
#[derive(Debug)]
pub struct NameServer {
    /// Its end is heard by the thread.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl NameServer {
    /// Listens inside `namespace`.
    ///
    /// # Errors
    /// When the address can't be bound there.
    pub fn start(namespace: &NetNs, address: SocketAddr) -> io::Result<Self> {
        let (udp, tcp) = namespace.run(|| {
            let udp = std::net::UdpSocket::bind(address)?;
            io::Result::Ok((udp, std::net::TcpListener::bind(address)?))
        })?;
        udp.set_nonblocking(true)?;
        tcp.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (udp, tcp) = {
            let _context = runtime.enter();
            (UdpSocket::from_std(udp)?, TcpListener::from_std(tcp)?)
        };
        let (stop, stopped) = oneshot::channel();
        let ip = address.ip();
        let thread = std::thread::Builder::new()
            .name("name server".into())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        () = serve_udp(&udp, ip) => {}
                        () = serve_tcp(&tcp, ip) => {}
                        _ = stopped => {}
                    }
                });
            })?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn serve_udp(socket: &UdpSocket, ip: IpAddr) {
    let mut buffer = [0; LONGEST];
    loop {
        let Ok((length, client)) = socket.recv_from(&mut buffer).await else {
            sleep(PAUSE).await;
            continue;
        };
        if let Some(answer) = answer(&buffer[..length], ip) {
            // Lost like one that is lost on its way.
            let _ = socket.send_to(&answer, client).await;
        }
    }
}

async fn serve_tcp(listener: &TcpListener, ip: IpAddr) {
    loop {
        match listener.accept().await {
            // A client that goes away is the client's affair.
            Ok((stream, _)) => drop(tokio::spawn(serve_connection(stream, ip))),
            Err(_) => sleep(PAUSE).await,
        }
    }
}

/// Messages with their lengths before them (RFC 1035 section 4.2.2), until the client ends.
async fn serve_connection(mut stream: TcpStream, ip: IpAddr) -> io::Result<()> {
    stream.set_nodelay(true)?;
    loop {
        let mut query = vec![0; stream.read_u16().await?.into()];
        stream.read_exact(&mut query).await?;
        let Some(answer) = answer(&query, ip) else {
            return Ok(());
        };
        let length = u16::try_from(answer.len()).map_err(io::Error::other)?;
        stream
            .write_all(&[&length.to_be_bytes(), &answer[..]].concat())
            .await?;
    }
}

/// `None`: it is no query.
fn answer(query: &[u8], ip: IpAddr) -> Option<Vec<u8>> {
    let query = Message::from_vec(query).ok()?;
    let mut message = Message::response(query.metadata.id, OpCode::Query);
    message.metadata.authoritative = true;
    message.metadata.recursion_desired = query.metadata.recursion_desired;
    message.metadata.recursion_available = true;
    message.metadata.response_code = ResponseCode::NoError;
    let asked = query.queries.first()?.clone();
    let data = match (asked.query_type(), ip) {
        (RecordType::A, IpAddr::V4(ip)) => Some(RData::A(ip.into())),
        (RecordType::AAAA, IpAddr::V6(ip)) => Some(RData::AAAA(ip.into())),
        _ => None,
    };
    if let Some(data) = data {
        message.add_answer(Record::from_rdata(asked.name().clone(), TTL, data));
    }
    message.add_query(asked);
    message.to_vec().ok()
}

#[cfg(test)]
mod tests {
    use hickory_proto::op::Query;
    use hickory_proto::rr::Name;

    use super::*;

    #[test]
    fn a_name_has_the_servers_own_address() {
        let ip: IpAddr = "203.0.113.18".parse().unwrap();
        let asked = |kind| {
            let mut query = Message::query();
            query.add_query(Query::query(Name::from_ascii("Any.Test.").unwrap(), kind));
            let answer = answer(&query.to_vec().unwrap(), ip).unwrap();
            let answer = Message::from_vec(&answer).unwrap();
            assert_eq!(answer.metadata.id, query.metadata.id);
            assert_eq!(answer.queries, query.queries);
            answer.answers
        };
        let [record] = &asked(RecordType::A)[..] else {
            panic!("one address");
        };
        assert_eq!(record.data, RData::A("203.0.113.18".parse().unwrap()));
        assert!(asked(RecordType::AAAA).is_empty());
        assert_eq!(answer(b"no query", ip), None);
    }
}
