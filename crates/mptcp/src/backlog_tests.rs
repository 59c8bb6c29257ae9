use std::net::SocketAddr;

use super::*;
use crate::abi::Fields;

const MEGABIT: u64 = 125_000;

fn subflow(megabits: u64, round_trip: u64, retransmitted: u64) -> SubflowInfo {
    let any: SocketAddr = "192.0.2.1:1".parse().unwrap();
    SubflowInfo {
        pacing_rate: megabits * MEGABIT,
        delivery_rate: megabits * MEGABIT,
        min_rtt: Duration::from_millis(round_trip),
        state: TcpState::Established,
        bytes_sent: 1_000_000,
        bytes_retrans: retransmitted,
        ..SubflowInfo::from_tcp_info(any, any, Fields(&[]))
    }
}

fn connection(subflows: Vec<SubflowInfo>) -> ConnectionInfo {
    let any: SocketAddr = "192.0.2.1:1".parse().unwrap();
    ConnectionInfo::from_mptcp_info(any, any, Fields(&[]), subflows)
}

/// In milliseconds of what the subflows send together.
fn span_ms(subflows: Vec<SubflowInfo>) -> u64 {
    let info = connection(subflows);
    let rate = total_rate(&info);
    (wanted(&info, rate) as f64 * 1000.0 / rate) as u64
}

#[test]
fn the_slowest_path_says_how_much_may_wait() {
    // One and a half round trips of 40 ms, 13 ms for a burst at 40 Mbit/s, 10 ms for the program.
    assert_eq!(span_ms(vec![subflow(35, 15, 0), subflow(40, 40, 0)]), 83);
    // A burst takes 104 ms at 5 Mbit/s.
    assert_eq!(span_ms(vec![subflow(35, 15, 0), subflow(5, 15, 0)]), 137);
    assert_eq!(span_ms(vec![subflow(35, 15, 0)]), 47);
}

#[test]
fn losses_make_it_twice_as_many_round_trips() {
    let lossy = span_ms(vec![subflow(35, 15, 0), subflow(20, 300, 5_000)]);
    let clean = span_ms(vec![subflow(35, 15, 0), subflow(20, 300, 500)]);
    assert_eq!(lossy - clean, 450);
}

#[test]
fn who_has_not_been_measured_does_not_count() {
    let with_new = vec![subflow(35, 15, 0), subflow(1000, 0, 0), subflow(0, 500, 0)];
    assert_eq!(
        total_rate(&connection(with_new)),
        total_rate(&connection(vec![subflow(35, 15, 0)]))
    );
    assert_eq!(total_rate(&connection(Vec::new())), 0.0);
}

/// A path that is taken in after a while gets a burst at once, and the quick ones are not to wait for that.
#[test]
fn the_first_data_on_a_path_counts_before_it_was_acknowledged() {
    let unused = || SubflowInfo {
        delivery_rate: 0,
        ..subflow(1, 300, 0)
    };
    let begun = SubflowInfo {
        unacked: 10,
        ..unused()
    };
    assert_eq!(span_ms(vec![subflow(35, 15, 0), unused()]), 47);
    // One and a half round trips of 300 ms, 524 ms for a burst at 1 Mbit/s, 10 ms for the program.
    assert_eq!(span_ms(vec![subflow(35, 15, 0), begun]), 984);
}

/// It has the pace of a first segment, at which a burst would take a second.
#[test]
fn one_that_has_timed_out_does_not_count() {
    let silent = SubflowInfo {
        retransmits: 1,
        ..subflow(1, 15, 0)
    };
    assert_eq!(span_ms(vec![subflow(35, 15, 0), silent]), 47);
}

#[test]
fn a_rate_is_forgotten_slowly() {
    assert!(remembered(LOOK_EVERY) > 0.99);
    assert_eq!(remembered(FORGET_HALF), 0.5);
}

/// At its start BBR's pace is almost three times the bandwidth.
#[test]
fn what_was_delivered_counts_and_not_the_pace() {
    let starting = SubflowInfo {
        pacing_rate: 100 * MEGABIT,
        ..subflow(35, 15, 0)
    };
    assert_eq!(
        total_rate(&connection(vec![starting])),
        total_rate(&connection(vec![subflow(35, 15, 0)]))
    );
}
