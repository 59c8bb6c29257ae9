//! The resolver with servers of the test's own, on loopback.

mod asking;
mod bytes;
mod servers;
mod tunnels;

use std::net::IpAddr;
use std::sync::atomic::Ordering;

use hickory_proto::op::{Edns, Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};

use crate::resolver::{Intake, Resolver};
use crate::ways::{Upstream, Ways};
use servers::{Fake, Says};

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

fn query(text: &str, kind: RecordType) -> Message {
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(name(text), kind));
    message
}

fn with_edns(mut message: Message, payload: u16) -> Message {
    let mut edns = Edns::new();
    edns.set_max_payload(payload);
    message.set_edns(edns);
    message
}

async fn ask_message(resolver: &Resolver, query: &Message, intake: Intake) -> Message {
    let bytes = resolver.answer(&query.to_vec().unwrap(), intake).await;
    let answer = Message::from_vec(&bytes.unwrap()).unwrap();
    assert_eq!(answer.metadata.id, query.metadata.id);
    answer
}

async fn ask(resolver: &Resolver, text: &str) -> Message {
    ask_message(resolver, &query(text, RecordType::A), Intake::Datagram).await
}

fn addresses(message: &Message) -> Vec<IpAddr> {
    let address = |data: &RData| match data {
        RData::A(ip) => Some(IpAddr::from(ip.0)),
        RData::AAAA(ip) => Some(IpAddr::from(ip.0)),
        _ => None,
    };
    message
        .answers
        .iter()
        .filter_map(|it| address(&it.data))
        .collect()
}

fn ip(last: u8) -> IpAddr {
    [192, 0, 2, last].into()
}

fn code(message: &Message) -> ResponseCode {
    message.metadata.response_code
}

/// A resolver that asks these servers in their order.
fn resolver(servers: &[&Fake]) -> Resolver {
    Resolver::new(Ways {
        servers: servers.iter().map(|it| upstream(it)).collect(),
        ..Ways::default()
    })
}

fn upstream(server: &Fake) -> Upstream {
    Upstream {
        server: server.address,
        local: Some([127, 0, 0, 1].into()),
    }
}

fn asked(server: &Fake) -> usize {
    server.asked.load(Ordering::SeqCst)
}
