//! Sockets, their options, and what they say of themselves.

use std::fs;
use std::io::ErrorKind;
use std::time::Duration;

use mptcp::{
    ConnectOptions, KernelSupport, ListenOptions, TcpState, Transport, connect, connection_info,
    listen, negotiated, open, probe,
};
use socket2::{Domain, SockRef};

use crate::net::{echo_server, exchange, inside, namespace, own_end};

#[test]
fn a_connection_speaks_mptcp_and_tells_its_figures() {
    let netns = namespace();
    let server = echo_server(&netns, Transport::Mptcp, "127.0.0.1:0");
    inside(&netns, async || {
        let mut stream = connect(Transport::Mptcp, server, &ConnectOptions::default())
            .await
            .unwrap();
        assert!(stream.nodelay().unwrap());
        exchange(&mut stream, 100_000).await;

        assert_eq!(negotiated(&stream).unwrap(), Transport::Mptcp);
        let info = connection_info(&stream).unwrap();
        assert!(!info.fallback);
        assert_ne!(info.token.unwrap(), 0);
        assert_eq!((info.local, info.remote), (own_end(&stream), server));
        assert_eq!(info.bytes_sent, Some(100_000));
        assert_eq!(info.bytes_received, Some(100_000));
        let [subflow] = &info.subflows[..] else {
            panic!("one subflow: {info:?}")
        };
        assert_eq!((subflow.local, subflow.remote), (info.local, info.remote));
        assert_eq!(subflow.state, TcpState::Established);
        assert!(subflow.bytes_sent >= 100_000 && subflow.bytes_received >= 100_000);
        assert!(subflow.rtt > Duration::ZERO && subflow.cwnd > 0 && subflow.mss > 500);
        assert_eq!((subflow.backup, subflow.local_id), (None, None));
    });
}

#[test]
fn a_plain_tcp_server_makes_it_fall_back() {
    let netns = namespace();
    let server = echo_server(&netns, Transport::Tcp, "127.0.0.1:0");
    inside(&netns, async || {
        let options = ConnectOptions::default();
        let mut asked_mptcp = connect(Transport::Mptcp, server, &options).await.unwrap();
        let mut asked_tcp = connect(Transport::Tcp, server, &options).await.unwrap();
        for stream in [&mut asked_mptcp, &mut asked_tcp] {
            exchange(stream, 1000).await;
            assert_eq!(negotiated(&*stream).unwrap(), Transport::Tcp);
            let info = connection_info(&*stream).unwrap();
            assert!(info.fallback);
            assert_eq!(info.token, None);
            let [subflow] = &info.subflows[..] else {
                panic!("one subflow: {info:?}")
            };
            assert_eq!(subflow.state, TcpState::Established);
            assert_eq!(subflow.bytes_received, 1000);
        }
    });
}

#[test]
fn a_dual_stack_listener_takes_both_families() {
    let netns = namespace();
    let server = echo_server(&netns, Transport::Mptcp, "[::]:0");
    inside(&netns, async || {
        for address in ["127.0.0.1", "::1"] {
            let remote = (address.parse::<std::net::IpAddr>().unwrap(), server.port()).into();
            let mut stream = connect(Transport::Mptcp, remote, &ConnectOptions::default())
                .await
                .unwrap();
            exchange(&mut stream, 10).await;
            assert!(!connection_info(&stream).unwrap().fallback);
        }
    });
}

#[test]
fn only_v6_leaves_the_port_to_ipv4() {
    let netns = namespace();
    netns.run(|| {
        let options = ListenOptions::default();
        let six = listen(Transport::Mptcp, "[::]:7000".parse().unwrap(), &options).unwrap();
        let four = listen(Transport::Mptcp, "0.0.0.0:7000".parse().unwrap(), &options).unwrap();
        drop((six, four));
        let dual = ListenOptions {
            only_v6: false,
            ..options
        };
        let _six = listen(Transport::Mptcp, "[::]:7001".parse().unwrap(), &dual).unwrap();
        let four = listen(Transport::Mptcp, "0.0.0.0:7001".parse().unwrap(), &dual);
        assert_eq!(four.unwrap_err().kind(), ErrorKind::AddrInUse);
    });
}

#[test]
fn a_transparent_listener_binds_to_foreign_addresses() {
    let netns = namespace();
    netns.run(|| {
        for foreign in ["192.0.2.1:80", "[2001:db8::1]:80"] {
            let foreign = foreign.parse().unwrap();
            let plain = ListenOptions::default();
            let error = listen(Transport::Mptcp, foreign, &plain).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
            let transparent = ListenOptions {
                transparent: true,
                ..plain
            };
            listen(Transport::Mptcp, foreign, &transparent).unwrap();
        }
    });
}

#[test]
fn connect_options_reach_the_socket() {
    let netns = namespace();
    let server = echo_server(&netns, Transport::Mptcp, "127.0.0.1:0");
    inside(&netns, async || {
        let options = ConnectOptions {
            local: Some("127.0.0.9".parse().unwrap()),
            interface: Some("lo".to_owned()),
            mark: Some(42),
        };
        for transport in [Transport::Mptcp, Transport::Tcp] {
            let stream = connect(transport, server, &options).await.unwrap();
            let socket = SockRef::from(&stream);
            assert_eq!(own_end(&stream).ip(), options.local.unwrap());
            assert_eq!(socket.device().unwrap().unwrap(), b"lo");
            assert_eq!(socket.mark().unwrap(), 42);
        }
    });
}

#[test]
fn without_mptcp_in_the_kernel_tcp_takes_its_place() {
    let netns = namespace();
    netns.run(|| {
        assert_eq!(probe().unwrap(), KernelSupport::Available);
        let opened = open(Transport::Mptcp, Domain::IPV4).unwrap();
        assert_eq!(opened.transport, Transport::Mptcp);

        fs::write("/proc/sys/net/mptcp/enabled", "0").unwrap();
        let support = probe().unwrap();
        assert_eq!(support, KernelSupport::Disabled);
        assert!(support.to_string().contains("net.mptcp.enabled=1"));
        let opened = open(Transport::Mptcp, Domain::IPV4).unwrap();
        assert_eq!(opened.transport, Transport::Tcp);
        let local = "127.0.0.1:0".parse().unwrap();
        let listening = listen(Transport::Mptcp, local, &ListenOptions::default()).unwrap();
        assert_eq!(listening.transport, Transport::Tcp);
    });
}

#[test]
fn an_unconnected_socket_has_no_figures() {
    let netns = namespace();
    netns.run(|| {
        for transport in [Transport::Mptcp, Transport::Tcp] {
            let socket = open(transport, Domain::IPV4).unwrap().socket;
            connection_info(&socket).unwrap_err();
        }
    });
}
