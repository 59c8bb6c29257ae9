//! Does one step. Each may be repeated: what is there already, or gone already, is no error.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use mptcp::{EndpointFlags, EndpointId, PathManager, PathManagerError};
use netcfg::{Netlink, nft};
use originals::{Originals, OriginalsError};

use crate::network_manager;
use crate::numbers::NFT_TABLE;
use crate::step::Step;

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// A link, address, route or rule.
    #[error(transparent)]
    Network(#[from] netcfg::Error),
    /// An endpoint.
    #[error(transparent)]
    PathManager(#[from] PathManagerError),
    /// The nftables table.
    #[error(transparent)]
    Firewall(#[from] nft::Error),
    /// A kernel setting, or the limits.
    #[error(transparent)]
    Originals(#[from] OriginalsError),
    /// NetworkManager's drop-in.
    #[error("cannot write {}", network_manager::DROP_IN)]
    DropIn(#[source] io::Error),
}

/// The means to change the machine.
#[derive(Debug)]
pub struct Hands {
    /// Links, addresses, routes and rules.
    pub netlink: Netlink,
    /// Endpoints.
    pub path_manager: PathManager,
    /// Kernel settings and limits, with their former values.
    pub originals: Originals,
    /// Endpoints whose subflows may still be in their handshake.
    young: Young,
}

/// When endpoints were added, by their addresses.
#[derive(Debug, Default)]
struct Young(HashMap<IpAddr, Instant>);

/// A handshake takes a few round trips, and longer when a packet is lost.
const HANDSHAKE: Duration = Duration::from_secs(2);

impl Young {
    fn add(&mut self, address: IpAddr) {
        self.0.retain(|_, added| added.elapsed() < HANDSHAKE);
        self.0.insert(address, Instant::now());
    }

    fn has(&self, address: IpAddr) -> bool {
        let added = self.0.get(&address);
        added.is_some_and(|added| added.elapsed() < HANDSHAKE)
    }
}

impl Hands {
    /// With nothing done yet.
    pub fn new(netlink: Netlink, path_manager: PathManager, originals: Originals) -> Self {
        Self {
            netlink,
            path_manager,
            originals,
            young: Young::default(),
        }
    }

    /// Does one step.
    ///
    /// # Errors
    /// When the kernel refuses; other steps may still be done.
    pub async fn apply(&mut self, step: &Step) -> Result<(), ApplyError> {
        let (net, pm) = (&self.netlink, &self.path_manager);
        match step {
            Step::DeleteEndpoint { id, .. } => tolerate_gone(pm.delete(*id).await)?,
            Step::SetSysctl { key, value } => self.originals.set(key, value)?,
            Step::SetUp { index, name } => self.originals.set_up(net, *index, name).await?,
            Step::DeleteAddress(address) => drop(net.delete_address(address).await?),
            Step::AddAddress(address) => drop(net.add_address(address).await?),
            Step::DeleteRoute(route) => drop(net.delete_route(route).await?),
            Step::AddRoute(route) => drop(net.add_route(route).await?),
            Step::DeleteRule(rule) => drop(net.delete_rule(rule).await?),
            Step::AddRule(rule) => drop(net.add_rule(rule).await?),
            Step::InstallFirewall(table) => table.install()?,
            Step::DeleteFirewall => nft::delete(&NFT_TABLE.parse().expect("a plain name"))?,
            Step::SetLimits(limits) => self.originals.set_limits(pm, *limits).await?,
            Step::SetEndpointFlags { id, address, flags } => match self.young.has(*address) {
                true => reopen(pm, *id, *flags).await?,
                false => pm.set_flags(*id, *flags).await?,
            },
            Step::ReopenSubflows { id, flags, .. } => reopen(pm, *id, *flags).await?,
            Step::AddEndpoint(spec) => {
                tolerate_present(pm.add(spec).await)?;
                self.young.add(spec.address);
            }
            Step::TellNetworkManager(text) => {
                network_manager::tell(text).map_err(ApplyError::DropIn)?
            }
        }
        Ok(())
    }

    /// Puts former kernel settings back; goes on after an error and returns all of them.
    pub async fn restore(mut self) -> Vec<OriginalsError> {
        let mut errors = self.originals.take_down(&self.netlink).await;
        errors.extend(self.originals.restore(&self.path_manager).await);
        errors
    }
}

/// Whenever this flag changes the kernel opens all of the endpoint's subflows (Linux 5.17). Other than after a
/// deletion, nothing is left to be told to a peer whom nobody can tell now (see `health::stranded`). And what a
/// subflow is for is said in its handshake, where MP_PRIO would be lost that is sent meanwhile.
async fn reopen(
    pm: &PathManager,
    id: EndpointId,
    flags: EndpointFlags,
) -> Result<(), PathManagerError> {
    pm.set_flags(id, flags | EndpointFlags::FULLMESH).await?;
    pm.set_flags(id, flags).await
}

fn tolerate_gone(result: Result<(), PathManagerError>) -> Result<(), PathManagerError> {
    result.or_else(|error| {
        if error.is_not_found() {
            Ok(())
        } else {
            Err(error)
        }
    })
}

fn tolerate_present(result: Result<(), PathManagerError>) -> Result<(), PathManagerError> {
    result.or_else(|error| {
        if error.is_already_there() {
            Ok(())
        } else {
            Err(error)
        }
    })
}
