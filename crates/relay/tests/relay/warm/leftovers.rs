//! What one user connection leaves behind must never get into the next one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use relay::secure::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wire::hub::{Frame, MAX_PAYLOAD};

use super::hub::{Hub, Visit};
use super::{edge, exchange, origin, quick, until_idle, until_settled};
use crate::support::{Served, in_netns};

/// A hub whose first user connection gets `answer` in full frames and FIN behind it, as soon as the
/// edge has asked. All later ones are echoed.
async fn hub_that_answers(answer: Vec<u8>) -> Hub {
    let (answer, is_first) = (Arc::new(answer), Arc::new(AtomicBool::new(true)));
    Hub::with(move |mut visit: Visit| {
        let (answer, is_first) = (Arc::clone(&answer), Arc::clone(&is_first));
        Box::pin(async move {
            while let Some(Message::Open(_)) = visit.next().await {
                visit.opened().await;
                if !is_first.swap(false, Ordering::Relaxed) {
                    visit.echo().await;
                    continue;
                }
                visit.next().await;
                for piece in answer.chunks(MAX_PAYLOAD) {
                    visit.say(Frame::Data(piece)).await;
                }
                visit.say(Frame::Fin).await;
                while !matches!(visit.next().await, Some(Message::Fin) | None) {}
            }
        })
    })
    .await
}

/// An answer of two bytes, and behind it what its reader does not ask for. How much of that hyper reads
/// all the same depends on how much there is.
fn answers_with_more() -> impl Iterator<Item = Vec<u8>> {
    [200, 8300, 12_000, 16_000, 30_000].into_iter().map(|len| {
        let mut answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec();
        answer.resize(len, b'!');
        answer
    })
}

async fn asked(proxy: &Served) -> TcpStream {
    let mut client = proxy.connect().await;
    let request = format!("GET http://{}/ HTTP/1.1\r\nHost: x\r\n\r\n", origin());
    client.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\nok") {
        head.push(client.read_u8().await.unwrap());
    }
    client
}

/// An origin must not be able to say what another one is to have answered.
#[test]
fn what_comes_behind_an_answer_is_not_part_of_the_next_connection() {
    for answer in answers_with_more() {
        in_netns(async move || {
            let hub = hub_that_answers(answer).await;
            let pool = hub.pool(quick());
            let proxy = edge(&pool).await;
            until_idle(&pool, 4).await;
            drop(asked(&proxy).await);
            until_settled(&pool).await;
            exchange(proxy.address, b"of this connection alone").await;
            assert_eq!((pool.status().requests, pool.status().reused), (2, 1));
        });
    }
}
