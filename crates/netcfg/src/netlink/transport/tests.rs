use std::net::Ipv4Addr;

use netlink_packet_route::AddressFamily;
use netlink_packet_route::route::{RouteAttribute, RouteMessage, RouteType};

use super::*;

/// More routes than fit the few datagrams that the kernel prepares at once.
const ROUTES: u16 = 500;

#[tokio::test]
async fn an_answer_that_nobody_read_does_not_disturb_the_next_one() {
    let mut transport = Transport::open(&NetNs::new().unwrap()).unwrap();
    for number in 0..ROUTES {
        let route = RouteNetlinkMessage::NewRoute(blackhole(number));
        transport
            .change(route, netlink_packet_core::NLM_F_CREATE)
            .await
            .unwrap();
    }
    let mut every = RouteMessage::default();
    every.header.address_family = AddressFamily::Inet;
    let every = RouteNetlinkMessage::GetRoute(every);

    // As if the future were dropped at its first wait for an answer.
    transport.send(every.clone(), NLM_F_DUMP).await.unwrap();
    let error = transport
        .change(RouteNetlinkMessage::DelRoute(blackhole(ROUTES)), 0)
        .await;
    assert_eq!(error.unwrap_err().errno(), Some(libc::ESRCH));

    transport.send(every.clone(), NLM_F_DUMP).await.unwrap();
    assert_eq!(
        transport.dump(every).await.unwrap().len(),
        usize::from(ROUTES)
    );
}

fn blackhole(number: u16) -> RouteMessage {
    let [high, low] = number.to_be_bytes();
    let mut route = RouteMessage::default();
    route.header.address_family = AddressFamily::Inet;
    route.header.destination_prefix_length = 32;
    route.header.table = 9;
    route.header.kind = RouteType::BlackHole;
    let destination = Ipv4Addr::new(10, 0, high, low).into();
    route
        .attributes
        .push(RouteAttribute::Destination(destination));
    route
}
