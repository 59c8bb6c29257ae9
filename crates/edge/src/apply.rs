//! Does one step. Each may be repeated: what is there already, or gone already, is no error.

use std::io;

use mptcp::{PathManager, PathManagerError};
use netcfg::{Netlink, SysctlError, nft};

use crate::network_manager;
use crate::numbers::NFT_TABLE;
use crate::observed::Observed;
use crate::originals::{Originals, OriginalsError};
use crate::step::Step;

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// A link, address, route or rule.
    #[error(transparent)]
    Network(#[from] netcfg::Error),
    /// An endpoint or the limits.
    #[error(transparent)]
    PathManager(#[from] PathManagerError),
    /// The nftables table.
    #[error(transparent)]
    Firewall(#[from] nft::Error),
    /// A kernel setting.
    #[error(transparent)]
    Sysctl(#[from] SysctlError),
    /// A kernel setting was written and reads back otherwise.
    #[error("{key} stayed {is:?} although {wanted:?} was written; this kernel does not take it")]
    Refused {
        key: netcfg::Sysctl,
        wanted: String,
        is: String,
    },
    /// The former value could not be kept, so nothing was changed.
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
    /// Endpoints and limits.
    pub path_manager: PathManager,
    /// Where former values are kept.
    pub originals: Originals,
}

impl Hands {
    /// Does one step. `observed` is what the plan was made from.
    ///
    /// # Errors
    /// When the kernel refuses; other steps may still be done.
    pub async fn apply(&mut self, step: &Step, observed: &Observed) -> Result<(), ApplyError> {
        let (net, pm) = (&self.netlink, &self.path_manager);
        match step {
            Step::DeleteEndpoint { id, .. } => tolerate_gone(pm.delete(*id).await)?,
            Step::SetSysctl { key, value } => self.set_sysctl(key, value, observed)?,
            Step::SetUp { index, .. } => net.set_link_up(*index).await?,
            Step::DeleteAddress(address) => drop(net.delete_address(address).await?),
            Step::AddAddress(address) => drop(net.add_address(address).await?),
            Step::DeleteRoute(route) => drop(net.delete_route(route).await?),
            Step::AddRoute(route) => drop(net.add_route(route).await?),
            Step::DeleteRule(rule) => drop(net.delete_rule(rule).await?),
            Step::AddRule(rule) => drop(net.add_rule(rule).await?),
            Step::InstallFirewall(table) => table.install()?,
            Step::DeleteFirewall => nft::delete(&NFT_TABLE.parse().expect("a plain name"))?,
            Step::SetLimits(limits) => {
                if let Some(limits) = observed.limits {
                    self.originals.remember_limits(limits)?;
                }
                self.path_manager.set_limits(*limits).await?;
            }
            Step::SetEndpointFlags { id, flags } => pm.set_flags(*id, *flags).await?,
            Step::AddEndpoint(spec) => tolerate_present(pm.add(spec).await)?,
            Step::TellNetworkManager(text) => {
                network_manager::tell(text).map_err(ApplyError::DropIn)?
            }
        }
        Ok(())
    }

    /// Puts former kernel settings back; goes on after an error and returns all of them.
    pub async fn restore(self) -> Vec<ApplyError> {
        let (sysctls, limits) = self.originals.take();
        let mut errors = Vec::new();
        for (key, kept) in sysctls {
            // Another value than ours: NetworkManager or the administrator has taken it over.
            let untouched = key.read().is_ok_and(|is| same(&is, &kept.ours));
            match untouched.then(|| key.write(&kept.former)) {
                // Not found: of an interface that is gone.
                None | Some(Ok(()) | Err(SysctlError::NotFound { .. })) => {}
                Some(Err(error)) => errors.push(error.into()),
            }
        }
        if let Some(limits) = limits
            && let Err(error) = self.path_manager.set_limits(limits).await
        {
            errors.push(error.into());
        }
        errors
    }

    fn set_sysctl(
        &mut self,
        key: &netcfg::Sysctl,
        value: &str,
        observed: &Observed,
    ) -> Result<(), ApplyError> {
        if let Some(former) = observed.sysctls.get(key) {
            self.originals.remember(key, former, value)?;
        }
        key.write(value)?;
        let is = key.read()?;
        if !same(&is, value) {
            return Err(ApplyError::Refused {
                key: key.clone(),
                wanted: value.to_owned(),
                is,
            });
        }
        Ok(())
    }
}

/// The kernel puts other blanks between numbers than were written.
fn same(a: &str, b: &str) -> bool {
    a.split_ascii_whitespace().eq(b.split_ascii_whitespace())
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
