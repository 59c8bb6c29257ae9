//! Streams that somebody else opens.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::*;
use crate::ask::{Opened, Tunnel};

/// A tunnel to a server, which says the first bytes itself, as one through a hub does; and how often one was
/// opened, and whether it can be.
fn tunnel(server: &Fake) -> (Arc<Tunnel>, Arc<AtomicUsize>, Arc<AtomicBool>) {
    let (opened, works) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicBool::new(true)),
    );
    let (address, count, may) = (server.address, Arc::clone(&opened), Arc::clone(&works));
    let tunnel = Tunnel::new("a hub", move |first| {
        let works = may.load(Ordering::SeqCst);
        count.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            if !works {
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            let mut stream = TcpStream::connect(address).await?;
            let sent = first.len() / 2;
            stream.write_all(&first[..sent]).await?;
            Ok(Opened {
                stream: Box::new(stream),
                sent,
            })
        })
    });
    (Arc::new(tunnel), opened, works)
}

fn by(tunnel: &Arc<Tunnel>, servers: &[&Fake]) -> Resolver {
    let resolver = resolver(servers);
    let servers = servers.iter().map(|it| upstream(it)).collect();
    resolver.set_ways(Ways {
        tunnel: Some(Arc::clone(tunnel)),
        servers,
        zones: vec![],
    });
    resolver
}

#[tokio::test]
async fn many_questions_share_a_few_streams() {
    let (far, near) = (
        Fake::start(Says::Address(1)).await,
        Fake::start(Says::Address(2)).await,
    );
    let (tunnel, opened, _) = tunnel(&far);
    let resolver = by(&tunnel, &[&near]);
    assert_eq!(addresses(&ask(&resolver, "first.test.").await), [ip(1)]);
    assert_eq!(addresses(&ask(&resolver, "second.test.").await), [ip(1)]);
    assert_eq!(opened.load(Ordering::SeqCst), 1);
    let names: Vec<String> = (0..200).map(|it| format!("n{it}.test.")).collect();
    for answer in join_all(names.iter().map(|it| ask(&resolver, it))).await {
        assert_eq!(addresses(&answer), [ip(1)]);
    }
    assert!(opened.load(Ordering::SeqCst) <= 4, "{opened:?}");
    let counts = resolver.counts();
    assert_eq!(
        (counts.by_tunnel, counts.fallbacks, asked(&near)),
        (202, 0, 0)
    );
}

#[tokio::test]
async fn without_an_answer_it_is_asked_again_on_another_stream_and_then_others() {
    let (far, near) = (
        Fake::start(Says::Late(1, 1)).await,
        Fake::start(Says::Address(2)).await,
    );
    let (tunnel, opened, works) = tunnel(&far);
    let resolver = by(&tunnel, &[&near]);
    assert_eq!(addresses(&ask(&resolver, "a.test.").await), [ip(1)]);
    assert_eq!((opened.load(Ordering::SeqCst), asked(&near)), (2, 0));
    works.store(false, Ordering::SeqCst);
    let silent = Fake::start(Says::Nothing).await;
    let (tunnel, _, works) = self::tunnel(&silent);
    works.store(false, Ordering::SeqCst);
    let resolver = by(&tunnel, &[&near]);
    assert_eq!(addresses(&ask(&resolver, "b.test.").await), [ip(2)]);
    let counts = resolver.counts();
    assert_eq!(
        (counts.by_servers, counts.fallbacks, counts.by_tunnel),
        (1, 1, 0)
    );
}

#[tokio::test]
async fn others_are_not_told_of_a_name_that_takes_long_while_the_tunnel_works() {
    // Its stream opens, which is a sign of life, and the third question is answered.
    let (far, near) = (
        Fake::start(Says::Late(1, 2)).await,
        Fake::start(Says::Address(2)).await,
    );
    let (tunnel, ..) = tunnel(&far);
    let resolver = by(&tunnel, &[&near]);
    let slow = tokio::spawn({
        let resolver = resolver.clone();
        async move { ask(&resolver, "slow.test.").await }
    });
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert_eq!(asked(&near), 0);
    assert_eq!(addresses(&slow.await.unwrap()), [ip(2)]);
    assert!(!addresses(&ask(&resolver, "next.test.").await).is_empty());
}
