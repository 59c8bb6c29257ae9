//! Calls go on when a link dies, and the other side sees one address all the time.

use std::net::{IpAddr, UdpSocket};
use std::time::Duration;

use lab::rig::Rig;
use lab::topology::{Node, Uplink, addresses};

use super::{all_links, rig, used};
use crate::support::{call, eventually};

const LASTS: Duration = Duration::from_millis(2400);

/// Twice what a machine that does nothing else needs at most; without the hub it would be seconds, or for ever.
/// `lab compare` measures it (`udp_gap_ms`).
const SILENCE: Duration = Duration::from_millis(600);

/// The link that is used dies in the midst of a call, and comes back after it.
#[track_caller]
fn goes_on(rig: &Rig, to: IpAddr, how: &str) {
    // The nearer link is the one that is used, if only there is something to use it for: links are compared while
    // datagrams move.
    let windows = rig.lab().namespace(Node::Windows);
    let socket = windows.run(|| UdpSocket::bind("0.0.0.0:0")).unwrap();
    let discard = (addresses::ORIGIN.ipv4(), 9);
    eventually("the first link is used", || {
        socket.send_to(b"anybody there?", discard).unwrap();
        (used(&rig.edge_status().unwrap()) == ["eth1"]).then_some(())
    });
    let link = rig.lab().link(Uplink::FIRST);
    let set = |on: bool| match how {
        "pulled" => link.carrier(on).unwrap(),
        _ => link.silence(!on),
    };
    let [caller, origin] = call(rig, to, LASTS, || set(false));
    set(true);
    println!("{to}, {how}: heard by the caller {caller:?}, by the origin {origin:?}");
    for heard in [&caller, &origin] {
        assert!(heard.silence <= SILENCE, "{how}: {heard:?}");
        assert_eq!(heard.sources.len(), 1, "{how}: {heard:?}");
        assert_eq!(heard.again, 0);
    }
    let hub = [addresses::HUB, addresses::HUB_SECOND].map(|it| it.both());
    let source = origin.sources.first().unwrap();
    assert!(hub.as_flattened().contains(source), "{source}");
    assert_eq!(*caller.sources.first().unwrap(), to);
    all_links(rig);
}

#[test]
fn a_call_goes_on_when_its_link_dies() {
    let rig = rig("");
    for to in addresses::ORIGIN.both() {
        for how in ["pulled", "silent"] {
            goes_on(&rig, to, how);
        }
    }
}

/// With two uplinks at once hardly a datagram is lost.
#[test]
fn a_call_that_is_sent_twice_loses_nothing() {
    let rig = rig("udp_duplicate = true");
    eventually("both links are used", || {
        (used(&rig.edge_status().unwrap()).len() == 2).then_some(())
    });
    let to = addresses::ORIGIN.ipv4().into();
    let link = rig.lab().link(Uplink::FIRST);
    let heard = call(&rig, to, LASTS, || link.silence(true));
    link.silence(false);
    println!("sent twice: {heard:?}");
    for heard in heard {
        assert!(heard.silence <= SILENCE / 2, "{heard:?}");
        assert_eq!(heard.again, 0, "{heard:?}");
    }
}
