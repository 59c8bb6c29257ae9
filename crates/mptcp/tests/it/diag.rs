//! Address ids and backup flags, which only sock_diag tells.

use mptcp::{
    ConnectOptions, Diag, EndpointFlags, EndpointId, PathManager, PmEvent, Transport, connect,
    connection_info,
};

use crate::net::{PATIENCE, TwoCables, echo_server, exchange, inside};

#[test]
fn a_backup_shows_at_its_subflow() {
    let net = TwoCables::new();
    let server = echo_server(&net.server, Transport::Mptcp, "10.0.1.2:0");
    inside(&net.client, async || {
        let manager = PathManager::new().unwrap();
        let diag = Diag::new().unwrap();
        let mut events = PathManager::events().unwrap();
        let second = net.second_path();
        manager.add(&second).await.unwrap();
        let id = manager.endpoints().await.unwrap()[0].id;
        let mut stream = connect(Transport::Mptcp, server, &ConnectOptions::default())
            .await
            .unwrap();
        exchange(&mut stream, 1000).await;
        while !matches!(
            tokio::time::timeout(PATIENCE, events.next())
                .await
                .unwrap()
                .unwrap(),
            PmEvent::SubflowEstablished(_)
        ) {}

        for backup in [false, true, false] {
            let mut flags = second.flags;
            flags.set(EndpointFlags::BACKUP, backup);
            manager.set_flags(id, flags).await.unwrap();
            let mut info = connection_info(&stream).unwrap();
            diag.complete(&mut info).await.unwrap();
            let found = |wanted| {
                info.subflows
                    .iter()
                    .find(|s| s.local_id == Some(wanted))
                    .unwrap()
            };
            assert_eq!(info.subflows.len(), 2);
            assert_eq!(found(id).local.ip(), second.address);
            assert_eq!(found(id).remote_id, Some(EndpointId::INITIAL));
            assert_eq!(found(id).backup, Some(backup));
            assert_eq!(found(EndpointId::INITIAL).backup, Some(false));
        }
    });
}

#[test]
fn all_connections_are_listed_with_their_subflows() {
    let net = TwoCables::new();
    let server = echo_server(&net.server, Transport::Mptcp, "[::]:0");
    let server = (
        "10.0.1.2".parse::<std::net::IpAddr>().unwrap(),
        server.port(),
    )
        .into();
    let servers_diag = net.server.run(Diag::new).unwrap();
    inside(&net.client, async || {
        let manager = PathManager::new().unwrap();
        let diag = Diag::new().unwrap();
        let mut events = PathManager::events().unwrap();
        manager.add(&net.second_path()).await.unwrap();
        let mut streams = Vec::new();
        for _ in 0..30 {
            let stream = connect(Transport::Mptcp, server, &ConnectOptions::default()).await;
            streams.push(stream.unwrap());
            exchange(streams.last_mut().unwrap(), 1000).await;
            while !matches!(
                tokio::time::timeout(PATIENCE, events.next())
                    .await
                    .unwrap()
                    .unwrap(),
                PmEvent::SubflowEstablished(_)
            ) {}
        }
        let listed = diag.connections().await.unwrap();
        assert_eq!(listed.len(), streams.len());
        for stream in &streams {
            let asked = connection_info(stream).unwrap();
            let found = listed
                .iter()
                .find(|info| info.token == asked.token)
                .unwrap();
            assert_eq!((found.local, found.remote), (asked.local, asked.remote));
            assert_eq!(found.bytes_sent, asked.bytes_sent);
            assert_eq!(found.subflows.len(), 2);
            for subflow in &found.subflows {
                assert!(asked.subflows.iter().any(|s| s.local == subflow.local));
                assert_eq!(subflow.backup, Some(false));
            }
        }
        // The server has a dual-stack socket, so its addresses are IPv4-mapped in the kernel.
        // It has the last subflow only when the last packet of its handshake has come.
        let complete = async {
            loop {
                let servers = servers_diag.connections().await.unwrap();
                if servers
                    .iter()
                    .all(|connection| connection.subflows.len() == 2)
                {
                    return servers;
                }
            }
        };
        let servers = tokio::time::timeout(PATIENCE, complete).await.unwrap();
        assert_eq!(servers.len(), streams.len());
        for connection in &servers {
            assert_eq!(connection.local, server);
        }
    });
}
