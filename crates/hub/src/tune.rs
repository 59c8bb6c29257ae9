//! The server's kernel settings and announced addresses, for as long as the hub runs.

use std::net::IpAddr;

use mptcp::tuning::Tuning;
use mptcp::{EndpointFlags, EndpointSpec, Limits, PathManager, PathManagerError};
use netcfg::{Netlink, Sysctl, SysctlError};
use settings::hub::Settings;

/// What was changed, with what was there before.
#[derive(Debug)]
pub struct Tuned {
    sysctls: Vec<(Sysctl, String)>,
    limits: Limits,
    announced: Vec<EndpointSpec>,
}

/// The hub could not be prepared.
#[derive(Debug, thiserror::Error)]
pub enum TuneError {
    /// Clients would be sent to an address where nobody is.
    #[error("announce: {0} is no address of this server; add it to an interface, or take it out")]
    NotOurs(IpAddr),
    /// Addresses can't be read.
    #[error(transparent)]
    Network(#[from] netcfg::Error),
    /// Endpoints and limits.
    #[error(transparent)]
    PathManager(#[from] PathManagerError),
}

impl Tuned {
    /// Sets limits, announced addresses and kernel settings. A kernel setting that can't be set is
    /// logged: the hub works without, slower.
    ///
    /// # Errors
    /// When an address is not the server's, or the path manager refuses.
    pub async fn apply(
        settings: &Settings,
        netlink: &Netlink,
        path_manager: &PathManager,
    ) -> Result<Self, TuneError> {
        let announced = announced(settings, netlink).await?;
        let limits = path_manager.limits().await?;
        path_manager
            .set_limits(Limits {
                subflows: settings.mptcp.subflows.into(),
                add_addr_accepted: settings.mptcp.add_addr_accepted.into(),
            })
            .await?;
        for spec in &announced {
            match path_manager.add(spec).await {
                Err(error) if !error.is_already_there() => return Err(error.into()),
                _ => {}
            }
        }
        Ok(Self {
            sysctls: set_sysctls(settings),
            limits,
            announced,
        })
    }

    /// Puts back what was there. What fails is logged: the hub is going anyway.
    pub async fn restore(self, path_manager: &PathManager) {
        for (key, value) in &self.sysctls {
            if let Err(error) = key.write(value) {
                tracing::warn!("{:#}", anyhow::Error::from(error));
            }
        }
        if let Err(error) = self.delete_announced(path_manager).await {
            tracing::warn!("{:#}", anyhow::Error::from(error));
        }
    }

    async fn delete_announced(&self, path_manager: &PathManager) -> Result<(), PathManagerError> {
        for endpoint in path_manager.endpoints().await? {
            if self
                .announced
                .iter()
                .any(|spec| spec.address == endpoint.address)
            {
                path_manager.delete(endpoint.id).await?;
            }
        }
        path_manager.set_limits(self.limits).await
    }
}

async fn announced(settings: &Settings, netlink: &Netlink) -> Result<Vec<EndpointSpec>, TuneError> {
    let addresses = netlink.addresses().await?;
    let spec = |&address: &IpAddr| {
        let here = addresses.iter().find(|here| here.net.addr() == address);
        let here = here.ok_or(TuneError::NotOurs(address))?;
        Ok(EndpointSpec {
            address,
            port: None,
            interface: Some(here.index.0),
            flags: EndpointFlags::SIGNAL,
            id: None,
        })
    };
    settings.announce.iter().map(spec).collect()
}

fn set_sysctls(settings: &Settings) -> Vec<(Sysctl, String)> {
    let tuning = Tuning {
        stale_loss_count: settings.mptcp.stale_loss_count,
        blackhole_timeout: settings.mptcp.blackhole_timeout,
        congestion_control: settings.mptcp.congestion_control.as_str().to_owned(),
        buffer_max: settings.mptcp.buffer_max.bytes(),
    };
    let present: Vec<(&str, String)> = Tuning::KEYS
        .into_iter()
        .filter_map(|key| Some((key, Sysctl::new(key).ok()?.read().ok()?)))
        .collect();
    let value_of = |key: &str| {
        present
            .iter()
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value.as_str())
    };
    if !tuning.has_congestion_control(value_of) {
        tracing::warn!(
            "this kernel has no {}; load it (modprobe tcp_{})",
            tuning.congestion_control,
            tuning.congestion_control
        );
    }
    let mut former = Vec::new();
    for (key, value) in tuning.sysctls(value_of) {
        match change(key, &value, value_of(key).unwrap_or_default()) {
            Ok(Some(changed)) => former.push(changed),
            Ok(None) => {}
            Err(error) => tracing::warn!("{:#}", anyhow::Error::from(error)),
        }
    }
    former
}

fn change(key: &str, value: &str, is: &str) -> Result<Option<(Sysctl, String)>, SysctlError> {
    let same = |a: &str, b: &str| a.split_ascii_whitespace().eq(b.split_ascii_whitespace());
    if same(is, value) {
        return Ok(None);
    }
    let sysctl = Sysctl::new(key)?;
    sysctl.write(value)?;
    let reads = sysctl.read()?;
    if !same(&reads, value) {
        tracing::warn!("{key} stayed {reads:?} although {value:?} was written");
    }
    Ok(Some((sysctl, is.to_owned())))
}
