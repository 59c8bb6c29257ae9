//! Router advertisements for an access network.

use std::io;
use std::net::{Ipv6Addr, SocketAddrV6};
use std::num::NonZeroU32;
use std::time::Duration;

use ipnet::Ipv6Net;
use netcfg::{InterfaceIndex, NetNs};
use rustix::net::{RecvFlags, SendFlags};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::advertisement::{Advertisement, ROUTER_SOLICITATION};
use super::service::{AccessError, Service};

const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
/// Hosts drop an advertisement that a router may have forwarded (RFC 4861 6.1.2).
const HOP_LIMIT: u32 = 255;
/// The interface's link-local address is not usable for a second or so after link up (duplicate
/// address detection); hosts take advertisements from no other source.
const RETRY: Duration = Duration::from_millis(50);

/// What a router advertises.
#[derive(Debug, Clone)]
pub struct RouterConfig {
    /// The interface towards the hosts, in the router's namespace.
    pub interface: InterfaceIndex,
    /// The prefix on the link; hosts make addresses in it, so its length must be 64.
    pub prefix: Ipv6Net,
    /// How long hosts may use this router as default router, 1 s to 65535 s.
    pub router_lifetime: Duration,
    /// How long addresses in the prefix are valid.
    pub prefix_lifetime: Duration,
    /// MTU in bytes.
    pub mtu: Option<u32>,
    /// Name servers.
    pub dns_servers: Vec<Ipv6Addr>,
    /// Time between unsolicited advertisements.
    pub interval: Duration,
}

/// A running advertiser. Dropping it takes the default route back (lifetime 0) and waits for its
/// thread.
#[derive(Debug)]
pub struct RouterAdvertiser {
    _service: Service,
}

impl RouterAdvertiser {
    /// Starts to advertise: at once, at every solicitation, and at the interval.
    ///
    /// Hosts take it with `accept_ra` 2, or 1 if they don't forward. The router's namespace has to
    /// forward IPv6 by itself.
    ///
    /// # Errors
    /// The namespace can't be entered, the socket is refused, or there is no such interface.
    pub fn start(netns: &NetNs, config: RouterConfig) -> Result<Self, AccessError> {
        let interface = config.interface;
        let service = Service::start(
            netns,
            "lab-router",
            move || open(interface).map_err(AccessError::Icmp),
            move |socket, stopped| advertise(Router { socket, config }, stopped),
        )?;
        Ok(Self { _service: service })
    }
}

fn open(interface: InterfaceIndex) -> io::Result<AsyncFd<Socket>> {
    let socket = Socket::new(Domain::IPV6, Type::RAW, Some(Protocol::ICMPV6))?;
    socket.set_nonblocking(true)?;
    socket.bind_device_by_index_v6(NonZeroU32::new(interface.0))?;
    socket.set_multicast_hops_v6(HOP_LIMIT)?;
    socket.join_multicast_v6(&ALL_ROUTERS, interface.0)?;
    register(socket)
}

#[expect(
    unsafe_code,
    reason = "tokio has no safe way to watch a foreign file descriptor"
)]
fn register(socket: Socket) -> io::Result<AsyncFd<Socket>> {
    // SAFETY: a `Socket` owns its descriptor, never changes it and closes it on drop.
    unsafe { AsyncFd::register_with_interest(socket, Interest::READABLE) }.map_err(io::Error::from)
}

async fn advertise(router: Router, mut stopped: oneshot::Receiver<()>) {
    let mut next = Instant::now();
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            solicited = router.solicitation() => {
                // An error (interface down) waits like a failed sending.
                next = Instant::now() + if solicited.is_ok() { Duration::ZERO } else { RETRY };
            }
            () = tokio::time::sleep_until(next) => {
                let sent = router.advertise(router.config.router_lifetime);
                next = Instant::now() + if sent { router.config.interval } else { RETRY };
            }
        }
    }
    router.advertise(Duration::ZERO);
}

struct Router {
    socket: AsyncFd<Socket>,
    config: RouterConfig,
}

impl Router {
    /// Waits for a router solicitation.
    async fn solicitation(&self) -> io::Result<()> {
        let mut buffer = [0; 1500];
        loop {
            let receive = |socket: &Socket| {
                Ok(rustix::net::recv(
                    socket,
                    buffer.as_mut_slice(),
                    RecvFlags::empty(),
                )?)
            };
            self.socket.async_io(Interest::READABLE, receive).await?;
            if buffer[0] == ROUTER_SOLICITATION {
                return Ok(());
            }
        }
    }

    /// Sends one advertisement to all hosts. False if that is not possible yet.
    fn advertise(&self, router_lifetime: Duration) -> bool {
        if !has_usable_link_local(self.config.interface) {
            return false;
        }
        let advertisement = Advertisement {
            router_lifetime,
            prefix: self.config.prefix,
            prefix_lifetime: self.config.prefix_lifetime,
            mtu: self.config.mtu,
            dns_servers: &self.config.dns_servers,
        };
        let hosts = SocketAddrV6::new(ALL_NODES, 0, 0, self.config.interface.0);
        let bytes = advertisement.encode();
        match rustix::net::sendto(self.socket.get_ref(), &bytes, SendFlags::empty(), &hosts) {
            Ok(_) => true,
            Err(error) => {
                tracing::debug!(interface = %self.config.interface, %error, "cannot advertise");
                false
            }
        }
    }
}

/// Whether the kernel can use a link-local address of the interface as source. `/proc/net` would
/// show the namespace of the main thread, hence `thread-self`.
fn has_usable_link_local(interface: InterfaceIndex) -> bool {
    let table = std::fs::read_to_string("/proc/thread-self/net/if_inet6").unwrap_or_default();
    table
        .lines()
        .any(|line| is_usable_link_local(line, interface) == Some(true))
}

/// One line of `if_inet6`: address, interface, prefix length, scope, flags (all hexadecimal), name.
fn is_usable_link_local(line: &str, interface: InterfaceIndex) -> Option<bool> {
    const LINK_SCOPE: u32 = 0x20;
    const TENTATIVE_OR_FAILED: u32 = libc::IFA_F_TENTATIVE | libc::IFA_F_DADFAILED;
    let mut fields = line
        .split_whitespace()
        .skip(1)
        .map(|field| u32::from_str_radix(field, 16));
    let index = fields.next()?.ok()?;
    let scope = fields.nth(1)?.ok()?;
    let flags = fields.next()?.ok()?;
    Some(index == interface.0 && scope == LINK_SCOPE && flags & TENTATIVE_OR_FAILED == 0)
}
