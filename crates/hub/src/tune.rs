//! The server's kernel settings and announced addresses, for as long as the hub runs.

use std::net::IpAddr;

use mptcp::tuning::Tuning;
use mptcp::{EndpointFlags, EndpointSpec, Limits, PathManager, PathManagerError};
use netcfg::{Netlink, Sysctl};
use originals::{Originals, OriginalsError};
use settings::hub::Settings;

/// What was changed can be put back.
#[derive(Debug)]
pub struct Tuned {
    originals: Originals,
    path_manager: PathManager,
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
    /// No path manager.
    #[error(transparent)]
    PathManager(#[from] PathManagerError),
    /// An address can't be announced.
    #[error(
        "cannot announce this server's addresses; run the hub as root (CAP_NET_ADMIN), or leave \
         `announce` empty"
    )]
    Announce(#[source] OriginalsError),
    /// What an earlier run has left is unknown, or another hub runs.
    #[error(transparent)]
    Originals(OriginalsError),
}

impl Tuned {
    /// Sets limits, announced addresses and kernel settings. What can't be set is logged: the hub
    /// works without, slower.
    ///
    /// # Errors
    /// When an address is not the server's or can't be announced. Nothing stays changed then.
    pub async fn apply(settings: &Settings, netlink: &Netlink) -> Result<Self, TuneError> {
        let announced = announced(settings, netlink).await?;
        let file = &settings.state;
        let mut tuned = Self {
            originals: Originals::load(file).map_err(TuneError::Originals)?,
            path_manager: PathManager::new()?,
        };
        let (originals, path_manager) = (&mut tuned.originals, &tuned.path_manager);
        if let Err(error) = originals.set_endpoints(path_manager, &announced).await {
            tuned.restore().await;
            return Err(TuneError::Announce(error));
        }
        if let Err(error) = tuned.set_kernel(settings).await {
            tracing::warn!(
                "{:#}; the kernel keeps its own settings, with which connections may be slower. \
                 Run the hub as root, or with CAP_NET_ADMIN and a folder for {} that it can write to",
                anyhow::Error::from(error),
                file.display()
            );
        }
        Ok(tuned)
    }

    /// Puts back what was there. What fails is logged: the hub is going anyway.
    pub async fn restore(self) {
        for error in self.originals.restore(&self.path_manager).await {
            tracing::warn!("{:#}", anyhow::Error::from(error));
        }
    }

    /// Logs what this kernel refuses.
    ///
    /// # Errors
    /// If this process may set nothing.
    async fn set_kernel(&mut self, settings: &Settings) -> Result<(), OriginalsError> {
        let limits = Limits {
            subflows: settings.mptcp.subflows.into(),
            add_addr_accepted: settings.mptcp.add_addr_accepted.into(),
        };
        let limited = self.originals.set_limits(&self.path_manager, limits).await;
        refused(limited)?;
        for (key, value) in sysctls(settings) {
            match self.originals.set(&key, &value) {
                // A network namespace may choose only what tcp_allowed_congestion_control lists, root
                // or not; that says nothing of the other settings.
                Err(error) if key.to_string() == Tuning::CONGESTION_CONTROL => {
                    tracing::warn!("{:#}", anyhow::Error::from(error));
                }
                result => refused(result)?,
            }
        }
        Ok(())
    }
}

fn refused(result: Result<(), OriginalsError>) -> Result<(), OriginalsError> {
    match result {
        Err(error) if error.is_for_want_of_rights() => Err(error),
        Err(error) => {
            tracing::warn!("{:#}", anyhow::Error::from(error));
            Ok(())
        }
        Ok(()) => Ok(()),
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

/// What to set, of what this kernel has.
fn sysctls(settings: &Settings) -> Vec<(Sysctl, String)> {
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
        let name = &tuning.congestion_control;
        tracing::warn!(
            "this kernel has no {name}; load it (modprobe tcp_{name}) or set mptcp.congestion_control"
        );
    }
    let wanted = tuning.sysctls(value_of).into_iter();
    wanted
        .filter_map(|(key, value)| Some((Sysctl::new(key).ok()?, value)))
        .collect()
}
