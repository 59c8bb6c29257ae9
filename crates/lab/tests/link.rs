//! The emulated link does what its profile says, measured with real sockets at both ends.
//! Needs root.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod stamped;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use ipnet::IpNet;
use lab::link::{DirectionCounters, Link, LinkEnd, LinkHandle, LinkSpec, Profile};
use netcfg::{Address, InterfaceName, NetNs, Netlink, Sysctl};
use stamped::{Arrival, Stamped, median};

const GUEST: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const ACCESS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const FULL_FRAME: usize = 1514;
const SMALL_FRAME: usize = 100;
const QUIET: Duration = Duration::from_millis(500);

/// A link between two empty namespaces, one UDP socket at each end.
struct Bench {
    guest: NetNs,
    access: NetNs,
    guest_socket: Stamped,
    access_socket: Stamped,
    link: Link,
}

#[derive(Debug, Clone, Copy)]
enum Way {
    Down,
    Up,
}

impl Bench {
    fn new(profile: &str) -> Self {
        Self::with_mtu(profile, 1500)
    }

    fn with_mtu(profile: &str, mtu: u16) -> Self {
        let namespace = || {
            let namespace = NetNs::new().unwrap();
            // IPv6 sends frames of its own, which would be counted.
            let off = || {
                Sysctl::new("net.ipv6.conf.default.disable_ipv6")
                    .unwrap()
                    .write(1)
            };
            namespace.run(off).unwrap();
            namespace
        };
        let (guest, access) = (namespace(), namespace());
        let end = |namespace: &NetNs, name| LinkEnd {
            namespace: namespace.clone(),
            name: InterfaceName::new(name).unwrap(),
            mac: None,
        };
        let link = Link::start(&LinkSpec {
            guest: end(&guest, "eth1"),
            access: end(&access, "lan"),
            profile: "1gbit,0ms".parse().unwrap(),
            mtu,
        })
        .unwrap();
        set_up(&guest, "eth1", GUEST);
        set_up(&access, "lan", ACCESS);
        let guest_socket = Stamped::bind(&guest, (GUEST, 0).into());
        let access_socket = Stamped::bind(&access, (ACCESS, 0).into());
        let bench = Self {
            guest,
            access,
            guest_socket,
            access_socket,
            link,
        };
        bench.resolve_neighbours();
        bench.link().set_profile(profile.parse().unwrap());
        bench
    }

    /// Afterwards no ARP frame is on the link, and both ends' time stamps are switched on.
    fn resolve_neighbours(&self) {
        for way in [Way::Down, Way::Up, Way::Down, Way::Up] {
            let (from, to) = self.ends(way);
            let deadline = Instant::now() + Duration::from_secs(10);
            loop {
                from.send(to.address(), u64::MAX, SMALL_FRAME).unwrap();
                if !to.receive_up_to(1, Duration::from_millis(300)).is_empty() {
                    break;
                }
                assert!(Instant::now() < deadline, "nothing passes {way:?}");
            }
        }
    }

    fn ends(&self, way: Way) -> (&Stamped, &Stamped) {
        match way {
            Way::Down => (&self.access_socket, &self.guest_socket),
            Way::Up => (&self.guest_socket, &self.access_socket),
        }
    }

    fn link(&self) -> &LinkHandle {
        self.link.handle()
    }

    fn counters(&self, way: Way) -> DirectionCounters {
        match way {
            Way::Down => self.link().counters().down,
            Way::Up => self.link().counters().up,
        }
    }

    /// Sends datagrams one after another and returns what arrives.
    fn send_spaced(&self, way: Way, frames: u64, frame: usize, gap: Duration) -> Vec<Arrival> {
        let (from, to) = self.ends(way);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let start = Instant::now();
                for number in 0..frames {
                    let due = start + gap * number as u32;
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    from.send(to.address(), number, frame).unwrap();
                }
            });
            to.receive_up_to(frames as usize, QUIET)
        })
    }

    /// Sends half as much again as the link carries, for `time`.
    fn saturate(&self, way: Way, time: Duration) -> Vec<Arrival> {
        let profile = self.link().profile();
        let direction = match way {
            Way::Down => profile.down,
            Way::Up => profile.up,
        };
        let gap = direction.rate.transmission(FULL_FRAME) * 2 / 3;
        let frames = time.as_nanos() / gap.as_nanos();
        self.send_spaced(way, frames as u64, FULL_FRAME, gap)
    }

    fn has_carrier(&self, namespace: &NetNs, name: &str) -> bool {
        block_on(async {
            let netlink = Netlink::in_netns(namespace).unwrap();
            let name = InterfaceName::new(name).unwrap();
            netlink.link(&name).await.unwrap().unwrap().carrier
        })
    }
}

/// Wire bits per second from the first to the last arrival, the first 300 ms left out: by then the
/// queue has filled, and a sender that is held up leaves no gap.
fn rate(arrivals: &[Arrival]) -> f64 {
    let begin = arrivals[0].at + Duration::from_millis(300);
    let steady: Vec<_> = arrivals
        .iter()
        .filter(|arrival| arrival.at >= begin)
        .collect();
    let (first, last) = (steady[0], steady[steady.len() - 1]);
    let bytes: usize = steady[1..]
        .iter()
        .map(|a| a.length + stamped::HEADERS + 24)
        .sum();
    bytes as f64 * 8.0 / (last.at - first.at).as_secs_f64()
}

fn assert_rate(profile: &str, way: Way, expected: f64) {
    let bench = Bench::new(&format!("{profile},queue=400ms"));
    let before = bench.counters(way);
    let arrivals = bench.saturate(way, Duration::from_millis(1700));
    let measured = rate(&arrivals);
    println!(
        "{profile} {way:?}: {:.3} of {:.1} Mb/s",
        measured / expected,
        expected / 1e6
    );
    assert!(
        (0.98..=1.02).contains(&(measured / expected)),
        "{measured} of {expected}"
    );
    let after = bench.counters(way);
    assert_eq!(after.frames - before.frames, arrivals.len() as u64);
    assert_eq!(
        after.bytes - before.bytes,
        (arrivals.len() * FULL_FRAME) as u64
    );
    assert!(after.dropped_queue > 0);
}

#[test]
fn rate_of_vdsl_down() {
    assert_rate("vdsl", Way::Down, 35e6);
}

#[test]
fn rate_of_vdsl_up() {
    assert_rate("vdsl", Way::Up, 10e6);
}

#[test]
fn rate_of_lte_down() {
    assert_rate("lte", Way::Down, 40e6);
}

#[test]
fn rate_of_lte_up() {
    assert_rate("lte", Way::Up, 20e6);
}

fn assert_delay(bench: &Bench, way: Way, expected: Duration) {
    let arrivals = bench.send_spaced(way, 150, SMALL_FRAME, Duration::from_millis(3));
    assert_eq!(arrivals.len(), 150);
    let measured = median(arrivals.iter().map(|arrival| arrival.delay).collect());
    println!(
        "{} {way:?}: {measured:?} of {expected:?}",
        bench.link().profile()
    );
    assert!(
        measured.abs_diff(expected) < Duration::from_millis(1),
        "{measured:?}"
    );
}

#[test]
fn delay_of_the_standard_links() {
    for (profile, one_way) in [("vdsl", 7500), ("lte", 20_000), ("100mbit,300ms", 150_000)] {
        let bench = Bench::new(profile);
        assert_delay(&bench, Way::Down, Duration::from_micros(one_way));
        assert_delay(&bench, Way::Up, Duration::from_micros(one_way));
    }
}

#[test]
fn a_new_profile_holds_at_once() {
    let bench = Bench::new("100mbit,10ms");
    assert_delay(&bench, Way::Down, Duration::from_millis(5));
    bench.link().set_profile("100mbit,80ms".parse().unwrap());
    assert_delay(&bench, Way::Down, Duration::from_millis(40));
    bench
        .link()
        .set_profile("5mbit,10ms,queue=400ms".parse().unwrap());
    let measured = rate(&bench.saturate(Way::Down, Duration::from_millis(1700)));
    assert!((4.9e6..=5.1e6).contains(&measured), "{measured}");
}

#[test]
fn jitter_spreads_the_delay_and_keeps_order() {
    let bench = Bench::new("100mbit,60ms,jitter=10ms");
    let arrivals = bench.send_spaced(Way::Down, 250, SMALL_FRAME, Duration::from_millis(5));
    let (least, most) = (
        arrivals.iter().map(|arrival| arrival.delay).min().unwrap(),
        arrivals.iter().map(|arrival| arrival.delay).max().unwrap(),
    );
    assert!(least >= Duration::from_millis(20), "{least:?}");
    assert!(least < Duration::from_millis(26), "{least:?}");
    assert!(most > Duration::from_millis(34), "{most:?}");
    assert!(arrivals.is_sorted_by_key(|arrival| arrival.number));
}

#[test]
fn loss_is_the_share_that_was_asked_for() {
    let bench = Bench::new("100mbit,2ms,loss=10%");
    let arrivals = bench.send_spaced(Way::Up, 1000, SMALL_FRAME, Duration::from_micros(200));
    let lost = bench.counters(Way::Up).dropped_loss;
    assert_eq!(arrivals.len() as u64 + lost, 1000);
    // Four standard deviations either way.
    assert!((62..=138).contains(&lost), "{lost}");
    assert_eq!(bench.counters(Way::Down).dropped_loss, 0);
}

#[test]
fn reordering_reorders_and_loses_nothing() {
    let bench = Bench::new("20mbit,10ms,queue=1s,reorder=5%");
    let arrivals = bench.send_spaced(Way::Down, 400, FULL_FRAME, Duration::from_micros(500));
    assert_eq!(arrivals.len(), 400);
    let overtaken = arrivals
        .windows(2)
        .filter(|pair| pair[0].number > pair[1].number)
        .count();
    assert!((5..=40).contains(&overtaken), "{overtaken}");
}

#[test]
fn the_queue_is_bounded() {
    // A frame takes 12.3 ms; 13 of them may wait.
    let bench = Bench::new("1mbit,2ms,queue=20kb");
    let arrivals = bench.send_spaced(Way::Up, 100, FULL_FRAME, Duration::ZERO);
    let dropped = bench.counters(Way::Up).dropped_queue;
    assert_eq!(arrivals.len() as u64 + dropped, 100);
    assert!((14..=40).contains(&arrivals.len()), "{}", arrivals.len());
    let first: Vec<_> = arrivals[..14]
        .iter()
        .map(|arrival| arrival.number)
        .collect();
    assert!(
        first.is_sorted(),
        "the newest are dropped, not the oldest: {first:?}"
    );
    assert_eq!(first[0], 0);
}

#[test]
fn silence_drops_everything_and_keeps_the_carrier() {
    let bench = Bench::new("100mbit,2ms");
    bench.link().silence(true);
    for way in [Way::Down, Way::Up] {
        assert_eq!(
            bench
                .send_spaced(way, 20, SMALL_FRAME, Duration::ZERO)
                .len(),
            0
        );
        assert_eq!(bench.counters(way).dropped_silence, 20);
    }
    assert!(bench.has_carrier(&bench.guest, "eth1"));
    assert!(bench.has_carrier(&bench.access, "lan"));
    bench.link().silence(false);
    for way in [Way::Down, Way::Up] {
        assert_eq!(
            bench
                .send_spaced(way, 20, SMALL_FRAME, Duration::ZERO)
                .len(),
            20
        );
    }
}

#[test]
fn a_pulled_plug_is_seen_by_the_guest_and_empties_the_link() {
    let bench = Bench::new("100mbit,1s");
    block_on(async {
        let netlink = Netlink::in_netns(&bench.guest).unwrap();
        let mut watch = netlink.watch().unwrap();
        let name = InterfaceName::new("eth1").unwrap();
        for on in [false, true] {
            bench.link().carrier(on).unwrap();
            let seen = async {
                while netlink.link(&name).await.unwrap().unwrap().carrier != on {
                    watch.next().await.unwrap();
                }
            };
            tokio::time::timeout(Duration::from_secs(5), seen)
                .await
                .expect("no notification");
        }
    });
    let (from, to) = bench.ends(Way::Down);
    for number in 0..20 {
        from.send(to.address(), number, SMALL_FRAME).unwrap();
    }
    bench.link().carrier(false).unwrap();
    assert!(bench.has_carrier(&bench.access, "lan"));
    bench.link().carrier(true).unwrap();
    from.send(to.address(), 99, SMALL_FRAME).unwrap();
    let arrivals = to.receive_up_to(2, Duration::from_millis(1500));
    assert_eq!(
        arrivals
            .iter()
            .map(|arrival| arrival.number)
            .collect::<Vec<_>>(),
        [99]
    );
    assert_eq!(bench.counters(Way::Down).dropped_carrier, 20);
}

/// With offloads on, the kernel would hand out frames larger than the MTU or without checksums.
#[test]
fn tcp_passes_whole_in_frames_of_the_mtu() {
    const BYTES: usize = 3_000_000;
    let bench = Bench::with_mtu("100mbit,4ms", 1400);
    let before = bench.counters(Way::Down);
    let listener = bench.access.run(|| TcpListener::bind((ACCESS, 0)).unwrap());
    let address: SocketAddr = listener.local_addr().unwrap();
    let pattern: Vec<u8> = (0..BYTES).map(|at| (at / 256 + at) as u8).collect();
    let received = std::thread::scope(|scope| {
        scope.spawn(|| listener.accept().unwrap().0.write_all(&pattern).unwrap());
        let mut stream = bench.guest.run(|| TcpStream::connect(address).unwrap());
        let mut received = Vec::new();
        stream.read_to_end(&mut received).unwrap();
        received
    });
    assert!(received == pattern);
    let after = bench.counters(Way::Down);
    let (frames, bytes) = (after.frames - before.frames, after.bytes - before.bytes);
    // IPv4, TCP and time stamps leave 1348 of 1400 bytes.
    assert!(frames as usize >= BYTES / 1348, "{frames}");
    assert!(
        bytes / frames > 1300 && bytes <= frames * 1414,
        "{bytes} bytes in {frames} frames"
    );
}

#[test]
fn a_dropped_link_leaves_nothing() {
    let Bench {
        guest,
        access,
        link,
        guest_socket,
        access_socket,
    } = Bench::new("vdsl");
    let handle = link.handle().clone();
    drop(link);
    assert!(matches!(
        handle.carrier(false),
        Err(lab::link::LinkError::Gone)
    ));
    for namespace in [&guest, &access] {
        let links =
            block_on(async { Netlink::in_netns(namespace).unwrap().links().await.unwrap() });
        let names: Vec<_> = links.iter().map(|link| link.name.as_str()).collect();
        assert!(
            links
                .iter()
                .all(|link| link.loopback || link.name.as_str() == "sit0"),
            "{names:?}"
        );
    }
    drop((guest_socket, access_socket));
}

#[test]
fn profiles_come_from_serde_too() {
    let profile: Profile = serde_json::from_str("\"20mbit,300ms,loss=0.5%\"").unwrap();
    assert_eq!(
        serde_json::to_string(&profile).unwrap(),
        "\"20mbit,300ms,loss=0.5%\""
    );
    assert!(serde_json::from_str::<Profile>("\"fast\"").is_err());
}

fn set_up(namespace: &NetNs, name: &str, address: Ipv4Addr) {
    block_on(async {
        let netlink = Netlink::in_netns(namespace).unwrap();
        let name = InterfaceName::new(name).unwrap();
        let index = netlink.link(&name).await.unwrap().unwrap().index;
        netlink.set_link_up(index).await.unwrap();
        let net = IpNet::new(address.into(), 24).unwrap();
        let _ = netlink
            .add_address(&Address::new(index, net))
            .await
            .unwrap();
    });
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(work)
}
