//! Connections that the kernel brings to us. curl runs as `nobody`, whose connections are redirected:
//! ours are not.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use mptcp::{ListenOptions, Transport};
use netcfg::NetNs;
use relay::{AddressFilter, Connector, ConnectorOptions, Intake, Kind, Route, ServerOptions};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

use crate::support::{
    Origin, Served, block_on, direct, in_netns, nft, output, read_to_reset, run, through,
};

const NOBODY: u32 = 65534;

/// Runs curl as nobody, who may not enter root's home.
async fn curl_as_nobody(url: &str) -> std::process::Output {
    let arguments = [
        "--reuid=65534",
        "--clear-groups",
        "curl",
        "-sS",
        "--max-time",
        "20",
        url,
    ];
    output("setpriv", arguments).await
}

/// 56 is CURLE_RECV_ERROR, 55 CURLE_SEND_ERROR, 7 CURLE_COULDNT_CONNECT when curl looks only after the
/// reset. An orderly end would be 52, CURLE_GOT_NOTHING.
fn was_reset(curl: &std::process::Output) -> bool {
    matches!(curl.status.code(), Some(7 | 55 | 56))
}

/// A listener for both families that redirected connections come to.
async fn redirected(origin_port: u16) -> Served {
    let listener = TcpListener::bind("[::]:0").await.unwrap();
    let served = Served::start(
        direct(),
        ServerOptions::default(),
        listener,
        Intake::Redirect,
    );
    nft(&format!(
        "table inet t {{ chain c {{ type nat hook output priority -100; \
           meta skuid {NOBODY} tcp dport {{ {origin_port}, 1 }} counter redirect to :{}; }}; }}",
        served.address.port()
    ))
    .await;
    served
}

#[test]
fn redirected_connections_reach_their_destination() {
    in_netns(async || {
        let origin = Origin::start().await;
        let served = redirected(origin.port).await;
        for host in ["127.0.0.1", "[::1]"] {
            let got = curl_as_nobody(&origin.url(host, "/bytes/100000")).await;
            assert_eq!(got.stdout.len(), 100_000, "{host}: {got:?}");
        }
        served.idle().await;
        // One of ours to compare with: the test can't succeed without the redirection.
        run("nft", ["flush", "ruleset"]).await;
        assert_eq!(
            origin
                .connections
                .load(std::sync::atomic::Ordering::Relaxed),
            2
        );
    });
}

#[test]
fn a_refused_destination_resets_the_client() {
    in_netns(async || {
        let _served = redirected(9).await;
        let got = curl_as_nobody("http://127.0.0.1:1/").await;
        assert!(was_reset(&got), "{got:?}");
        let rules = run("nft", ["list", "ruleset"]).await;
        assert!(
            rules.contains("counter packets 1 "),
            "not redirected: {rules}"
        );
    });
}

#[test]
fn a_connection_to_the_listener_itself_is_refused() {
    in_netns(async || {
        let served = redirected(9).await;
        for host in ["127.0.0.1", "::1"] {
            let mut client = TcpStream::connect((host, served.address.port()))
                .await
                .unwrap();
            assert_eq!(read_to_reset(&mut client).await, b"");
        }
        served.idle().await;
        assert!(served.server.registry().is_empty());
    });
}

#[test]
fn tproxy_keeps_the_destination() {
    let (pc, guest) = (NetNs::new().unwrap(), NetNs::new().unwrap());
    guest.run(|| {
        block_on(async || {
            connect_namespaces(&pc).await;
            let origin = Origin::start().await;
            let local = "[::]:0".parse().unwrap();
            let options =
                ListenOptions { only_v6: false, transparent: true, ..ListenOptions::default() };
            let listening = mptcp::listen(Transport::Tcp, local, &options).unwrap();
            let listener = TcpListener::from_std(listening.listener).unwrap();
            let asked = Arc::new(Asked::default());
            let filter: Option<Arc<dyn AddressFilter>> = Some(asked.clone());
            let options = ConnectorOptions { filter, ..ConnectorOptions::default() };
            let connector = Connector::new(Route::Direct(Transport::Tcp), options);
            let served = Served::start(connector, Default::default(), listener, Intake::Tproxy);
            let port = served.address.port();
            nft(&format!(
                "table inet t {{ chain c {{ type filter hook prerouting priority -150; iifname host \
                   tcp dport {{ {}, 1 }} tproxy to :{port} meta mark set 1 accept; }}; }}",
                origin.port
            ))
            .await;
            let url = |host| origin.url(host, "/bytes/100000");
            // Addresses of nobody's interface, those of the origin behind us.
            for host in ["198.51.100.1", "[2001:db8:1::1]"] {
                assert_eq!(from_pc(&pc, &url(host)).await.stdout.len(), 100_000, "{host}");
            }
            let refused = from_pc(&pc, "http://198.51.100.1:1/").await;
            assert!(was_reset(&refused), "{refused:?}");
            let direct = from_pc(&pc, &format!("http://192.0.2.1:{port}/")).await;
            assert!(was_reset(&direct), "{direct:?}");
            assert_eq!(*asked.0.lock().unwrap(), [origin.port, origin.port, 1]);
            served.idle().await;
        });
    });
}

/// Allows everything, and remembers the ports.
#[derive(Debug, Default)]
struct Asked(Mutex<Vec<u16>>);

impl AddressFilter for Asked {
    fn allows(&self, _ip: IpAddr, port: u16) -> bool {
        self.0.lock().unwrap().push(port);
        true
    }
}

/// This namespace becomes the router of `pc`, and the addresses beyond are on its loopback.
async fn connect_namespaces(pc: &NetNs) {
    let here = [
        "-c",
        "
        set -e
        ip link add host type veth peer name guest
        ip link set host up
        ip addr add 192.0.2.1/24 dev host
        ip addr add 2001:db8::1/64 dev host nodad
        ip addr add 198.51.100.1/32 dev lo
        ip addr add 2001:db8:1::1/128 dev lo
        ip rule add fwmark 1 lookup 100
        ip -6 rule add fwmark 1 lookup 100
        ip route add local default dev lo table 100
        ip -6 route add local default dev lo table 100
    ",
    ];
    run("sh", here).await;
    let netlink = netcfg::Netlink::new().unwrap();
    let link = netlink
        .link(&"guest".parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    netlink.move_link(link.index, pc).await.unwrap();
    pc.run(|| {
        let there = "
            set -e
            ip link set guest up
            ip addr add 192.0.2.2/24 dev guest
            ip addr add 2001:db8::2/64 dev guest nodad
            ip route add default via 192.0.2.1
            ip -6 route add default via 2001:db8::1
        ";
        let done = std::process::Command::new("sh")
            .args(["-c", there])
            .status()
            .unwrap();
        assert!(done.success());
    });
}

/// curl on the PC, while the guest goes on.
async fn from_pc(pc: &NetNs, url: &str) -> std::process::Output {
    let (pc, url) = (pc.clone(), url.to_owned());
    let curl = move || {
        pc.run(|| {
            let arguments = ["-sS", "--max-time", "20", &url];
            std::process::Command::new("curl")
                .args(arguments)
                .output()
                .unwrap()
        })
    };
    tokio::task::spawn_blocking(curl).await.unwrap()
}

#[test]
fn the_registry_names_how_a_connection_came() {
    in_netns(async || {
        let proxy = Served::plain().await;
        let (mut client, origin) = through(&proxy).await;
        let live = proxy.server.registry().snapshot();
        assert_eq!((live.len(), live[0].kind), (1, Kind::Socks5));
        assert_eq!(live[0].client.socket_addr(), client.local_addr().unwrap());
        assert_eq!(
            live[0].destination,
            origin.local_addr().unwrap().to_string()
        );
        let json = serde_json::to_value(&live).unwrap();
        assert_eq!(json[0]["kind"], "socks5");
        assert_eq!(json[0]["onward"]["fallback"], true);
        drop(origin);
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    });
}
