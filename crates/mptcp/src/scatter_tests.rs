use std::net::{TcpListener, TcpStream};

use super::*;
use crate::abi::Fields;
use crate::info::SubflowInfo;

/// Paths with such least and present round trips, in ms.
fn unlike(round_trips: &[(u64, u64)]) -> Option<Unlike> {
    let any = "192.0.2.1:1".parse().unwrap();
    let subflow = |&(least, now)| SubflowInfo {
        min_rtt: Duration::from_millis(least),
        rtt: Duration::from_millis(now),
        state: TcpState::Established,
        ..SubflowInfo::from_tcp_info(any, any, Fields(&[]))
    };
    let subflows = round_trips.iter().map(subflow).collect();
    let none = Fields(&[]);
    Unlike::of(&ConnectionInfo::from_mptcp_info(any, any, none, subflows))
}

#[test]
fn paths_are_unlike_by_their_round_trips() {
    assert!(unlike(&[(15, 15), (40, 40)]).is_some());
    assert!(unlike(&[(300, 310), (20, 20), (15, 15)]).is_some());
    assert!(unlike(&[(15, 15), (22, 22)]).is_none(), "hardly slower");
    assert!(unlike(&[(15, 15)]).is_none() && unlike(&[]).is_none());
    assert!(unlike(&[(0, 40), (40, 40)]).is_none(), "never measured");
}

#[test]
fn a_busy_path_is_no_quicker_than_a_slower_one() {
    let is_free = |round_trips: &[_]| unlike(round_trips).unwrap().quickest_is_free();
    assert!(is_free(&[(15, 19), (40, 41)]));
    assert!(!is_free(&[(15, 24), (40, 41)]));
    assert!(is_free(&[(15, 15), (40, 90)]));
}

#[test]
fn one_path_scatters_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    assert!(!Scatter::of(&client).is_likely(&client));
}
