use netcfg::{InterfaceIndex, NetNs, Netlink};
use tls::{HubKey, generate_secret};
use tokio::net::TcpListener;
use wire::hub::{Hello, VERSIONS, Welcome};

use super::*;

impl SecureStream {
    /// The bytes of memory that buffers take.
    fn buffered(&self) -> usize {
        self.inbox.capacity() + self.unread.len() + self.unsent.capacity()
    }
}

async fn pair() -> (SecureStream, SecureStream) {
    let (key, secret) = (HubKey::generate(), generate_secret());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("it is free");
    let address = listener.local_addr().expect("it is bound");
    let (edge, hub) = (EdgeConfig::new(&key.pin(), &secret), HubConfig::new(&key));
    let near = TcpStream::connect(address).await.expect("it listens");
    let (far, _) = listener.accept().await.expect("somebody came");
    let (edge, hub) = tokio::join!(
        SecureStream::connect(near, &edge),
        SecureStream::accept(far, &hub)
    );
    (edge.expect("it is the hub"), hub.expect("it is an edge"))
}

/// With a user connection open.
async fn opened() -> (SecureStream, SecureStream) {
    let (mut edge, mut hub) = pair().await;
    let hello = Frame::Hello(Hello {
        versions: VERSIONS,
        software: String::new(),
    });
    edge.send(&[hello, open()]).await.expect("it is connected");
    for _ in 0..2 {
        hub.receive().await.expect("HELLO and OPEN came");
    }
    let welcome = Frame::Welcome(Welcome {
        version: 1,
        software: String::new(),
    });
    let bound = "192.0.2.1:1".parse().expect("it is one");
    let opened = Frame::Opened(wire::hub::Opened { bound });
    hub.send(&[welcome, opened]).await.expect("it is connected");
    (edge, hub)
}

fn open() -> Frame<'static> {
    let destination = "origin.test:80".parse().expect("it is one");
    Frame::Open(wire::hub::Open { destination })
}

fn in_netns<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send) {
    NetNs::new().expect("this test needs root").run(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("there are files to be had");
        runtime.block_on(async {
            let netlink = Netlink::new().expect("it is there");
            let up = netlink.set_link_up(InterfaceIndex::LOOPBACK).await;
            up.expect("we are root here");
            timeout(Duration::from_secs(60), test())
                .await
                .expect("the test hangs");
        });
    });
}

#[test]
fn an_idle_stream_holds_no_buffer() {
    in_netns(async || {
        let (mut edge, mut hub) = pair().await;
        assert_eq!((edge.buffered(), hub.buffered()), (0, 0));
        let software = "test".to_owned();
        let hello = Frame::Hello(Hello {
            versions: VERSIONS,
            software: software.clone(),
        });
        edge.send(&[hello]).await.expect("it is connected");
        hub.receive().await.expect("HELLO came");
        let version = 1;
        let welcome = Frame::Welcome(Welcome { version, software });
        hub.send(&[welcome]).await.expect("it is connected");
        edge.receive().await.expect("WELCOME came");
        for round in 0..3 {
            let ping = Frame::Ping([round; 8]);
            edge.send(&[ping]).await.expect("it is connected");
            let answer = match hub.receive().await.expect("PING came") {
                Message::Ping(opaque) => Frame::Pong(opaque),
                other => panic!("{other:?}"),
            };
            hub.send(&[answer]).await.expect("it is connected");
            edge.receive().await.expect("PONG came");
        }
        assert_eq!((edge.buffered(), hub.buffered()), (0, 0));
    });
}

/// What the socket does not take is kept, and is all there is.
#[test]
fn a_stream_keeps_one_write_at_most() {
    use tokio::io::AsyncWriteExt;
    in_netns(async || {
        let (edge, mut hub) = opened().await;
        let chunk = vec![7; 1 << 20];
        while timeout(Duration::from_millis(200), hub.write(&chunk))
            .await
            .is_ok()
        {
            assert!(hub.buffered() <= 2 * RECORD, "{}", hub.buffered());
        }
        assert!(!hub.unsent.is_empty(), "the socket is full");
        drop(edge);
    });
}

/// Nobody waits for it, and it would be in the way of what does not wait.
#[test]
fn the_edges_last_fin_goes_along_with_the_next_open() {
    in_netns(async || {
        let (mut edge, mut hub) = opened().await;
        for _ in 0..2 {
            edge.receive().await.expect("WELCOME and OPENED came");
        }
        hub.send(&[Frame::Fin]).await.expect("it is connected");
        assert_eq!(edge.receive().await.expect("FIN came"), Message::Fin);
        let fin = edge.seal_fin().expect("it is open");
        assert!(fin.is_empty() && edge.is_idle() && edge.is_holding());
        let sent = edge.send(&[open()]).await;
        sent.expect("it is connected");
        assert_eq!(hub.receive().await.expect("FIN came"), Message::Fin);
        let next = hub.receive().await.expect("OPEN came");
        assert!(matches!(next, Message::Open(_)), "{next:?}");
    });
}

#[test]
fn a_fin_that_is_waited_for_goes_at_once() {
    in_netns(async || {
        let (mut edge, mut hub) = opened().await;
        for _ in 0..2 {
            edge.receive().await.expect("WELCOME and OPENED came");
        }
        let fin = edge.seal_fin().expect("it is open");
        assert!(!fin.is_empty(), "the hub has not ended yet");
        edge.tcp.try_write(&fin).expect("there is room");
        assert_eq!(hub.receive().await.expect("FIN came"), Message::Fin);
        let fin = hub.seal_fin().expect("it is open");
        assert!(!fin.is_empty(), "the program waits for the end");
    });
}
