//! The kernel settings of guest and hub for peers that bring none themselves.

use anyhow::Context;
use mptcp::{EndpointFlags, EndpointSpec, Limits, PathManager};
use netcfg::{NetNs, Netlink, Sysctl};

use super::super::scene::{GuestUplink, Place};

/// Settings of one peer. Of what is not named here the kernel's defaults hold.
pub(super) struct Kernel {
    pub(super) guest: Limits,
    pub(super) hub: Option<Limits>,
    pub(super) settings: &'static [(&'static str, &'static str)],
}

impl Kernel {
    /// Sets limits and settings, and makes each uplink's address an endpoint with flag `subflow`, and
    /// `backup` for those that wait.
    pub(super) fn apply(&self, place: &Place) -> anyhow::Result<()> {
        for namespace in [&place.guest, &place.hub] {
            namespace.run(|| self.set())?;
        }
        manage(&place.guest, &place.uplinks, self.guest)?;
        match self.hub {
            Some(limits) => manage(&place.hub, &[], limits),
            None => Ok(()),
        }
    }

    fn set(&self) -> anyhow::Result<()> {
        let mut settings = self.settings.iter();
        settings.try_for_each(|(name, value)| Ok(Sysctl::new(name)?.write(value)?))
    }
}

fn manage(namespace: &NetNs, uplinks: &[GuestUplink], limits: Limits) -> anyhow::Result<()> {
    namespace.run(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let netlink = Netlink::new()?;
            let path_manager = PathManager::new()?;
            path_manager.set_limits(limits).await?;
            for uplink in uplinks {
                let link = netlink.link(&uplink.interface).await?;
                let mut flags = EndpointFlags::SUBFLOW;
                flags.set(EndpointFlags::BACKUP, uplink.is_backup);
                let spec = EndpointSpec {
                    address: uplink.address.into(),
                    port: None,
                    interface: Some(link.context("an uplink has vanished")?.index.0),
                    flags,
                    id: None,
                };
                path_manager.add(&spec).await?;
            }
            Ok(())
        })
    })
}
