//! Two namespaces with two cables between them, and an echo server.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, AsRawFd};
use std::thread;
use std::time::Duration;

use mptcp::{EndpointFlags, EndpointSpec, ListenOptions, Transport, listen};
use netcfg::netns::NetNs;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// How long a test waits for what must come.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A namespace with its loopback up.
pub fn namespace() -> NetNs {
    let netns = NetNs::new().unwrap();
    ip(&netns, "link set lo up");
    netns
}

/// Runs async code with a runtime of its own inside the namespace.
pub fn inside<T: Send>(netns: &NetNs, work: impl AsyncFnOnce() -> T + Send) -> T {
    netns.run(|| {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_all().build().unwrap();
        runtime.block_on(async { tokio::time::timeout(3 * PATIENCE, work()).await.unwrap() })
    })
}

/// Runs `ip` with the words of `arguments` in the namespace and gives what it prints.
pub fn ip(netns: &NetNs, arguments: &str) -> String {
    let output = netns
        .command("ip")
        .args(arguments.split_whitespace())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {arguments}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// The client has 10.0.1.1 on eth1 and 10.0.2.1 on eth2, the server 10.0.1.2 and 10.0.2.2. Each of
/// the client's addresses reaches both of the server's by its own cable.
pub struct TwoCables {
    pub client: NetNs,
    pub server: NetNs,
}

impl TwoCables {
    pub fn new() -> Self {
        let (client, server) = (namespace(), namespace());
        let server_path = format!(
            "/proc/{}/fd/{}",
            std::process::id(),
            server.as_fd().as_raw_fd()
        );
        for (n, name) in [(1, "eth1"), (2, "eth2")] {
            ip(
                &client,
                &format!("link add {name} type veth peer name {name} netns {server_path}"),
            );
            ip(&client, &format!("address add 10.0.{n}.1/24 dev {name}"));
            ip(&server, &format!("address add 10.0.{n}.2/24 dev {name}"));
            ip(&client, &format!("link set {name} up"));
            ip(&server, &format!("link set {name} up"));
            ip(
                &client,
                &format!("route add default via 10.0.{n}.2 dev {name} table {n}"),
            );
            ip(&client, &format!("rule add from 10.0.{n}.1 table {n}"));
        }
        for netns in [&client, &server] {
            netns.run(|| {
                for name in ["all", "eth1", "eth2"] {
                    let path = format!("/proc/sys/net/ipv4/conf/{name}/rp_filter");
                    fs::write(path, "0").unwrap();
                }
            });
            ip(netns, "mptcp limits set subflows 8 add_addr_accepted 8");
        }
        Self { client, server }
    }

    /// Index of the client's interface.
    pub fn client_interface(&self, name: &str) -> u32 {
        let text = ip(&self.client, &format!("-o link show dev {name}"));
        text.split(':').next().unwrap().parse().unwrap()
    }

    /// The client's second address as an endpoint for subflows.
    pub fn second_path(&self) -> EndpointSpec {
        EndpointSpec {
            address: "10.0.2.1".parse().unwrap(),
            port: None,
            interface: Some(self.client_interface("eth2")),
            flags: EndpointFlags::SUBFLOW,
            id: None,
        }
    }
}

/// A socket's own end, without what it is spelt like in an IPv6 socket.
pub fn own_end(stream: &tokio::net::TcpStream) -> SocketAddr {
    let address = stream.local_addr().unwrap();
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Starts a server that sends back what it gets, and says where it listens.
pub fn echo_server(netns: &NetNs, transport: Transport, address: &str) -> SocketAddr {
    let options = ListenOptions {
        only_v6: false,
        ..ListenOptions::default()
    };
    let address = address.parse().unwrap();
    let listening = netns.run(|| listen(transport, address, &options)).unwrap();
    assert_eq!(listening.transport, transport);
    let listener = listening.listener;
    listener.set_nonblocking(false).unwrap();
    let local = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            thread::spawn(move || echo(stream));
        }
    });
    local
}

fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            length => stream.write_all(&buffer[..length])?,
        }
    }
}

/// Sends bytes to the echo server and waits until they are back. After the first data the
/// connection may have more subflows.
pub async fn exchange(stream: &mut tokio::net::TcpStream, length: usize) {
    let sent: Vec<u8> = (0..length).map(|n| n as u8).collect();
    stream.write_all(&sent).await.unwrap();
    let mut received = vec![0; length];
    stream.read_exact(&mut received).await.unwrap();
    assert_eq!(received, sent);
}
