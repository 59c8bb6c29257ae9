//! SOCKS byte by byte: answers to errors, and to clients that mean no good.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use mptcp::Transport;
use relay::{
    Account, AccountTerms, AddressFilter, Connector, ConnectorOptions, Protocols, Rates, Route,
    ServerOptions, UplinkGate, Usage, Users,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::sleep;
use wire::Credentials;

use crate::support::{
    Served, ask, direct, in_netns, listen, nft, read_all, run, socks5, through, until,
};

fn connector(options: ConnectorOptions) -> Connector {
    Connector::new(Route::Direct(Transport::Tcp), options)
}

async fn served(options: ConnectorOptions) -> Served {
    Served::proxy(connector(options), ServerOptions::default()).await
}

/// A SOCKS5 reply's code to a request with these bytes from the address type on.
async fn code_for(proxy: &Served, command: u8, address: &[u8]) -> u8 {
    let mut stream = proxy.connect().await;
    assert_eq!(ask(&mut stream, &[5, 1, 0], 2).await, [5, 0]);
    let request = [&[5, command, 0], address].concat();
    let reply = ask(&mut stream, &request, 10).await;
    assert_eq!(
        read_all(&mut stream).await,
        b"",
        "the connection ends after a refusal"
    );
    assert_eq!((reply[0], &reply[2..]), (5, &[0, 1, 0, 0, 0, 0, 0, 0][..]));
    reply[1]
}

fn name(name: &str, port: u16) -> Vec<u8> {
    let mut bytes = vec![3, u8::try_from(name.len()).unwrap()];
    bytes.extend(name.as_bytes());
    bytes.extend(port.to_be_bytes());
    bytes
}

#[test]
fn reply_codes_tell_what_went_wrong() {
    in_netns(async || {
        let proxy = served(ConnectorOptions {
            timeout: Duration::from_millis(300),
            ..ConnectorOptions::default()
        })
        .await;
        // The kernel drops SYNs to port 9 and says host unreachable for 10.0.0.1.
        nft("table inet t { chain c { type filter hook input priority 0; tcp dport 9 drop; }; }")
            .await;
        run("ip", ["route", "add", "unreachable", "10.0.0.1"]).await;
        let v4 = |ip: [u8; 4], port: u8| [&[1][..], &ip, &[0, port]].concat();
        assert_eq!(
            code_for(&proxy, 1, &v4([127, 0, 0, 1], 1)).await,
            5,
            "refused"
        );
        assert_eq!(
            code_for(&proxy, 1, &v4([127, 0, 0, 1], 9)).await,
            6,
            "timeout"
        );
        assert_eq!(
            code_for(&proxy, 1, &v4([10, 0, 0, 1], 80)).await,
            4,
            "host unreachable"
        );
        assert_eq!(
            code_for(&proxy, 1, &v4([192, 0, 2, 1], 80)).await,
            3,
            "no route"
        );
        assert_eq!(
            code_for(&proxy, 1, &name("nowhere.invalid", 80)).await,
            4,
            "no such name"
        );
        assert_eq!(code_for(&proxy, 2, &v4([127, 0, 0, 1], 1)).await, 7, "BIND");
        assert_eq!(
            code_for(&proxy, 3, &v4([0, 0, 0, 0], 0)).await,
            7,
            "UDP ASSOCIATE"
        );
        assert_eq!(
            code_for(&proxy, 9, &v4([0, 0, 0, 0], 0)).await,
            7,
            "no command"
        );
        assert_eq!(code_for(&proxy, 1, &[2, 0, 0]).await, 8, "no address type");
        assert_eq!(code_for(&proxy, 1, &name("a b", 80)).await, 1, "no name");
        proxy.idle().await;
    });
}

#[test]
fn socks4_knows_yes_and_no() {
    in_netns(async || {
        let proxy = Served::plain().await;
        let (listener, address) = listen().await;
        let [high, low] = address.port().to_be_bytes();
        let rejected = [0, 91, 0, 0, 0, 0, 0, 0];
        let mut stream = proxy.connect().await;
        assert_eq!(
            ask(&mut stream, &[4, 1, 0, 1, 127, 0, 0, 1, 0], 8).await,
            rejected
        );
        assert_eq!(read_all(&mut stream).await, b"");
        let bind = ask(
            &mut proxy.connect().await,
            &[4, 2, high, low, 127, 0, 0, 1, 0],
            8,
        )
        .await;
        assert_eq!(bind, rejected);
        let mut stream = proxy.connect().await;
        let by_name = [
            &[4, 1, high, low, 0, 0, 0, 7][..],
            b"me\x00127.0.0.1\x00hello",
        ]
        .concat();
        assert_eq!(
            ask(&mut stream, &by_name, 8).await,
            [0, 90, 0, 0, 0, 0, 0, 0]
        );
        let (mut origin, _) = listener.accept().await.unwrap();
        stream.shutdown().await.unwrap();
        assert_eq!(
            read_all(&mut origin).await,
            b"hello",
            "what came with the request goes on"
        );
    });
}

#[test]
fn users_are_checked() {
    in_netns(async || {
        let credentials = Credentials {
            user: "ann".try_into().unwrap(),
            password: "one".try_into().unwrap(),
        };
        let users = Some(Users::from_iter([credentials]));
        let proxy = Served::proxy(
            direct(),
            ServerOptions {
                users,
                ..Default::default()
            },
        )
        .await;
        let mut stream = proxy.connect().await;
        assert_eq!(ask(&mut stream, &[5, 1, 0], 2).await, [5, 0xff]);
        assert_eq!(read_all(&mut stream).await, b"");
        let mut stream = proxy.connect().await;
        assert_eq!(ask(&mut stream, &[5, 2, 0, 2], 2).await, [5, 2]);
        assert_eq!(ask(&mut stream, b"\x01\x03ann\x03two", 2).await, [1, 1]);
        assert_eq!(read_all(&mut stream).await, b"");
        let mut stream = proxy.connect().await;
        // A client that does not wait for answers.
        let all = b"\x05\x01\x02\x01\x03ann\x03one\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x01";
        let answers = ask(&mut stream, all, 14).await;
        assert_eq!(answers, [5, 2, 1, 0, 5, 5, 0, 1, 0, 0, 0, 0, 0, 0]);
        let socks4 = ask(
            &mut proxy.connect().await,
            &[4, 1, 0, 1, 127, 0, 0, 1, 0],
            8,
        )
        .await;
        assert_eq!(socks4[1], 91, "SOCKS4 can't prove anything");
    });
}

#[derive(Debug)]
struct NotLoopback;

impl AddressFilter for NotLoopback {
    fn allows(&self, ip: IpAddr, _port: u16) -> bool {
        !ip.is_loopback()
    }
}

#[test]
fn users_with_an_account_go_by_their_own_connector() {
    in_netns(async || {
        let filter: Option<Arc<dyn AddressFilter>> = Some(Arc::new(NotLoopback));
        let terms = AccountTerms {
            max_connections: None,
            rates: Rates::default(),
            connector: connector(ConnectorOptions {
                filter,
                ..Default::default()
            }),
        };
        let account = Arc::new(Account::new("ann", terms, Usage::default()));
        let ann = Credentials {
            user: "ann".try_into().unwrap(),
            password: "one".try_into().unwrap(),
        };
        let mut users = Users::from_iter([ann.clone()]);
        users.charge(ann.user, account);
        let options = ServerOptions {
            users: Some(users),
            ..Default::default()
        };
        let proxy = Served::proxy(direct(), options).await;
        let mut stream = proxy.connect().await;
        let all = b"\x05\x01\x02\x01\x03ann\x03one\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x01";
        assert_eq!(ask(&mut stream, all, 6).await, [5, 2, 1, 0, 5, 2]);
    });
}

#[test]
fn the_filter_sees_the_address_behind_every_spelling() {
    in_netns(async || {
        let filter: Option<Arc<dyn AddressFilter>> = Some(Arc::new(NotLoopback));
        let proxy = served(ConnectorOptions {
            filter,
            ..Default::default()
        })
        .await;
        let (listener, address) = listen().await;
        let port = address.port();
        let [high, low] = port.to_be_bytes();
        let v4 = [1, 127, 0, 0, 1, high, low];
        let mapped = [&[4][..], &[0; 10], &[0xff, 0xff, 127, 0, 0, 1, high, low]].concat();
        for spelled in [
            &v4[..],
            &mapped,
            &name("localhost", port),
            &name("127.0.0.1", port),
        ] {
            assert_eq!(code_for(&proxy, 1, spelled).await, 2, "{spelled:?}");
        }
        run("ip", ["addr", "add", "192.0.2.1/32", "dev", "lo"]).await;
        let open = tokio::net::TcpListener::bind("192.0.2.1:0").await.unwrap();
        let (_stream, code) = socks5(proxy.address, open.local_addr().unwrap()).await;
        assert_eq!(code, 0);
        let nobody = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
        assert!(nobody.is_err(), "a forbidden address was connected to");
    });
}

#[test]
fn without_an_uplink_requests_wait() {
    in_netns(async || {
        let (set_up, up) = watch::channel(false);
        let wait = Duration::from_millis(300);
        let gate = |wait| {
            Some(UplinkGate {
                up: up.clone(),
                wait,
            })
        };
        let hasty = served(ConnectorOptions {
            uplink: gate(wait),
            ..Default::default()
        })
        .await;
        let patient_gate = gate(Duration::from_secs(3600));
        let patient = served(ConnectorOptions {
            uplink: patient_gate,
            ..Default::default()
        })
        .await;
        let (_listener, address) = listen().await;
        let began = std::time::Instant::now();
        assert_eq!(socks5(hasty.address, address).await.1, 3);
        assert!(began.elapsed() >= wait, "it did not wait");
        let waiting = tokio::spawn(socks5(patient.address, address));
        sleep(Duration::from_millis(50)).await;
        assert!(!waiting.is_finished(), "it did not wait");
        set_up.send_replace(true);
        assert_eq!(waiting.await.unwrap().1, 0);
        assert_eq!(socks5(hasty.address, address).await.1, 0);
    });
}

/// The slow one gets as far as a good client would, one byte after the other, then never ends.
#[test]
fn a_slow_handshake_ends_and_hinders_nobody() {
    in_netns(async || {
        let handshake_timeout = Duration::from_millis(500);
        let options = ServerOptions {
            handshake_timeout,
            ..ServerOptions::default()
        };
        let proxy = Served::proxy(direct(), options).await;
        let beginnings: [&[u8]; 5] = [
            b"",
            b"\x04\x01\x00\x50",
            b"\x05\xff",
            b"\x05\x01\x00\x05\x01\x00\x03\xff",
            b"GET http://a/ HTTP/1.1\r\nA",
        ];
        for beginning in beginnings {
            let slow = tokio::spawn(drip(proxy.connect().await, beginning));
            let (mut client, mut origin) = through(&proxy).await;
            client.write_all(b"quick").await.unwrap();
            client.shutdown().await.unwrap();
            assert_eq!(read_all(&mut origin).await, b"quick");
            let took = slow.await.unwrap();
            assert!(
                took >= handshake_timeout,
                "{beginning:?} ended too early: {took:?}"
            );
        }
        proxy.idle().await;
    });
}

/// Sends on and on, until the other side ends the connection; how long it took.
async fn drip(mut stream: TcpStream, beginning: &'static [u8]) -> Duration {
    let began = std::time::Instant::now();
    let (mut read, mut write) = stream.split();
    let endless = std::iter::repeat_with(|| {
        if beginning.is_empty() {
            None
        } else {
            Some(&b'a')
        }
    });
    let sending = async {
        for byte in beginning.iter().map(Some).chain(endless) {
            sleep(Duration::from_millis(20)).await;
            if let Some(byte) = byte {
                drop(write.write_all(&[*byte]).await);
            }
        }
    };
    let ended = async {
        let mut rest = Vec::new();
        drop(read.read_to_end(&mut rest).await);
    };
    tokio::select! { () = sending => {}, () = ended => {} }
    began.elapsed()
}

#[test]
fn hostile_bytes_end_that_connection_alone() {
    in_netns(async || {
        let proxy = Served::plain().await;
        let (mut client, mut origin) = through(&proxy).await;
        let endless_user = [&[4, 1, 0, 80, 1, 1, 1, 1][..], &[b'a'; 70_000]].concat();
        let endless_name = [&[4, 1, 0, 80, 0, 0, 0, 1, 0][..], &[b'a'; 70_000]].concat();
        let endless_head = [
            b"GET http://a/ HTTP/1.1\r\nA: ".as_slice(),
            &[b'a'; 200_000],
        ]
        .concat();
        let hostile: [&[u8]; 9] = [
            &[0; 1000],
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            &endless_user,
            &endless_name,
            &endless_head,
            b"\x05\x00",
            b"\x05\x01\x00\x04\x01",
            b"GET / HTTP/1.1\r\n\r\n\0\0\0",
            b"CONNECT example.org:99999 HTTP/1.1\r\n\r\n",
        ];
        for bytes in hostile {
            let mut stream = proxy.connect().await;
            // It may end, even by a reset, before all has been sent.
            drop(stream.write_all(bytes).await);
            drop(stream.shutdown().await);
            let mut answer = Vec::new();
            drop(stream.read_to_end(&mut answer).await);
            assert!(answer.len() < 1000, "{} bytes in answer", answer.len());
        }
        client.write_all(b"still here").await.unwrap();
        client.shutdown().await.unwrap();
        assert_eq!(read_all(&mut origin).await, b"still here");
        drop((client, origin));
        proxy.idle().await;
    });
}

/// Every beginning of a good handshake, then the end of the client.
#[test]
fn truncated_handshakes_leave_nothing_behind() {
    in_netns(async || {
        let proxy = Served::plain().await;
        let good: [&[u8]; 3] = [
            b"\x05\x01\x00\x05\x01\x00\x03\x09localhost\x00",
            b"\x04\x01\x00\x50\x00\x00\x00\x01me\0localhost",
            b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n",
        ];
        for handshake in good {
            for cut in 1..=handshake.len() {
                let mut stream = proxy.connect().await;
                stream.write_all(&handshake[..cut]).await.unwrap();
                stream.shutdown().await.unwrap();
                let answer = read_all(&mut stream).await;
                assert!(
                    answer.len() <= 2 || answer.starts_with(b"HTTP/1.1 4"),
                    "{answer:?}"
                );
            }
        }
        proxy.idle().await;
    });
}

#[test]
fn only_the_protocols_asked_for() {
    in_netns(async || {
        let options = ServerOptions {
            protocols: Protocols::SOCKS5,
            ..Default::default()
        };
        let proxy = Served::proxy(direct(), options).await;
        for first in [
            &b"\x04\x01\x00\x50\x7f\x00\x00\x01\x00"[..],
            b"GET http://a/ HTTP/1.1\r\n\r\n",
        ] {
            let mut stream = proxy.connect().await;
            stream.write_all(first).await.unwrap();
            let mut answer = Vec::new();
            drop(stream.read_to_end(&mut answer).await);
            assert_eq!(answer, b"");
        }
        drop(through(&proxy).await);
    });
}

#[test]
fn the_client_that_leaves_is_not_connected_for() {
    in_netns(async || {
        let proxy = Served::plain().await;
        nft("table inet t { chain c { type filter hook input priority 0; tcp dport 9 drop; }; }")
            .await;
        let mut stream = proxy.connect().await;
        assert_eq!(ask(&mut stream, &[5, 1, 0], 2).await, [5, 0]);
        stream
            .write_all(&[5, 1, 0, 1, 127, 0, 0, 1, 0, 9])
            .await
            .unwrap();
        let syns = async || run("ss", ["-Htn", "state", "syn-sent"]).await;
        while syns().await.is_empty() {}
        crate::support::reset(stream);
        while !syns().await.is_empty() {}
    });
}

#[test]
fn a_reply_names_our_own_end() {
    in_netns(async || {
        let proxy = Served::plain().await;
        let (listener, address) = listen().await;
        let mut stream = proxy.connect().await;
        ask(&mut stream, &[5, 1, 0], 2).await;
        let [high, low] = address.port().to_be_bytes();
        let reply = ask(&mut stream, &[5, 1, 0, 1, 127, 0, 0, 1, high, low], 10).await;
        let bound = SocketAddr::from(([127, 0, 0, 1], u16::from_be_bytes([reply[8], reply[9]])));
        assert_eq!(listener.accept().await.unwrap().1, bound);
        until("it is listed", || proxy.server.registry().len() == 1).await;
    });
}

#[test]
fn sockets_send_at_once_and_notice_dead_peers() {
    in_netns(async || {
        let (_listener, address) = listen().await;
        let onward = connector(ConnectorOptions::default())
            .connect(&address.into())
            .await
            .unwrap();
        let socket = socket2::SockRef::from(&**onward.leg.tcp());
        assert!(socket.tcp_nodelay().unwrap() && socket.keepalive().unwrap());
        let proxy = Served::plain().await;
        let (client, _origin) = through(&proxy).await;
        let our_end = format!(
            "sport = :{} and dport = :{}",
            proxy.address.port(),
            client.local_addr().unwrap().port()
        );
        // Shown as soon as no retransmission timer is in the way.
        while !run("ss", ["-Htno", &our_end])
            .await
            .contains("timer:(keepalive")
        {}
    });
}
