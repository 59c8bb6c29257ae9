//! Name servers that do what they are told.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hickory_proto::op::{Message, MessageType, ResponseCode};
use hickory_proto::rr::rdata::{A, SOA, TXT};
use hickory_proto::rr::{Name, RData, Record};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinSet;

use crate::framed;

/// What a server does with queries.
#[derive(Clone, Copy, Debug)]
pub enum Says {
    /// 192.0.2.N, for a minute.
    Address(u8),
    /// The same, once more than so many queries have come.
    Late(u8, usize),
    /// Nothing.
    Nothing,
    /// By UDP that the answer is too long (TC), by TCP 192.0.2.N.
    Long(u8),
    /// The question in small letters, by UDP.
    Small(u8),
    /// First what somebody else would forge, who knows all but the number or the capitals.
    Forged(u8),
    /// So many bytes of text.
    Text(usize),
    /// That there is no such name, with an SOA that says for how long.
    NoName(u32),
    /// A code without records.
    Code(ResponseCode),
}

/// A server, by UDP and TCP on one port of 127.0.0.1, until dropped.
pub struct Fake {
    pub address: SocketAddr,
    /// How many queries have come.
    pub asked: Arc<AtomicUsize>,
    /// How many of them by TCP, and on how many connections.
    pub by_tcp: Arc<AtomicUsize>,
    pub connections: Arc<AtomicUsize>,
    _serving: JoinSet<()>,
}

impl Fake {
    pub async fn start(says: Says) -> Self {
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            // The same port may be taken by TCP.
            if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
                break (udp, tcp);
            }
        };
        let mut fake = Self {
            address: udp.local_addr().unwrap(),
            asked: Arc::default(),
            by_tcp: Arc::default(),
            connections: Arc::default(),
            _serving: JoinSet::new(),
        };
        fake._serving
            .spawn(serve_udp(udp, says, fake.asked.clone()));
        let counts = [&fake.asked, &fake.by_tcp, &fake.connections].map(Arc::clone);
        fake._serving.spawn(serve_tcp(tcp, says, counts));
        fake
    }
}

async fn serve_udp(socket: UdpSocket, says: Says, asked: Arc<AtomicUsize>) {
    let mut buffer = [0; 4096];
    while let Ok((length, client)) = socket.recv_from(&mut buffer).await {
        let count = 1 + asked.fetch_add(1, Ordering::SeqCst);
        let query = Message::from_vec(&buffer[..length]).unwrap();
        for answer in answers(&query, says, count, false) {
            socket
                .send_to(&answer.to_vec().unwrap(), client)
                .await
                .unwrap();
        }
    }
}

async fn serve_tcp(listener: TcpListener, says: Says, counts: [Arc<AtomicUsize>; 3]) {
    let mut serving = JoinSet::new();
    while let Ok((mut stream, _)) = listener.accept().await {
        let [asked, by_tcp, connections] = counts.clone();
        connections.fetch_add(1, Ordering::SeqCst);
        serving.spawn(async move {
            while let Ok(Some(bytes)) = framed::read(&mut stream).await {
                let count = 1 + asked.fetch_add(1, Ordering::SeqCst);
                by_tcp.fetch_add(1, Ordering::SeqCst);
                let query = Message::from_vec(&bytes).unwrap();
                for answer in answers(&query, says, count, true) {
                    framed::write(&mut stream, &answer.to_vec().unwrap())
                        .await
                        .unwrap();
                }
            }
        });
    }
}

fn answers(query: &Message, says: Says, count: usize, by_tcp: bool) -> Vec<Message> {
    let mut answer = Message::response(query.metadata.id, query.metadata.op_code);
    answer.metadata.recursion_available = true;
    answer.add_queries(query.queries.iter().cloned());
    let asked = query.queries[0].name().clone();
    let address = |last| Record::from_rdata(asked.clone(), 60, RData::A(A::new(192, 0, 2, last)));
    match says {
        Says::Nothing => return Vec::new(),
        Says::Late(_, after) if count <= after => return Vec::new(),
        Says::Long(_) if !by_tcp => answer.metadata.truncation = true,
        Says::Small(last) => {
            answer.queries[0].name = asked.to_lowercase();
            answer.add_answer(address(last));
        }
        Says::Forged(last) => {
            let forged = RData::A(A::new(192, 0, 2, 66));
            answer.add_answer(Record::from_rdata(asked.clone(), 60, forged));
            let [mut number, mut response, mut other] =
                [answer.clone(), answer.clone(), answer.clone()];
            number.metadata.id ^= 1;
            response.metadata.message_type = MessageType::Query;
            other.queries[0].name = Name::from_ascii("forged.test.").unwrap();
            answer.answers = vec![address(last)];
            return vec![number, response, other, answer];
        }
        Says::Address(last) | Says::Late(last, _) | Says::Long(last) => {
            answer.add_answer(address(last));
        }
        Says::Text(bytes) => {
            let texts = (0..bytes.div_ceil(200)).map(|_| "t".repeat(200));
            answer.add_answer(Record::from_rdata(
                asked,
                60,
                RData::TXT(TXT::new(texts.collect())),
            ));
        }
        Says::NoName(minimum) => {
            answer.metadata.response_code = ResponseCode::NXDomain;
            let zone = Name::from_ascii("test.").unwrap();
            let soa = SOA::new(zone.clone(), zone.clone(), 1, 1, 1, 1, minimum);
            answer.add_authority(Record::from_rdata(zone, 3600, RData::SOA(soa)));
        }
        Says::Code(code) => answer.metadata.response_code = code,
    }
    vec![answer]
}
