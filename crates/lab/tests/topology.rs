//! The lab's machines reach each other as documented, and nothing of it outlives it. Needs root.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use lab::link::Profile;
use lab::topology::addresses;
use lab::topology::{Lab, LabError, LabSpec, Node, Uplink};
use netcfg::{InterfaceName, NetNs, Netlink, VethEnd};
use socket2::{Domain, Socket, Type};

const SOON: Duration = Duration::from_secs(10);

fn static_lab(profiles: &[&str]) -> Lab {
    let profiles = profiles.iter().map(|text| text.parse::<Profile>().unwrap());
    Lab::up(LabSpec::with_links(profiles).with_static_uplinks()).unwrap()
}

/// Answers every datagram with where it came from.
struct Echo {
    address: SocketAddr,
}

impl Echo {
    fn start(lab: &Lab, node: Node, address: IpAddr) -> Self {
        let socket = lab
            .namespace(node)
            .run(|| UdpSocket::bind((address, 0)).unwrap());
        let address = socket.local_addr().unwrap();
        std::thread::spawn(move || {
            let mut datagram = [0; 64];
            // Runs until the test's process ends.
            while let Ok((_, from)) = socket.recv_from(&mut datagram) {
                socket
                    .send_to(from.ip().to_string().as_bytes(), from)
                    .unwrap();
            }
        });
        Self { address }
    }
}

/// Sends from `source` to an echo: the sender's address as the echo sees it, and the shortest of
/// several round trips (others may have waited for a processor).
fn ask(lab: &Lab, node: Node, source: IpAddr, echo: &Echo) -> (IpAddr, Duration) {
    let socket = lab
        .namespace(node)
        .run(|| UdpSocket::bind((source, 0)).unwrap());
    socket.connect(echo.address).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(2)))
        .unwrap();
    let round = || {
        let mut answer = [0; 64];
        let start = Instant::now();
        socket.send(b"where do I come from?").unwrap();
        let length = socket.recv(&mut answer).ok()?;
        let seen = std::str::from_utf8(&answer[..length])
            .unwrap()
            .parse()
            .unwrap();
        Some((seen, start.elapsed()))
    };
    // The first one may be lost or late for want of a neighbour's address.
    let answers: Vec<(IpAddr, Duration)> = (0..8).filter_map(|_| round()).collect();
    assert!(
        answers.len() >= 7,
        "{source} → {}: {answers:?}",
        echo.address
    );
    *answers.iter().min_by_key(|(_, time)| *time).unwrap()
}

#[test]
fn windows_and_guest_see_each_other() {
    let lab = static_lab(&["vdsl"]);
    for (own, guest) in addresses::WINDOWS
        .both()
        .into_iter()
        .zip(addresses::GUEST.both())
    {
        let echo = Echo::start(&lab, Node::Guest, guest);
        let (seen, time) = ask(&lab, Node::Windows, own, &echo);
        assert_eq!(seen, own);
        assert!(time < Duration::from_millis(3), "{time:?}");
    }
    // Whatever else Windows wants goes to the guest, which forwards nothing by itself.
    block_on(async {
        let windows = Netlink::in_netns(lab.namespace(Node::Windows)).unwrap();
        let routes = windows.routes().await.unwrap();
        let gateways: HashSet<_> = routes
            .iter()
            .filter(|it| it.is_default())
            .filter_map(|it| it.gateway)
            .collect();
        assert_eq!(gateways, HashSet::from(addresses::GUEST.both()));
    });
}

#[test]
fn each_uplink_leads_to_the_servers_in_its_own_time() {
    let lab = static_lab(&["vdsl", "lte", "20mbit,90ms"]);
    for uplink in lab.uplinks() {
        let own = addresses::guest_uplink(uplink, false);
        for (node, server) in [
            (Node::Hub, addresses::HUB),
            (Node::Origin, addresses::ORIGIN),
        ] {
            for (own, server) in own.both().into_iter().zip(server.both()) {
                let echo = Echo::start(&lab, node, server);
                let (_, time) = ask(&lab, Node::Guest, own, &echo);
                let late = time.checked_sub(lab.link(uplink).profile().round_trip());
                let late = late.unwrap_or_else(|| panic!("{own} → {server}: {time:?}"));
                assert!(
                    late < Duration::from_millis(1),
                    "{own} → {server}: {time:?}"
                );
            }
        }
    }
}

#[test]
fn access_routers_translate_ipv4_and_route_ipv6() {
    let lab = static_lab(&["vdsl", "lte"]);
    for uplink in lab.uplinks() {
        let own = addresses::guest_uplink(uplink, false);
        let [v4, v6] = addresses::ORIGIN.both();
        let echo = Echo::start(&lab, Node::Origin, v4);
        let (seen, _) = ask(&lab, Node::Guest, own.ipv4().into(), &echo);
        assert_eq!(seen, IpAddr::from(addresses::access_to_core(uplink).ipv4()));
        let echo = Echo::start(&lab, Node::Origin, v6);
        let (seen, _) = ask(&lab, Node::Guest, own.ipv6().into(), &echo);
        assert_eq!(seen, IpAddr::from(own.ipv6()));
    }
}

#[test]
fn the_hub_has_a_second_address() {
    let lab = static_lab(&["vdsl"]);
    let own = addresses::guest_uplink(Uplink::FIRST, false);
    for (own, second) in own.both().into_iter().zip(addresses::HUB_SECOND.both()) {
        let echo = Echo::start(&lab, Node::Hub, second);
        ask(&lab, Node::Guest, own, &echo);
    }
}

#[test]
fn two_modems_of_one_make() {
    let profiles = [Profile::vdsl(), Profile::lte()];
    let spec = LabSpec {
        same_subnet: true,
        ..LabSpec::with_links(profiles).with_static_uplinks()
    };
    let lab = Lab::up(spec).unwrap();
    let echo = Echo::start(&lab, Node::Origin, addresses::ORIGIN.ipv4().into());
    for uplink in lab.uplinks() {
        let own = addresses::guest_uplink(uplink, true).ipv4();
        assert_eq!(own.octets()[..3], [192, 168, 8]);
        let (seen, time) = ask(&lab, Node::Guest, own.into(), &echo);
        assert_eq!(seen, IpAddr::from(addresses::access_to_core(uplink).ipv4()));
        assert!(time >= lab.link(uplink).profile().round_trip());
    }
}

#[test]
fn tcp_fills_the_link_that_it_is_bound_to() {
    const BYTES: u64 = 2_000_000;
    let lab = static_lab(&["50mbit,10ms", "50mbit,20ms"]);
    let [before_first, before_second] = bytes_down(&lab);
    let origin = SocketAddr::from((addresses::ORIGIN.ipv4(), 80));
    let listener = lab
        .namespace(Node::Origin)
        .run(|| TcpListener::bind(origin).unwrap());
    let own = addresses::guest_uplink(Uplink::SECOND, false).ipv4();
    let mut stream = lab.namespace(Node::Guest).run(|| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((own, 0)).into()).unwrap();
        socket.connect(&origin.into()).unwrap();
        TcpStream::from(socket)
    });
    let (mut served, peer) = listener.accept().unwrap();
    assert_eq!(
        peer.ip(),
        IpAddr::from(addresses::access_to_core(Uplink::SECOND).ipv4())
    );
    std::thread::spawn(move || served.write_all(&vec![7; BYTES as usize]).unwrap());
    let mut received = Vec::new();
    stream.read_to_end(&mut received).unwrap();
    assert_eq!(received.len() as u64, BYTES);
    let [first, second] = bytes_down(&lab);
    assert!(second - before_second > BYTES);
    assert!(first - before_first < BYTES / 100);
}

fn bytes_down(lab: &Lab) -> [u64; 2] {
    [Uplink::FIRST, Uplink::SECOND].map(|uplink| lab.link(uplink).counters().down.bytes)
}

#[test]
fn labs_do_not_disturb_each_other() {
    let (one, other) = (static_lab(&["vdsl"]), static_lab(&["vdsl"]));
    let origin = addresses::ORIGIN.ipv4().into();
    let own = addresses::guest_uplink(Uplink::FIRST, false).ipv4().into();
    let (one_echo, other_echo) = (
        Echo::start(&one, Node::Origin, origin),
        Echo::start(&other, Node::Origin, origin),
    );
    one.link(Uplink::FIRST).silence(true);
    let before = one.link(Uplink::FIRST).counters().up;
    ask(&other, Node::Guest, own, &other_echo);
    assert_eq!(one.link(Uplink::FIRST).counters().up.frames, before.frames);
    one.link(Uplink::FIRST).silence(false);
    drop(other);
    ask(&one, Node::Guest, own, &one_echo);
}

#[test]
fn programs_run_on_a_node_and_see_its_interfaces() {
    let lab = static_lab(&["vdsl", "lte"]);
    let output = lab
        .command(Node::Guest, "cat")
        .args([
            "/sys/class/net/eth2/address",
            "/proc/sys/net/ipv4/ip_forward",
        ])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "02:4d:50:00:00:02\n0\n"
    );
    // The mount was private to that program.
    assert!(!std::fs::exists("/sys/class/net/eth2/tun_flags").unwrap());
}

#[test]
fn uplinks_are_left_to_the_guest_unless_static() {
    let lab = Lab::up(LabSpec::default()).unwrap();
    assert_eq!(lab.nodes().len(), 7);
    for uplink in lab.uplinks() {
        assert!(lab.dhcp_server(uplink).is_some());
        assert!(lab.router_advertiser(uplink).is_some());
    }
    block_on(async {
        let guest = Netlink::in_netns(lab.namespace(Node::Guest)).unwrap();
        for uplink in lab.uplinks() {
            let name = addresses::uplink_interface(uplink);
            let link = guest.link(&name).await.unwrap().unwrap();
            assert_eq!(link.mac, Some(addresses::uplink_mac(uplink)));
            assert!(!link.up);
        }
        // Switched on, the first one gets its IPv6 address from the access router.
        let mut watch = guest.watch().unwrap();
        let eth1 = guest
            .link(&addresses::uplink_interface(Uplink::FIRST))
            .await
            .unwrap()
            .unwrap();
        guest.set_link_up(eth1.index).await.unwrap();
        let prefix = addresses::access(Uplink::FIRST, false).v6.trunc();
        let configured = async {
            loop {
                let all = guest.addresses().await.unwrap();
                let ours = |it: &netcfg::Address| match it.net.addr() {
                    IpAddr::V6(address) => prefix.contains(&address),
                    IpAddr::V4(_) => false,
                };
                if all.iter().any(|it| it.index == eth1.index && ours(it)) {
                    break;
                }
                watch.next().await.unwrap();
            }
        };
        tokio::time::timeout(SOON, configured)
            .await
            .expect("no router advertisement");
    });
}

#[test]
fn the_number_of_uplinks_is_limited() {
    for number in [0, usize::from(Uplink::MOST) + 1] {
        let spec = LabSpec::with_links(vec![Profile::vdsl(); number]);
        assert!(matches!(Lab::up(spec), Err(LabError::Uplinks { number: n }) if n == number));
    }
}

#[test]
fn a_lab_can_be_made_inside_a_runtime() {
    block_on(async {
        let lab = static_lab(&["vdsl"]);
        drop(lab);
    });
}

#[test]
fn a_dropped_lab_leaves_nothing() {
    let lab = Lab::up(LabSpec::default()).unwrap();
    let canaries = Canaries::tie(lab.nodes().into_iter().map(|node| lab.namespace(node)));
    drop(lab);
    canaries.await_death();
}

/// The test starts itself again as the process that gets killed.
#[test]
fn a_killed_process_leaves_nothing() {
    const ROLE: &str = "LAB_TEST_VICTIM";
    const NAME: &str = "a_killed_process_leaves_nothing";
    if std::env::var_os(ROLE).is_some() {
        be_the_victim();
    }
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", NAME, "--nocapture"])
        .env(ROLE, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    let fds = lines
        .map(Result::unwrap)
        .find_map(|it| Some(it.strip_prefix("fds ")?.to_owned()));
    let namespaces: Vec<NetNs> = fds
        .unwrap()
        .split(' ')
        .map(|fd| NetNs::open(format!("/proc/{}/fd/{fd}", victim.id())).unwrap())
        .collect();
    assert_eq!(namespaces.len(), 7);
    let canaries = Canaries::tie(namespaces.iter());
    drop(namespaces);
    victim.kill().unwrap();
    victim.wait().unwrap();
    canaries.await_death();
}

fn be_the_victim() -> ! {
    let lab = Lab::up(LabSpec::default()).unwrap();
    let fds: Vec<_> = lab
        .namespace_fds()
        .iter()
        .map(|(_, fd)| fd.as_raw_fd().to_string())
        .collect();
    println!("\nfds {}", fds.join(" "));
    loop {
        std::thread::park();
    }
}

/// A veth pair dies with the namespace of either end, so an end in a namespace of our own shows
/// when the kernel has really taken another one down.
struct Canaries(NetNs);

impl Canaries {
    fn tie<'a>(namespaces: impl Iterator<Item = &'a NetNs>) -> Self {
        let home = NetNs::new().unwrap();
        block_on(async {
            let netlink = Netlink::in_netns(&home).unwrap();
            for (number, namespace) in namespaces.enumerate() {
                let here = InterfaceName::new(&format!("canary{number}")).unwrap();
                let there = InterfaceName::new("canary").unwrap();
                let far = VethEnd::inside(namespace, &there);
                netlink
                    .create_veth(VethEnd::here(&here), far)
                    .await
                    .unwrap();
            }
        });
        let canaries = Self(home);
        assert!(!block_on(canaries.alive()).is_empty());
        canaries
    }

    async fn alive(&self) -> Vec<String> {
        let links = Netlink::in_netns(&self.0).unwrap().links().await.unwrap();
        let names = links.iter().map(|link| link.name.to_string());
        names.filter(|name| name.starts_with("canary")).collect()
    }

    fn await_death(&self) {
        block_on(async {
            let mut watch = Netlink::in_netns(&self.0).unwrap().watch().unwrap();
            let death = async {
                while !self.alive().await.is_empty() {
                    watch.next().await.unwrap();
                }
            };
            let died = tokio::time::timeout(SOON, death).await;
            assert!(died.is_ok(), "still alive: {:?}", self.alive().await);
        });
    }
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(work)
}
