use std::net::Ipv4Addr;
use std::time::Duration;

use netcfg::InterfaceIndex;

use super::node::{Node, Uplink};
use super::spec::LabSpec;
use super::{LabError, Namespaces, addresses};
use crate::access::{DhcpServer, DhcpServerConfig, RouterAdvertiser, RouterConfig};

/// Long enough that no lease runs out or is renewed during a demonstration; tests set their own.
const LEASE: Duration = Duration::from_secs(3600);

/// The last byte of the first and of the last address that the DHCP server hands out.
const POOL: (u8, u8) = (100, 199);

/// What an access router offers to the guest.
#[derive(Debug)]
pub(super) struct AccessNetwork {
    pub(super) dhcp: Option<DhcpServer>,
    pub(super) advertiser: Option<RouterAdvertiser>,
}

impl AccessNetwork {
    /// `lan` is the router's interface towards the guest.
    pub(super) fn start(
        spec: &LabSpec,
        namespaces: &Namespaces,
        uplink: Uplink,
        lan: InterfaceIndex,
    ) -> Result<Self, LabError> {
        let namespace = namespaces.get(Node::Access(uplink));
        let failed = |source| LabError::Access { uplink, source };
        let dhcp = spec
            .dhcp
            .then(|| DhcpServer::start(namespace, dhcp_config(spec, uplink, lan)))
            .transpose()
            .map_err(failed)?;
        let advertiser = spec
            .ra
            .then(|| RouterAdvertiser::start(namespace, router_config(spec, uplink, lan)))
            .transpose()
            .map_err(failed)?;
        Ok(Self { dhcp, advertiser })
    }
}

fn dhcp_config(spec: &LabSpec, uplink: Uplink, lan: InterfaceIndex) -> DhcpServerConfig {
    let server = addresses::access(uplink, spec.same_subnet).v4;
    let [a, b, c, _] = server.addr().octets();
    DhcpServerConfig {
        interface: lan,
        server,
        pool: Ipv4Addr::new(a, b, c, POOL.0)..=Ipv4Addr::new(a, b, c, POOL.1),
        lease: LEASE,
        gateway: Some(server.addr()),
        dns_servers: Vec::new(),
        domain: None,
        mtu: None,
    }
}

fn router_config(spec: &LabSpec, uplink: Uplink, lan: InterfaceIndex) -> RouterConfig {
    RouterConfig {
        interface: lan,
        prefix: addresses::access(uplink, spec.same_subnet).v6.trunc(),
        router_lifetime: Duration::from_secs(1800),
        prefix_lifetime: Duration::from_secs(86400),
        mtu: None,
        dns_servers: Vec::new(),
        interval: Duration::from_secs(10),
    }
}
