//! However user connections end, none of them gets a byte of another one, though they share
//! connections to the hub.

use std::net::SocketAddr;
use std::time::Duration;

use fastrand::Rng;
use netcfg::{InterfaceIndex, NetNs, Netlink};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::whole::RealHub;
use super::{edge, until_settled};
use crate::support::{PATIENCE, reset, socks5};

const CLIENTS: u64 = 12;
const ROUNDS: u64 = 60;
const MOST: usize = 200_000;

#[test]
fn nobody_gets_a_byte_of_another_connection() {
    NetNs::new().expect("this test needs root").run(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(4)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let netlink = Netlink::new().unwrap();
            netlink.set_link_up(InterfaceIndex::LOOPBACK).await.unwrap();
            timeout(PATIENCE, crowd()).await.expect("it hangs");
        });
    });
}

async fn crowd() {
    let hub = RealHub::start();
    let pool = hub.pool();
    let proxy = edge(&pool).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, origin) = (proxy.address, listener.local_addr().unwrap());
    let serving = tokio::spawn(serve(listener));
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        clients.spawn(async move {
            for round in 0..ROUNDS {
                let number = 1 + client * ROUNDS + round;
                visit(address, origin, number).await;
            }
        });
    }
    while let Some(done) = clients.join_next().await {
        done.unwrap();
    }
    until_settled(&pool).await;
    let status = pool.status();
    assert!(status.reused > CLIENTS * ROUNDS / 10, "{status:?}");
    serving.abort();
    assert!(
        serving.await.unwrap_err().is_cancelled(),
        "the origin saw it"
    );
}

/// What a connection carries, and nothing else: its number again and again.
fn words(number: u64, len: usize) -> Vec<u8> {
    let mut bytes = number.to_be_bytes().repeat(len.div_ceil(8));
    bytes.truncate(len);
    bytes
}

/// Reads up to `most` bytes, or to any end, and finds only this number.
async fn check(number: u64, most: usize, from: &mut (impl AsyncRead + Unpin)) {
    let (word, mut at, mut buffer) = (number.to_be_bytes(), 0, vec![0; 10_000]);
    while at < most {
        let room = buffer.len().min(most - at);
        let Ok(got @ 1..) = from.read(&mut buffer[..room]).await else {
            return;
        };
        for byte in &buffer[..got] {
            assert_eq!(*byte, word[at % 8], "connection {number}, byte {at}");
            at += 1;
        }
    }
}

/// Sends as much of its words as is wanted, in pieces of any size.
async fn send(number: u64, len: usize, to: &mut (impl AsyncWrite + Unpin), random: &mut Rng) {
    let bytes = words(number, len);
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        let piece = random.usize(1..=40_000).min(rest.len());
        if to.write_all(&rest[..piece]).await.is_err() {
            return;
        }
        rest = &rest[piece..];
    }
}

/// One user connection, of any kind and with any end.
async fn visit(proxy: SocketAddr, origin: SocketAddr, number: u64) {
    let mut random = Rng::with_seed(number);
    let (much, some) = (random.usize(..MOST), random.usize(..MOST));
    if random.u8(..3) == 0 {
        return fetch(proxy, origin, number, some).await;
    }
    let (mut stream, code) = socks5(proxy, origin).await;
    assert_eq!(code, 0);
    stream.write_all(&number.to_be_bytes()).await.unwrap();
    let way = random.u8(..4);
    let (mut read, mut write) = stream.split();
    match way {
        0 | 1 => {
            let sending = async {
                send(number, much, &mut write, &mut random).await;
                let _end = write.shutdown().await;
            };
            tokio::join!(sending, check(number, usize::MAX, &mut read));
        }
        _ => {
            let sending = send(number, much, &mut write, &mut random);
            // It leaves in the middle.
            let both = async { tokio::join!(sending, check(number, some, &mut read)) };
            let _left = timeout(Duration::from_millis(number % 20), both).await;
            if way == 2 {
                reset(stream);
            }
        }
    }
}

/// A plain request by HTTP, whose answer is read in part.
async fn fetch(proxy: SocketAddr, origin: SocketAddr, number: u64, some: usize) {
    let mut stream = TcpStream::connect(proxy).await.unwrap();
    let request =
        format!("GET http://{origin}/{number} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    // The origin may have left before it answered.
    if head.starts_with("HTTP/1.1 200") {
        assert!(
            head.contains(&format!("x-number: {number}\r\n")),
            "{number}: {head}"
        );
        check(number, some, &mut stream).await;
    }
}

async fn serve(listener: TcpListener) {
    let mut serving = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                serving.spawn(answer(accepted.unwrap().0));
            }
            Some(ended) = serving.join_next() => ended.unwrap(),
        }
    }
}

async fn answer(mut stream: TcpStream) {
    let mut first = [0; 8];
    if stream.read_exact(&mut first).await.is_err() {
        return;
    }
    if first.starts_with(b"GET /") {
        return answer_http(stream, &first[5..]).await;
    }
    let number = u64::from_be_bytes(first);
    assert!(number <= CLIENTS * ROUNDS, "{first:?} is no number");
    let mut random = Rng::with_seed(!number);
    let (len, way) = (random.usize(..MOST), random.u8(..5));
    let (mut read, mut write) = stream.split();
    let sending = async {
        send(number, len, &mut write, &mut random).await;
        let _end = write.shutdown().await;
    };
    let both = async { tokio::join!(sending, check(number, usize::MAX, &mut read)) };
    match way {
        0 => drop(timeout(Duration::from_millis(number % 15), both).await),
        _ => drop(both.await),
    }
    if way == 0 && number % 2 == 0 {
        reset(stream);
    }
}

/// It says to answer with less than it sends.
async fn answer_http(mut stream: TcpStream, first: &[u8]) {
    let mut head = first.to_vec();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let digits = text.split(' ').next().expect("there is a first word");
    let number: u64 = digits.parse().expect("it is a number");
    let mut random = Rng::with_seed(!number);
    let (said, sent) = (random.usize(..MOST / 2), random.usize(..MOST));
    let head = format!("HTTP/1.1 200 OK\r\nx-number: {number}\r\nContent-Length: {said}\r\n\r\n");
    if stream.write_all(head.as_bytes()).await.is_ok() {
        send(number, sent, &mut stream, &mut random).await;
    }
}
