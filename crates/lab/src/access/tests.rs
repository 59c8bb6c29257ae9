//! The services against Manypath's DHCP client and the kernel's own IPv6 host, in namespaces.

use std::net::Ipv4Addr;
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, Instant};

use netcfg::dhcp::{Client, ClientConfig, Lease};
use netcfg::{InterfaceIndex, MacAddress, NetNs};
use serde_json::Value;
use tokio::sync::watch;

use super::{DhcpMode, DhcpServer, DhcpServerConfig, RouterAdvertiser, RouterConfig};

/// For what has to happen but may take its time on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
const MAC: MacAddress = MacAddress([2, 0x4d, 0x50, 0, 0, 2]);
const FIRST: Ipv4Addr = Ipv4Addr::new(10, 88, 0, 50);
const SECOND: Ipv4Addr = Ipv4Addr::new(10, 88, 0, 90);

/// Two namespaces and a veth pair: `c0` at the host, `s0` at the network; both are up.
struct Wire {
    host: NetNs,
    network: NetNs,
    host_end: InterfaceIndex,
    network_end: InterfaceIndex,
}

impl Wire {
    fn new() -> Self {
        let host = NetNs::new().unwrap();
        let network = NetNs::new().unwrap();
        let peer = format!(
            "/proc/{}/fd/{}",
            std::process::id(),
            network.as_fd().as_raw_fd()
        );
        let mac = MAC.to_string();
        ip(
            &host,
            &[
                "link", "add", "c0", "address", &mac, "type", "veth", "peer", "name", "s0",
            ],
        );
        ip(&host, &["link", "set", "s0", "netns", &peer]);
        // As on a box that routes for others and is a host towards its providers.
        sysctl(&host, "net/ipv6/conf/all/forwarding", "1");
        sysctl(&host, "net/ipv6/conf/c0/accept_ra", "2");
        ip(&network, &["link", "set", "s0", "up"]);
        ip(&host, &["link", "set", "c0", "up"]);
        let (host_end, network_end) = (index(&host, "c0"), index(&network, "s0"));
        Self {
            host,
            network,
            host_end,
            network_end,
        }
    }

    fn serve(&self, lease: Duration) -> DhcpServer {
        let config = DhcpServerConfig {
            interface: self.network_end,
            server: "10.88.0.1/24".parse().unwrap(),
            pool: FIRST..=FIRST,
            lease,
            gateway: Some(Ipv4Addr::new(10, 88, 0, 1)),
            dns_servers: vec![Ipv4Addr::new(10, 88, 0, 2), Ipv4Addr::new(10, 88, 0, 3)],
            domain: Some("lab.test".to_owned()),
            mtu: Some(1420),
        };
        DhcpServer::start(&self.network, config).unwrap()
    }

    fn with_client<F: Future<Output = ()>>(&self, test: impl FnOnce(Client, Leases) -> F + Send) {
        self.host.run(|| {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            runtime.enable_all().build().unwrap().block_on(async {
                let started = Client::start(self.host_end, MAC, ClientConfig::default());
                let (client, leases) = started.unwrap();
                client.set_carrier(true);
                test(client, Leases(leases)).await;
            });
        });
    }

    fn router(&self, interval: Duration) -> RouterConfig {
        RouterConfig {
            interface: self.network_end,
            prefix: "2001:db8:88::/64".parse().unwrap(),
            router_lifetime: Duration::from_secs(1800),
            prefix_lifetime: Duration::from_secs(3600),
            mtu: Some(1400),
            dns_servers: vec!["2001:db8:88::53".parse().unwrap()],
            interval,
        }
    }

    fn host_has_global_address(&self) -> bool {
        let links = ip_json(
            &self.host,
            &["-6", "addr", "show", "dev", "c0", "scope", "global"],
        );
        let addresses = links[0]["addr_info"].as_array();
        addresses.is_some_and(|addresses| {
            addresses.iter().any(|address| {
                let local = address["local"].as_str().unwrap_or_default();
                local.starts_with("2001:db8:88:") && address["tentative"].is_null()
            })
        })
    }

    fn host_has_default_route(&self) -> bool {
        let routes = ip_json(&self.host, &["-6", "route", "show", "default"]);
        routes
            .as_array()
            .is_some_and(|routes| routes.iter().any(|route| route["protocol"] == "ra"))
    }
}

fn ip(netns: &NetNs, arguments: &[&str]) -> String {
    let output = netns.command("ip").args(arguments).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn ip_json(netns: &NetNs, arguments: &[&str]) -> Value {
    let output = ip(netns, &[&["-j"], arguments].concat());
    serde_json::from_str(&output).unwrap_or(Value::Null)
}

fn index(netns: &NetNs, name: &str) -> InterfaceIndex {
    let link = &ip_json(netns, &["link", "show", name])[0];
    InterfaceIndex(u32::try_from(link["ifindex"].as_u64().unwrap()).unwrap())
}

fn sysctl(netns: &NetNs, path: &str, value: &str) {
    netns.run(|| std::fs::write(format!("/proc/sys/{path}"), value).unwrap());
}

/// Asks again and again; `ip` gives no event.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

struct Leases(watch::Receiver<Option<Lease>>);

impl Leases {
    async fn wait(&mut self, wanted: impl FnMut(&Option<Lease>) -> bool) -> Option<Lease> {
        let waiting = self.0.wait_for(wanted);
        let lease = tokio::time::timeout(PATIENCE, waiting)
            .await
            .expect("in time");
        lease.expect("the client runs").clone()
    }

    async fn lease(&mut self) -> Lease {
        self.wait(Option::is_some).await.unwrap()
    }

    async fn lost(&mut self) {
        self.wait(Option::is_none).await;
    }

    async fn renewed(&mut self, earlier: &Lease) -> Lease {
        let renewed = |lease: &Option<Lease>| {
            lease
                .as_ref()
                .is_some_and(|lease| lease.obtained > earlier.obtained)
        };
        self.wait(renewed).await.unwrap()
    }
}

#[test]
fn a_lease_has_what_the_server_was_told() {
    let wire = Wire::new();
    let server = wire.serve(Duration::from_secs(600));
    let start = Instant::now();
    wire.with_client(async |client, mut leases| {
        let lease = leases.lease().await;
        assert!(
            start.elapsed() < Duration::from_secs(1),
            "{:?}",
            start.elapsed()
        );
        assert_eq!(lease.address, "10.88.0.50/24".parse().unwrap());
        assert_eq!(lease.gateways, [Ipv4Addr::new(10, 88, 0, 1)]);
        assert_eq!(
            lease.dns_servers,
            [Ipv4Addr::new(10, 88, 0, 2), Ipv4Addr::new(10, 88, 0, 3)]
        );
        assert_eq!(
            (lease.domain.as_deref(), lease.mtu),
            (Some("lab.test"), Some(1420))
        );
        assert_eq!(lease.duration, Some(Duration::from_secs(600)));
        client.release().await;
    });
    until("release", || server.counters().releases == 1);
    let counters = server.counters();
    assert_eq!(
        (counters.discovers, counters.offers, counters.acks),
        (1, 1, 1)
    );
}

#[test]
fn a_lease_of_two_seconds_is_renewed_again_and_again() {
    let wire = Wire::new();
    let server = wire.serve(Duration::from_secs(2));
    wire.with_client(async |_client, mut leases| {
        let mut lease = leases.lease().await;
        for _ in 0..3 {
            let next = leases.renewed(&lease).await;
            assert!(
                next.obtained < lease.expires().unwrap(),
                "renewed before the end"
            );
            assert_eq!(next.address, lease.address);
            lease = next;
        }
    });
    let counters = server.counters();
    assert!(counters.renewals >= 3, "{counters:?}");
    assert_eq!((counters.discovers, counters.naks), (1, 0), "{counters:?}");
}

#[test]
fn a_new_pool_refuses_the_renewal_and_gives_a_new_address() {
    let wire = Wire::new();
    let server = wire.serve(Duration::from_secs(2));
    wire.with_client(async |_client, mut leases| {
        assert_eq!(leases.lease().await.address.addr(), FIRST);
        server.set_pool(SECOND..=SECOND);
        leases
            .wait(|lease| {
                lease
                    .as_ref()
                    .is_some_and(|lease| lease.address.addr() == SECOND)
            })
            .await;
    });
    let counters = server.counters();
    assert_eq!((counters.naks, counters.discovers), (1, 2), "{counters:?}");
}

#[test]
fn a_server_that_falls_silent_costs_the_lease_at_its_end_and_gives_it_back_later() {
    let wire = Wire::new();
    let server = wire.serve(Duration::from_secs(2));
    wire.with_client(async |_client, mut leases| {
        let lease = leases.lease().await;
        server.set_mode(DhcpMode::Silent);
        let last = leases.wait(|_| true).await.unwrap_or(lease);
        leases.lost().await;
        assert!(Instant::now() >= last.expires().unwrap(), "kept to its end");
        server.set_mode(DhcpMode::Answering);
        leases.lease().await;
    });
    assert!(
        server.counters().renewals >= 2,
        "it asked by unicast and by broadcast"
    );
}

#[test]
fn a_server_that_refuses_everything_takes_the_lease_away() {
    let wire = Wire::new();
    let server = wire.serve(Duration::from_secs(2));
    wire.with_client(async |_client, mut leases| {
        leases.lease().await;
        server.set_mode(DhcpMode::Refusing);
        leases.lost().await;
        server.set_mode(DhcpMode::Answering);
        leases.lease().await;
    });
    assert!(server.counters().naks >= 1);
}

#[test]
fn a_dropped_server_answers_no_more() {
    let wire = Wire::new();
    drop(wire.serve(Duration::from_secs(600)));
    wire.with_client(async |_client, mut leases| {
        let silence = tokio::time::timeout(Duration::from_millis(500), leases.0.changed()).await;
        assert!(silence.is_err());
        let _server = wire.serve(Duration::from_secs(600));
        leases.lease().await;
    });
}

#[test]
fn the_kernel_makes_an_address_and_a_route_and_drops_the_route_at_the_end() {
    let wire = Wire::new();
    let config = wire.router(Duration::from_millis(500));
    let router = RouterAdvertiser::start(&wire.network, config).unwrap();
    until("SLAAC address", || wire.host_has_global_address());
    until("default route", || wire.host_has_default_route());
    let mtu = wire
        .host
        .run(|| std::fs::read_to_string("/proc/sys/net/ipv6/conf/c0/mtu").unwrap());
    assert_eq!(mtu.trim(), "1400");
    drop(router);
    until("no default route", || !wire.host_has_default_route());
}

#[test]
fn a_host_that_comes_later_is_answered_at_once() {
    let wire = Wire::new();
    let config = wire.router(Duration::from_secs(3600));
    let _router = RouterAdvertiser::start(&wire.network, config).unwrap();
    until("the first advertisement", || wire.host_has_default_route());
    // The flap takes address and route away; only the answer to a solicitation brings them back.
    ip(&wire.host, &["link", "set", "c0", "down"]);
    until("no default route", || !wire.host_has_default_route());
    ip(&wire.host, &["link", "set", "c0", "up"]);
    until("default route", || wire.host_has_default_route());
    until("SLAAC address", || wire.host_has_global_address());
}
