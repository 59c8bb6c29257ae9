//! The DHCP client against dnsmasq, each in a network namespace of its own.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, AsRawFd};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use netcfg::dhcp::{Client, ClientConfig, Datagram, Lease, PacketSocket, SERVER_PORT};
use netcfg::{InterfaceIndex, MacAddress, NetNs};
use tokio::sync::watch;

/// For what has to happen but may take its time on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
const CLIENT_MAC: MacAddress = MacAddress([2, 0x4d, 0x50, 0, 0, 1]);

/// Two namespaces and a veth pair: `c0` at the client, `s0` (10.77.0.1/24) at the server.
struct Wire {
    client: NetNs,
    server: NetNs,
    interface: InterfaceIndex,
    server_interface: InterfaceIndex,
}

impl Wire {
    fn new() -> Self {
        let client = NetNs::new().unwrap();
        let server = NetNs::new().unwrap();
        let peer = format!(
            "/proc/{}/fd/{}",
            std::process::id(),
            server.as_fd().as_raw_fd()
        );
        let mac = CLIENT_MAC.to_string();
        ip(
            &client,
            &[
                "link", "add", "c0", "address", &mac, "type", "veth", "peer", "name", "s0",
            ],
        );
        ip(&client, &["link", "set", "s0", "netns", &peer]);
        ip(&server, &["address", "add", "10.77.0.1/24", "dev", "s0"]);
        ip(&server, &["link", "set", "s0", "up"]);
        ip(&client, &["link", "set", "c0", "up"]);
        let (interface, server_interface) = (index(&client, "c0"), index(&server, "s0"));
        Self {
            client,
            server,
            interface,
            server_interface,
        }
    }

    /// Runs `test` with a client that has a carrier.
    fn with_client<F: Future<Output = ()>>(
        &self,
        config: ClientConfig,
        test: impl FnOnce(Client, Leases) -> F + Send,
    ) {
        self.client.run(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let (client, leases) = Client::start(self.interface, CLIENT_MAC, config).unwrap();
                client.set_carrier(true);
                test(client, Leases(leases)).await;
            });
        });
    }
}

fn ip(netns: &NetNs, arguments: &[&str]) -> String {
    let output = netns.command("ip").args(arguments).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn index(netns: &NetNs, name: &str) -> InterfaceIndex {
    let links = ip(netns, &["-o", "link", "show", name]);
    let (index, _) = links.split_once(':').unwrap();
    InterfaceIndex(index.parse().unwrap())
}

struct Leases(watch::Receiver<Option<Lease>>);

impl Leases {
    /// Waits for a lease (or its absence) that is as wanted.
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

    async fn closed(mut self) {
        let closed = async { while self.0.changed().await.is_ok() {} };
        tokio::time::timeout(PATIENCE, closed)
            .await
            .expect("the channel closes");
        assert_eq!(*self.0.borrow(), None);
    }
}

fn has_address(lease: &Option<Lease>, address: Ipv4Addr) -> bool {
    lease
        .as_ref()
        .is_some_and(|lease| lease.address.addr() == address)
}

fn is_after(lease: &Option<Lease>, earlier: &Lease) -> bool {
    lease
        .as_ref()
        .is_some_and(|lease| lease.obtained > earlier.obtained)
}

/// A dnsmasq in the foreground with files of its own; killed on drop.
struct Dnsmasq {
    process: Child,
    log: BufReader<ChildStderr>,
    directory: PathBuf,
}

impl Dnsmasq {
    /// Starts it and waits until it listens. `range` is "FIRST,LAST".
    fn start(netns: &NetNs, range: &str, options: &[&str]) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("dhcp-{}-{number}", std::process::id()));
        fs::create_dir(&directory).unwrap();
        let mut process = netns
            .command("dnsmasq")
            .args([
                "--keep-in-foreground",
                "--conf-file=/dev/null",
                "--log-facility=-",
                "--port=0",
            ])
            .args([
                "--user=root",
                "--interface=s0",
                "--bind-interfaces",
                "--no-ping",
            ])
            .args([
                "--dhcp-authoritative",
                "--log-dhcp",
                "--no-resolv",
                "--no-hosts",
            ])
            .arg(format!("--dhcp-range={range},255.255.255.0,2m"))
            .arg(format!(
                "--dhcp-leasefile={}",
                directory.join("leases").display()
            ))
            .arg(format!("--pid-file={}", directory.join("pid").display()))
            .args(options)
            .stderr(Stdio::piped())
            .spawn()
            .expect("dnsmasq runs (Debian: apt install dnsmasq-base)");
        let log = BufReader::new(process.stderr.take().unwrap());
        let mut dnsmasq = Self {
            process,
            log,
            directory,
        };
        dnsmasq.log_until("IP range");
        dnsmasq
    }

    /// Reads the log up to a line with `text`, and returns what it read.
    fn log_until(&mut self, text: &str) -> String {
        let mut read = String::new();
        loop {
            let before = read.len();
            let length = self.log.read_line(&mut read).unwrap();
            assert!(length > 0, "dnsmasq ended before saying {text:?}: {read}");
            if read[before..].contains(text) {
                return read;
            }
        }
    }
}

impl Drop for Dnsmasq {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        fs::remove_dir_all(&self.directory).unwrap();
    }
}

#[test]
fn a_server_that_answers_at_once_gives_a_full_lease_within_a_second() {
    let wire = Wire::new();
    let _dnsmasq = Dnsmasq::start(
        &wire.server,
        "10.77.0.50,10.77.0.50",
        &[
            "--dhcp-option=3,10.77.0.1",
            "--dhcp-option=6,10.77.0.2,10.77.0.3",
            "--dhcp-option=26,1400",
            "--domain=access.test",
        ],
    );
    let start = Instant::now();
    wire.with_client(ClientConfig::default(), async |_client, mut leases| {
        let lease = leases.lease().await;
        assert!(
            start.elapsed() < Duration::from_secs(1),
            "{:?}",
            start.elapsed()
        );
        assert_eq!(lease.address, "10.77.0.50/24".parse().unwrap());
        assert_eq!(lease.gateways, [Ipv4Addr::new(10, 77, 0, 1)]);
        assert_eq!(
            lease.dns_servers,
            [Ipv4Addr::new(10, 77, 0, 2), Ipv4Addr::new(10, 77, 0, 3)]
        );
        assert_eq!(lease.domain.as_deref(), Some("access.test"));
        assert_eq!(
            (lease.mtu, lease.server),
            (Some(1400), Ipv4Addr::new(10, 77, 0, 1))
        );
        assert_eq!(lease.duration, Some(Duration::from_secs(120)));
        assert!(lease.renew_after < lease.rebind_after && lease.rebind_after < lease.duration);
    });
}

#[test]
fn classless_routes_name_the_gateway() {
    let wire = Wire::new();
    let routes = "--dhcp-option=121,192.0.2.0/24,10.77.0.8,0.0.0.0/0,10.77.0.9";
    let _dnsmasq = Dnsmasq::start(&wire.server, "10.77.0.50,10.77.0.60", &[routes]);
    wire.with_client(ClientConfig::default(), async |_client, mut leases| {
        assert_eq!(leases.lease().await.gateways, [Ipv4Addr::new(10, 77, 0, 9)]);
    });
}

#[test]
fn the_lease_is_renewed_by_unicast() {
    let wire = Wire::new();
    // dnsmasq takes no lease below 120 s and no T1 (option 58) below 3 s.
    let mut dnsmasq = Dnsmasq::start(
        &wire.server,
        "10.77.0.50,10.77.0.50",
        &["--dhcp-option=58,3"],
    );
    wire.with_client(ClientConfig::default(), async |_client, mut leases| {
        let first = leases.lease().await;
        assert_eq!(first.renew_after, Some(Duration::from_secs(3)));
        // Its answer goes to the address, by way of ARP.
        ip(
            &wire.client,
            &["address", "add", "10.77.0.50/24", "dev", "c0"],
        );
        let second = leases.wait(|lease| is_after(lease, &first)).await.unwrap();
        assert_eq!(second.address, first.address);
        let waited = second.obtained - first.obtained;
        assert!(waited >= Duration::from_secs(3), "renewed after {waited:?}");
    });
    let log = dnsmasq.log_until("DHCPACK") + &dnsmasq.log_until("DHCPACK");
    assert_eq!(log.matches("DHCPDISCOVER").count(), 1, "{log}");
}

#[test]
fn a_server_with_another_range_refuses_the_renewal_and_gives_a_new_address() {
    let wire = Wire::new();
    let first = Dnsmasq::start(
        &wire.server,
        "10.77.0.50,10.77.0.50",
        &["--dhcp-option=58,3"],
    );
    wire.with_client(ClientConfig::default(), async |_client, mut leases| {
        leases.lease().await;
        drop(first);
        let _second = Dnsmasq::start(&wire.server, "10.77.0.90,10.77.0.90", &[]);
        leases
            .wait(|lease| has_address(lease, Ipv4Addr::new(10, 77, 0, 90)))
            .await;
    });
}

#[test]
fn in_another_network_a_link_flap_gives_a_new_address() {
    let wire = Wire::new();
    let first = Dnsmasq::start(&wire.server, "10.77.0.50,10.77.0.50", &[]);
    wire.with_client(ClientConfig::default(), async |client, mut leases| {
        leases.lease().await;
        drop(first);
        client.set_carrier(false);
        let _second = Dnsmasq::start(&wire.server, "10.77.0.90,10.77.0.90", &[]);
        client.set_carrier(true);
        leases
            .wait(|lease| has_address(lease, Ipv4Addr::new(10, 77, 0, 90)))
            .await;
    });
}

#[test]
fn after_a_link_flap_the_address_is_confirmed_without_a_search() {
    let wire = Wire::new();
    let mut dnsmasq = Dnsmasq::start(&wire.server, "10.77.0.50,10.77.0.60", &[]);
    wire.with_client(ClientConfig::default(), async |client, mut leases| {
        let first = leases.lease().await;
        ip(&wire.server, &["link", "set", "s0", "down"]);
        client.set_carrier(false);
        ip(&wire.server, &["link", "set", "s0", "up"]);
        client.set_carrier(true);
        assert_eq!(
            leases
                .wait(|lease| is_after(lease, &first))
                .await
                .unwrap()
                .address,
            first.address
        );
    });
    let log = dnsmasq.log_until("DHCPACK") + &dnsmasq.log_until("DHCPACK");
    assert_eq!(log.matches("DHCPDISCOVER").count(), 1, "{log}");
}

#[test]
fn the_address_of_an_earlier_run_is_kept() {
    let wire = Wire::new();
    let _dnsmasq = Dnsmasq::start(&wire.server, "10.77.0.50,10.77.0.60", &[]);
    let previous = Some(Ipv4Addr::new(10, 77, 0, 57));
    wire.with_client(
        ClientConfig {
            previous,
            host_name: None,
        },
        async |_client, mut leases| {
            assert_eq!(Some(leases.lease().await.address.addr()), previous);
        },
    );
}

#[test]
fn a_server_that_starts_late_is_found() {
    let wire = Wire::new();
    wire.with_client(ClientConfig::default(), async |_client, mut leases| {
        let early = tokio::time::timeout(Duration::from_millis(400), leases.0.changed()).await;
        assert!(early.is_err(), "nobody serves yet");
        let _dnsmasq = Dnsmasq::start(&wire.server, "10.77.0.50,10.77.0.60", &[]);
        leases.lease().await;
    });
}

#[test]
fn a_release_frees_the_address_at_the_server() {
    let wire = Wire::new();
    let mut dnsmasq = Dnsmasq::start(&wire.server, "10.77.0.50,10.77.0.60", &[]);
    let config = ClientConfig {
        host_name: Some("guest".to_owned()),
        previous: None,
    };
    wire.with_client(config, async |client, mut leases| {
        leases.lease().await;
        client.release().await;
        leases.closed().await;
    });
    let log = dnsmasq.log_until("DHCPRELEASE");
    assert!(log.contains("client provides name: guest"), "{log}");
}

#[test]
fn a_vanished_interface_ends_the_client() {
    let wire = Wire::new();
    let _dnsmasq = Dnsmasq::start(&wire.server, "10.77.0.50,10.77.0.60", &[]);
    wire.with_client(ClientConfig::default(), async |client, mut leases| {
        leases.lease().await;
        ip(&wire.client, &["link", "delete", "c0"]);
        leases.closed().await;
        client.set_carrier(true);
        client.release().await;
    });
}

#[test]
fn an_interface_that_was_down_is_used_again() {
    let wire = Wire::new();
    let _dnsmasq = Dnsmasq::start(&wire.server, "10.77.0.50,10.77.0.60", &[]);
    wire.with_client(ClientConfig::default(), async |client, mut leases| {
        let first = leases.lease().await;
        ip(&wire.client, &["link", "set", "c0", "down"]);
        client.set_carrier(false);
        ip(&wire.client, &["link", "set", "c0", "up"]);
        client.set_carrier(true);
        leases.wait(|lease| is_after(lease, &first)).await;
    });
}

#[test]
fn noise_on_the_client_port_is_ignored() {
    let wire = Wire::new();
    let interface = wire.server_interface;
    wire.with_client(ClientConfig::default(), async |_client, mut leases| {
        wire.server.run(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let _inside = runtime.as_ref().unwrap().enter();
            let socket = PacketSocket::open(interface, SERVER_PORT).unwrap();
            for length in [0, 1, 239, 240, 300, 1400] {
                for byte in [0, 2, 99, 255] {
                    socket.send(&noise(vec![byte; length])).unwrap();
                }
            }
        });
        let _dnsmasq = Dnsmasq::start(&wire.server, "10.77.0.50,10.77.0.60", &[]);
        leases.lease().await;
    });
}

fn noise(payload: Vec<u8>) -> Datagram {
    Datagram {
        source: "10.77.0.1:67".parse().unwrap(),
        destination: "255.255.255.255:68".parse().unwrap(),
        mac: CLIENT_MAC,
        payload,
    }
}

#[test]
fn dropping_the_client_ends_it() {
    let wire = Wire::new();
    wire.with_client(ClientConfig::default(), async |client, leases| {
        drop(client);
        leases.closed().await;
    });
}

#[test]
fn a_missing_interface_is_an_error_that_names_it() {
    let netns = NetNs::new().unwrap();
    netns.run(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let _inside = runtime.enter();
        let error =
            Client::start(InterfaceIndex(77), CLIENT_MAC, ClientConfig::default()).unwrap_err();
        assert!(error.to_string().contains("77"), "{error}");
    });
}
