//! What bulk data does to a connection's buffers.

use std::fs;
use std::time::Duration;

use mptcp::{Backlog, ConnectOptions, Inflow, Transport, connect};
use socket2::SockRef;

use crate::net::{echo_server, exchange, inside, namespace};

const ROOM: usize = 8 << 20;

#[test]
fn bulk_that_comes_is_given_room_and_a_little_is_not() {
    let netns = namespace();
    let server = echo_server(&netns, Transport::Mptcp, "127.0.0.1:0");
    inside(&netns, async || {
        fs::write("/proc/sys/net/ipv4/tcp_rmem", "4096 131072 33554432").unwrap();
        let options = ConnectOptions::default();
        let mut stream = connect(Transport::Mptcp, server, &options).await.unwrap();
        exchange(&mut stream, 1000).await;
        let mut inflow = Inflow::of(&stream);
        inflow.after_read(&stream, 1000);
        let before = SockRef::from(&stream).recv_buffer_size().unwrap();
        assert!(before < ROOM, "{before}");
        inflow.after_read(&stream, 128 * 1024);
        let after = SockRef::from(&stream).recv_buffer_size().unwrap();
        assert!(after >= ROOM, "{after}");
        // A single byte wakes as before.
        exchange(&mut stream, 1).await;
    });
}

#[test]
fn bulk_that_goes_has_a_bounded_backlog() {
    let netns = namespace();
    let server = echo_server(&netns, Transport::Mptcp, "127.0.0.1:0");
    inside(&netns, async || {
        // Loopback is so fast that the bound counts, not the rate.
        const MOST: usize = 300_000;
        fs::write("/proc/sys/net/ipv4/tcp_wmem", format!("4096 16384 {MOST}")).unwrap();
        let options = ConnectOptions::default();
        let mut stream = connect(Transport::Mptcp, server, &options).await.unwrap();
        exchange(&mut stream, 100_000).await;
        let mut backlog = Backlog::of(&stream);
        let before = SockRef::from(&stream).send_buffer_size().unwrap();
        backlog.before_write(&stream, 1 << 20);
        let at_once = SockRef::from(&stream).send_buffer_size().unwrap();
        assert_eq!(at_once, before, "not with every write");
        tokio::time::sleep(Duration::from_millis(60)).await;
        backlog.before_write(&stream, 1 << 20);
        let after = SockRef::from(&stream).send_buffer_size().unwrap();
        assert_eq!(after, MOST);
    });
}

/// Nobody writes while it is full, so whoever waits has it looked at.
#[test]
fn a_full_backlog_is_made_larger_without_a_write() {
    let netns = namespace();
    let server = echo_server(&netns, Transport::Mptcp, "127.0.0.1:0");
    inside(&netns, async || {
        const MOST: usize = 300_000;
        fs::write("/proc/sys/net/ipv4/tcp_wmem", format!("4096 16384 {MOST}")).unwrap();
        let options = ConnectOptions::default();
        let mut stream = connect(Transport::Mptcp, server, &options).await.unwrap();
        exchange(&mut stream, 100_000).await;
        let mut backlog = Backlog::of(&stream);
        backlog.while_full(&stream);
        let after = SockRef::from(&stream).send_buffer_size().unwrap();
        assert_eq!(after, MOST);
    });
}

#[test]
fn plain_tcp_keeps_its_buffers() {
    let netns = namespace();
    let server = echo_server(&netns, Transport::Tcp, "127.0.0.1:0");
    inside(&netns, async || {
        let options = ConnectOptions::default();
        let mut stream = connect(Transport::Tcp, server, &options).await.unwrap();
        exchange(&mut stream, 1000).await;
        let sizes = || {
            let socket = SockRef::from(&stream);
            (
                socket.send_buffer_size().unwrap(),
                socket.recv_buffer_size().unwrap(),
            )
        };
        let before = sizes();
        let (mut backlog, mut inflow) = (Backlog::of(&stream), Inflow::of(&stream));
        tokio::time::sleep(Duration::from_millis(60)).await;
        backlog.before_write(&stream, 1 << 20);
        backlog.while_full(&stream);
        inflow.after_read(&stream, 1 << 20);
        assert_eq!(sizes(), before);
    });
}
