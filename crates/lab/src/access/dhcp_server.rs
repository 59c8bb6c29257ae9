//! The DHCP server of an access network.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ipnet::Ipv4Net;
use netcfg::dhcp::{CLIENT_PORT, Datagram, Message, MessageType, PacketSocket, SERVER_PORT};
use netcfg::{InterfaceIndex, MacAddress, NetNs};
use tokio::sync::oneshot;

use super::responder::{DhcpCounters, DhcpMode, Grant, Responder};
use super::service::{AccessError, Service};

/// A socket that fails again and again must not take a whole processor.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(100);

/// What a server serves.
#[derive(Debug, Clone)]
pub struct DhcpServerConfig {
    /// The interface towards the clients, in the server's namespace.
    pub interface: InterfaceIndex,
    /// The server's address and the prefix that it tells its clients. The server works whether or
    /// not the interface has this address.
    pub server: Ipv4Net,
    /// Addresses to hand out, first to last. The server's own is left out.
    pub pool: RangeInclusive<Ipv4Addr>,
    /// How long an address is granted, in whole seconds. Clients renew after half of it.
    pub lease: Duration,
    /// Default gateway.
    pub gateway: Option<Ipv4Addr>,
    /// Name servers.
    pub dns_servers: Vec<Ipv4Addr>,
    /// Domain name.
    pub domain: Option<String>,
    /// MTU in bytes.
    pub mtu: Option<u16>,
}

/// A running server; dropping it stops it and waits for its thread.
#[derive(Debug)]
pub struct DhcpServer {
    responder: Arc<Mutex<Responder>>,
    _service: Service,
}

impl DhcpServer {
    /// Starts the server. It answers from the moment this returns.
    ///
    /// # Errors
    /// The namespace can't be entered, the packet socket is refused, or there is no such interface.
    pub fn start(netns: &NetNs, config: DhcpServerConfig) -> Result<Self, AccessError> {
        let DhcpServerConfig {
            interface,
            server,
            pool,
            lease,
            gateway,
            dns_servers,
            domain,
            mtu,
        } = config;
        let grant = Grant {
            server,
            lease,
            gateway,
            dns_servers,
            domain,
            mtu,
        };
        let responder = Arc::new(Mutex::new(Responder::new(grant, pool)));
        let shared = Arc::clone(&responder);
        let service = Service::start(
            netns,
            "lab-dhcp",
            move || Ok(PacketSocket::open(interface, SERVER_PORT)?),
            move |socket, stopped| serve(socket, shared, stopped),
        )?;
        Ok(Self {
            responder,
            _service: service,
        })
    }

    /// Changes how the server treats its clients from the next message on.
    pub fn set_mode(&self, mode: DhcpMode) {
        lock(&self.responder).mode = mode;
    }

    /// Replaces the pool. A client whose address is not in it is refused at its next request, and
    /// then gets an address of the new pool: this is "the provider gave us a new address".
    pub fn set_pool(&self, pool: RangeInclusive<Ipv4Addr>) {
        lock(&self.responder).set_pool(pool);
    }

    /// Changes how long addresses are granted from the next answer on.
    pub fn set_lease(&self, lease: Duration) {
        lock(&self.responder).grant.lease = lease;
    }

    /// Changes the gateway that clients are told from the next answer on.
    pub fn set_gateway(&self, gateway: Option<Ipv4Addr>) {
        lock(&self.responder).grant.gateway = gateway;
    }

    /// Changes the name servers and the domain that clients are told from the next answer on.
    pub fn set_names(&self, dns_servers: Vec<Ipv4Addr>, domain: Option<String>) {
        let grant = &mut lock(&self.responder).grant;
        (grant.dns_servers, grant.domain) = (dns_servers, domain);
    }

    /// Changes the MTU that clients are told from the next answer on.
    pub fn set_mtu(&self, mtu: Option<u16>) {
        lock(&self.responder).grant.mtu = mtu;
    }

    /// Messages since the start.
    #[must_use]
    pub fn counters(&self) -> DhcpCounters {
        lock(&self.responder).counters
    }
}

fn lock(responder: &Mutex<Responder>) -> MutexGuard<'_, Responder> {
    // A panic elsewhere leaves at worst a counter behind by one.
    responder.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(
    socket: PacketSocket,
    responder: Arc<Mutex<Responder>>,
    mut stopped: oneshot::Receiver<()>,
) {
    loop {
        let received = tokio::select! {
            _ = &mut stopped => return,
            received = socket.receive() => received,
        };
        match received {
            Ok(datagram) => answer(&socket, &responder, &datagram),
            Err(error) => {
                tracing::debug!(%error, "the lab's DHCP server cannot receive");
                tokio::select! {
                    _ = &mut stopped => return,
                    () = tokio::time::sleep(PAUSE_AFTER_ERROR) => {}
                }
            }
        }
    }
}

fn answer(socket: &PacketSocket, responder: &Mutex<Responder>, datagram: &Datagram) {
    let Ok(message) = Message::parse(&datagram.payload) else {
        return;
    };
    let mut responder = lock(responder);
    let Some(reply) = responder.answer(&message) else {
        return;
    };
    let server = responder.grant.server.addr();
    drop(responder);
    let (address, mac) = destination(&message, &reply, datagram.mac);
    let answer = Datagram {
        source: SocketAddrV4::new(server, SERVER_PORT),
        destination: SocketAddrV4::new(address, CLIENT_PORT),
        mac,
        payload: reply.encode(),
    };
    if let Err(error) = socket.send(&answer) {
        tracing::debug!(%error, "the lab's DHCP server cannot send");
    }
}

/// Where a reply goes (RFC 2131 4.1; the lab has no relay agents).
fn destination(request: &Message, reply: &Message, from: MacAddress) -> (Ipv4Addr, MacAddress) {
    if reply.kind == MessageType::Nak {
        (Ipv4Addr::BROADCAST, MacAddress([255; 6]))
    } else if !request.client_address.is_unspecified() {
        (request.client_address, from)
    } else if request.broadcast {
        (Ipv4Addr::BROADCAST, MacAddress([255; 6]))
    } else {
        (reply.your_address, request.client_mac)
    }
}
