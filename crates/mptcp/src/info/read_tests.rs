//! On sockets of a real connection within a namespace.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use netcfg::netns::NetNs;

use super::*;
use crate::socket::{ListenOptions, Transport, listen, negotiated_before_6_10, open};

/// A connection over the loopback of a namespace; the server listens with `transport`.
fn connection(transport: Transport) -> (TcpStream, TcpStream) {
    NetNs::new().unwrap().run(|| {
        assert!(
            Command::new("ip")
                .args(["link", "set", "lo", "up"])
                .status()
                .unwrap()
                .success()
        );
        let local = "127.0.0.1:0".parse().unwrap();
        let listener = listen(transport, local, &ListenOptions::default())
            .unwrap()
            .listener;
        let client = open(Transport::Mptcp, socket2::Domain::IPV4)
            .unwrap()
            .socket;
        for blocking in [SockRef::from(&client), SockRef::from(&listener)] {
            blocking.set_nonblocking(false).unwrap();
        }
        client
            .connect(&listener.local_addr().unwrap().into())
            .unwrap();
        let mut client: TcpStream = client.into();
        let (mut server, _) = listener.accept().unwrap();
        client.write_all(&[1; 1000]).unwrap();
        server.read_exact(&mut [0; 1000]).unwrap();
        server.write_all(&[2; 500]).unwrap();
        client.read_exact(&mut [0; 500]).unwrap();
        (client, server)
    })
}

/// What differs between two readings of a quiet connection is how long it has been quiet.
fn without_clocks(mut info: ConnectionInfo) -> ConnectionInfo {
    for subflow in &mut info.subflows {
        subflow.last_data_sent = Default::default();
        subflow.last_data_recv = Default::default();
        subflow.last_ack_recv = Default::default();
    }
    info
}

#[test]
fn the_ways_before_and_after_6_5_agree() {
    let (client, _server) = connection(Transport::Mptcp);
    let new = without_clocks(full_info(client.as_fd(), USUAL_SUBFLOWS).unwrap());
    assert_eq!(
        (new.bytes_sent, new.bytes_received),
        (Some(1000), Some(500))
    );
    assert_eq!(
        new,
        without_clocks(info_before_6_5(client.as_fd()).unwrap())
    );
}

#[test]
fn too_little_room_is_made_larger() {
    let (client, _server) = connection(Transport::Mptcp);
    let info = full_info(client.as_fd(), 0).unwrap();
    assert_eq!(info.subflows.len(), 1);
    assert_eq!(info.subflows[0].remote, client.peer_addr().unwrap());
}

#[test]
fn both_ways_know_a_fallback() {
    let (client, _server) = connection(Transport::Tcp);
    for result in [
        full_info(client.as_fd(), 1),
        info_before_6_5(client.as_fd()),
    ] {
        let Err(InfoError::Option { source, .. }) = result else {
            panic!("{result:?}")
        };
        assert!(abi::is_unknown_option(&source), "{source}");
    }
    assert_eq!(
        negotiated_before_6_10(client.as_fd()).unwrap(),
        Transport::Tcp
    );
    let (client, _server) = connection(Transport::Mptcp);
    assert_eq!(
        negotiated_before_6_10(client.as_fd()).unwrap(),
        Transport::Mptcp
    );
}

/// The running kernel says how large its structures are.
#[test]
fn the_kernels_sizes_are_ours() {
    let (client, _server) = connection(Transport::Mptcp);
    let mut info = [0u8; size_of::<MptcpInfo>() + 64];
    let length = abi::getsockopt(client.as_fd(), SOL_MPTCP, MPTCP_INFO, &mut info).unwrap();
    // As of Linux 5.16, 6.5, 6.8 and 6.10; a later one may be longer.
    let ours = size_of::<MptcpInfo>();
    assert!(
        [48, 80, 88, ours].contains(&length) || length > ours,
        "{length} {ours}"
    );

    let mut tcp = [0u8; size_of::<SubflowData>()];
    abi::put(
        &mut tcp,
        offset_of!(SubflowData, size_subflow_data),
        16u32.to_ne_bytes(),
    );
    for (option, ours) in [
        (MPTCP_TCPINFO, size_of::<TcpInfo>()),
        (MPTCP_SUBFLOW_ADDRS, size_of::<SubflowAddrs>()),
    ] {
        let mut head = tcp;
        abi::getsockopt(client.as_fd(), SOL_MPTCP, option, &mut head).unwrap();
        let kernels = Fields(&head).u32(offset_of!(SubflowData, size_kernel)) as usize;
        match option {
            MPTCP_TCPINFO => assert!(kernels >= ours, "{kernels} {ours}"),
            _ => assert_eq!(kernels, ours),
        }
    }
    let mut head = [0u8; size_of::<FullInfo>()];
    abi::getsockopt(client.as_fd(), SOL_MPTCP, MPTCP_FULL_INFO, &mut head).unwrap();
    let entry = Fields(&head).u32(offset_of!(FullInfo, size_sfinfo_kernel)) as usize;
    assert_eq!(entry, size_of::<SubflowInfoEntry>());
}

#[test]
fn serializes_time_spans_as_microseconds() {
    let (client, _server) = connection(Transport::Mptcp);
    let info = connection_info(&client).unwrap();
    let json = serde_json::to_value(&info).unwrap();
    let rtt = u64::try_from(info.subflows[0].rtt.as_micros()).unwrap();
    assert_eq!(json["subflows"][0]["rtt_us"], rtt);
    assert_eq!(json["subflows"][0]["state"], "established");
}
