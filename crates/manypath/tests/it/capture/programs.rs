//! Debian's own programs whose traffic is not TCP, with everything captured and nothing else set: they work as
//! they do without us. (`dig` is among the tests of names.)

use std::net::IpAddr;

use lab::rig::Rig;
use lab::topology::{Uplink, addresses};

use crate::support::{
    TimeServer, clock_error, eventually, iperf3, ping, spec, traceroute, wait_for_ipv6,
};

/// Whom a packet meets on its way to the origin.
fn way(to: IpAddr) -> [String; 4] {
    let uplink = Uplink::FIRST;
    let hops = [
        addresses::GUEST,
        addresses::access(uplink, false),
        addresses::core_to_access(uplink),
        addresses::ORIGIN,
    ];
    hops.map(|hop| hop.both().map(|ip| ip.to_string())[usize::from(to.is_ipv6())].clone())
}

#[test]
fn ping_traceroute_chrony_and_iperf3() {
    let rig = Rig::up(spec()).unwrap();
    let _time = TimeServer::start(rig.lab());
    wait_for_ipv6(&rig);
    for origin in addresses::ORIGIN.both() {
        eventually("all pings come back", || ping(&rig, origin).then_some(()));
        // As Windows' tracert does it, and as others do.
        for how in [&["-I"][..], &[][..]] {
            assert_eq!(traceroute(&rig, origin, how), way(origin), "{how:?}");
        }
        let error = clock_error(&rig, origin);
        // It is one clock; what it takes for the other is made on the way.
        assert!(error.abs() < 0.5, "{origin}: {error} s");
        let (rate, lost) = iperf3(&rig, origin, &[]);
        assert!(rate > 2e6 && lost < 30.0, "{rate} bit/s, {lost} % lost");
    }
}
