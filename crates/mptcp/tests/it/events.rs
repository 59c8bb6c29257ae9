//! Events of the path manager, and that its commands act on running connections.

use std::net::{IpAddr, SocketAddr};

use mptcp::{
    ConnectOptions, EndpointFlags, EndpointId, EndpointSpec, PathManager, PmEvent, PmEvents,
    PmEventsError, TcpState, Transport, connect, connection_info,
};
use tokio::net::TcpStream;

use crate::net::{PATIENCE, TwoCables, echo_server, exchange, inside, ip, namespace, own_end};

/// Waits for the event that `wanted` takes, and lets others pass.
async fn wait<T>(events: &mut PmEvents, wanted: impl Fn(PmEvent) -> Option<T>) -> T {
    let search = async {
        loop {
            if let Some(found) = wanted(events.next().await.unwrap()) {
                return found;
            }
        }
    };
    tokio::time::timeout(PATIENCE, search)
        .await
        .expect("the event must come")
}

/// Our addresses of the subflows that are open. One that is closing stays until the peer's FIN.
fn established(stream: &TcpStream) -> Vec<IpAddr> {
    let subflows = connection_info(stream).unwrap().subflows.into_iter();
    let open = subflows.filter(|subflow| subflow.state == TcpState::Established);
    open.map(|subflow| subflow.local.ip()).collect()
}

#[test]
fn a_subflow_is_opened_and_closed() {
    let net = TwoCables::new();
    let server = echo_server(&net.server, Transport::Mptcp, "10.0.1.2:0");
    inside(&net.client, async || {
        let mut events = PathManager::events().unwrap();
        let manager = PathManager::new().unwrap();
        let mut stream = connect(Transport::Mptcp, server, &ConnectOptions::default())
            .await
            .unwrap();
        let token = connection_info(&stream).unwrap().token.unwrap();
        let local = own_end(&stream);
        let created = events.next().await.unwrap();
        assert_eq!(
            created,
            PmEvent::Created {
                token,
                local,
                remote: server,
                server_side: false
            }
        );
        exchange(&mut stream, 1000).await;
        let established = events.next().await.unwrap();
        let expected = PmEvent::Established {
            token,
            local,
            remote: server,
            server_side: false,
        };
        assert_eq!(established, expected);

        let second = net.second_path();
        manager.add(&second).await.unwrap();
        let id = manager.endpoints().await.unwrap()[0].id;
        let PmEvent::SubflowEstablished(subflow) = events.next().await.unwrap() else {
            panic!("a subflow must come")
        };
        assert_eq!(subflow.token, token);
        assert_eq!(
            (subflow.local.ip(), subflow.remote),
            (second.address, server)
        );
        assert_eq!(
            (subflow.local_id, subflow.remote_id),
            (id, EndpointId::INITIAL)
        );
        assert_eq!(subflow.interface, second.interface);
        assert!(!subflow.backup);
        assert_eq!(connection_info(&stream).unwrap().subflows.len(), 2);

        manager
            .set_flags(id, second.flags | EndpointFlags::BACKUP)
            .await
            .unwrap();
        // The event's own backup flag is the peer's wish, not ours.
        manager.delete(id).await.unwrap();
        let closed = wait(&mut events, |event| match event {
            PmEvent::SubflowClosed(subflow) => Some(subflow),
            _ => None,
        })
        .await;
        assert_eq!((closed.local, closed.local_id), (subflow.local, id));
        exchange(&mut stream, 1000).await;

        drop(stream);
        let closed = wait(&mut events, |event| match event {
            PmEvent::Closed { token } => Some(token),
            _ => None,
        })
        .await;
        assert_eq!(closed, token);
    });
}

#[test]
fn the_peer_hears_of_a_backup() {
    let net = TwoCables::new();
    let server = echo_server(&net.server, Transport::Mptcp, "10.0.1.2:0");
    let (ready, connected) = std::sync::mpsc::channel();
    let (heard, told) = tokio::sync::oneshot::channel();
    std::thread::scope(|scope| {
        let client = &net.client;
        let second = net.second_path();
        scope.spawn(move || {
            inside(client, async move || {
                connected.recv().unwrap();
                let manager = PathManager::new().unwrap();
                let mut stream = connect(Transport::Mptcp, server, &ConnectOptions::default())
                    .await
                    .unwrap();
                let mut events = PathManager::events().unwrap();
                exchange(&mut stream, 1000).await;
                manager.add(&second).await.unwrap();
                wait(&mut events, |event| {
                    matches!(event, PmEvent::SubflowEstablished(_)).then_some(())
                })
                .await;
                let id = manager.endpoints().await.unwrap()[0].id;
                manager
                    .set_flags(id, second.flags | EndpointFlags::BACKUP)
                    .await
                    .unwrap();
                told.await.unwrap();
            })
        });
        inside(&net.server, async move || {
            let mut events = PathManager::events().unwrap();
            ready.send(()).unwrap();
            let created = wait(&mut events, |event| match event {
                PmEvent::Created { server_side, .. } => Some(server_side),
                _ => None,
            })
            .await;
            assert!(created, "the server's side of it");
            let changed = wait(&mut events, |event| match event {
                PmEvent::SubflowPriority(subflow) => Some(subflow),
                _ => None,
            })
            .await;
            assert!(changed.backup);
            assert_eq!(changed.remote.ip(), "10.0.2.1".parse::<IpAddr>().unwrap());
            heard.send(()).unwrap();
        });
    });
}

#[test]
fn an_announced_address_comes_and_goes() {
    let net = TwoCables::new();
    let server = echo_server(&net.server, Transport::Mptcp, "10.0.1.2:0");
    let servers_manager = net.server.run(PathManager::new).unwrap();
    inside(&net.client, async || {
        let mut events = PathManager::events().unwrap();
        let mut stream = connect(Transport::Mptcp, server, &ConnectOptions::default())
            .await
            .unwrap();
        exchange(&mut stream, 1000).await;
        let announced = EndpointSpec {
            address: "10.0.2.2".parse().unwrap(),
            port: None,
            interface: None,
            flags: EndpointFlags::SIGNAL,
            id: Some(EndpointId(5)),
        };
        servers_manager.add(&announced).await.unwrap();
        let (address, id) = wait(&mut events, |event| match event {
            PmEvent::Announced {
                address, remote_id, ..
            } => Some((address, remote_id)),
            _ => None,
        })
        .await;
        assert_eq!((address.ip(), id), (announced.address, EndpointId(5)));
        assert_eq!(address.port(), server.port());
        servers_manager.delete(EndpointId(5)).await.unwrap();
        let id = wait(&mut events, |event| match event {
            PmEvent::Removed { remote_id, .. } => Some(remote_id),
            _ => None,
        })
        .await;
        assert_eq!(id, EndpointId(5));
    });
}

#[test]
fn the_initial_subflow_can_be_closed() {
    let net = TwoCables::new();
    let server = echo_server(&net.server, Transport::Mptcp, "10.0.1.2:0");
    inside(&net.client, async || {
        let manager = PathManager::new().unwrap();
        manager.add(&net.second_path()).await.unwrap();
        let mut events = PathManager::events().unwrap();
        let mut stream = connect(Transport::Mptcp, server, &ConnectOptions::default())
            .await
            .unwrap();
        let initial = own_end(&stream);
        exchange(&mut stream, 1000).await;
        wait(&mut events, |event| {
            matches!(event, PmEvent::SubflowEstablished(_)).then_some(())
        })
        .await;

        manager
            .delete_initial("10.0.2.1".parse().unwrap())
            .await
            .unwrap();
        manager.delete_initial(initial.ip()).await.unwrap();
        let closed = wait(&mut events, |event| match event {
            PmEvent::SubflowClosed(subflow) => Some(subflow),
            _ => None,
        })
        .await;
        assert_eq!(
            (closed.local, closed.local_id),
            (initial, EndpointId::INITIAL)
        );
        exchange(&mut stream, 1000).await;
        assert_eq!(
            established(&stream),
            ["10.0.2.1".parse::<IpAddr>().unwrap()]
        );
    });
}

#[test]
fn an_address_added_again_comes_back_into_a_running_connection() {
    let net = TwoCables::new();
    let server = echo_server(&net.server, Transport::Mptcp, "10.0.1.2:0");
    inside(&net.client, async || {
        let manager = PathManager::new().unwrap();
        let second = net.second_path();
        let first = EndpointSpec {
            address: "10.0.1.1".parse().unwrap(),
            interface: Some(net.client_interface("eth1")),
            ..second.clone()
        };
        manager.add(&first).await.unwrap();
        manager.add(&second).await.unwrap();
        let mut events = PathManager::events().unwrap();
        let mut stream = connect(Transport::Mptcp, server, &ConnectOptions::default())
            .await
            .unwrap();
        exchange(&mut stream, 1000).await;
        wait(&mut events, |event| {
            matches!(event, PmEvent::SubflowEstablished(_)).then_some(())
        })
        .await;

        for spec in [first, second] {
            let endpoints = manager.endpoints().await.unwrap();
            let id = endpoints
                .iter()
                .find(|e| e.address == spec.address)
                .unwrap()
                .id;
            manager.delete(id).await.unwrap();
            let closed = wait(&mut events, |event| match event {
                PmEvent::SubflowClosed(subflow) => Some(subflow),
                _ => None,
            })
            .await;
            assert_eq!(closed.local.ip(), spec.address);
            exchange(&mut stream, 1000).await;
            manager.add(&spec).await.unwrap();
            let opened = wait(&mut events, |event| match event {
                PmEvent::SubflowEstablished(subflow) => Some(subflow),
                _ => None,
            })
            .await;
            assert_eq!(
                (opened.local.ip(), opened.token),
                (spec.address, closed.token)
            );
            exchange(&mut stream, 1000).await;
        }
        assert_eq!(established(&stream).len(), 2);
    });
}

#[test]
fn a_port_of_its_own_makes_a_listener() {
    let netns = namespace();
    inside(&netns, async || {
        let mut events = PathManager::events().unwrap();
        let manager = PathManager::new().unwrap();
        let spec = EndpointSpec {
            address: "127.0.0.1".parse().unwrap(),
            port: Some(8443),
            interface: None,
            flags: EndpointFlags::SIGNAL,
            id: None,
        };
        manager.add(&spec).await.unwrap();
        let local = "127.0.0.1:8443".parse().unwrap();
        assert_eq!(
            events.next().await.unwrap(),
            PmEvent::ListenerCreated { local }
        );
        manager.flush().await.unwrap();
        assert_eq!(
            events.next().await.unwrap(),
            PmEvent::ListenerClosed { local }
        );
    });
}

#[test]
fn lost_events_are_told() {
    let netns = namespace();
    let server = echo_server(&netns, Transport::Mptcp, "127.0.0.1:0");
    inside(&netns, async || {
        let mut events = PathManager::events().unwrap();
        let error = loop {
            for _ in 0..200 {
                connect(Transport::Mptcp, server, &ConnectOptions::default())
                    .await
                    .unwrap();
            }
            if let Err(error) = events.next().await {
                break error;
            }
        };
        assert!(matches!(error, PmEventsError::Overrun), "{error:?}");
        events.next().await.unwrap();
    });
}

/// An IPv4 socket would never get one.
#[test]
fn a_connection_by_ipv4_gets_a_subflow_over_ipv6() {
    let net = TwoCables::new();
    for (netns, address) in [(&net.client, "fd00::1"), (&net.server, "fd00::2")] {
        ip(netns, &format!("address add {address}/64 dev eth2 nodad"));
    }
    ip(&net.server, "mptcp endpoint add fd00::2 signal");
    let server = echo_server(&net.server, Transport::Mptcp, "[::]:0");
    let by_v4 = SocketAddr::new("10.0.1.2".parse().unwrap(), server.port());
    inside(&net.client, async || {
        let mut events = PathManager::events().unwrap();
        let mut stream = connect(Transport::Mptcp, by_v4, &ConnectOptions::default())
            .await
            .unwrap();
        exchange(&mut stream, 1000).await;
        let joined = wait(&mut events, |event| match event {
            PmEvent::SubflowEstablished(subflow) => Some(subflow.local.ip()),
            _ => None,
        })
        .await;
        assert_eq!(joined, "fd00::1".parse::<IpAddr>().unwrap());
        exchange(&mut stream, 100_000).await;
    });
}
