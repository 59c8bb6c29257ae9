//! Changes kernel settings so that they can be put back.
//!
//! What was there is written into a file before it is changed. The file outlives a run that was
//! killed: the next one takes it up, and its clean end puts back what was there before the first.
#![forbid(unsafe_code)]

mod error;
mod file;

use std::net::IpAddr;
use std::path::Path;

use mptcp::{EndpointFlags, EndpointSpec, Limits, PathManager, PathManagerError};
use netcfg::{InterfaceIndex, InterfaceName, Netlink, Sysctl, SysctlError};

pub use error::OriginalsError;
use file::{Displaced, File, Kept};

/// Kernel settings, the path manager's limits and endpoints that were changed, each with what was
/// there before.
#[derive(Debug)]
pub struct Originals(File);

impl Originals {
    /// Takes up what an earlier run wrote into the file `path`. A damaged file counts as none: its
    /// values are lost, and refusing to start would not bring them back.
    ///
    /// # Errors
    /// If the file is there and can't be read, or another program that runs keeps its values there.
    pub fn load(path: &Path) -> Result<Self, OriginalsError> {
        File::load(path).map(Self)
    }

    /// Sets a kernel setting in the calling thread's network namespace.
    ///
    /// # Errors
    /// If it can't be set, or reads back otherwise than it was written. If the former value can't be
    /// written down, nothing is changed.
    pub fn set(&mut self, key: &Sysctl, value: &str) -> Result<(), OriginalsError> {
        let is = key.read()?;
        if same(&is, value) {
            return Ok(());
        }
        self.remember(key, is, value)?;
        key.write(value)?;
        let is = key.read()?;
        if same(&is, value) {
            return Ok(());
        }
        Err(OriginalsError::Refused {
            key: key.clone(),
            wanted: value.to_owned(),
            is,
        })
    }

    /// What is there is ours, of an earlier round or a run that was killed: the older value counts.
    /// Else somebody has set it since, and this is the value to go back to.
    fn remember(&mut self, key: &Sysctl, is: String, value: &str) -> Result<(), OriginalsError> {
        let name = key.to_string();
        let former = match self.0.values.sysctls.remove(&name) {
            Some(kept) if same(&kept.ours, &is) => kept.former,
            _ => is,
        };
        let ours = value.to_owned();
        let sysctls = &mut self.0.values.sysctls;
        sysctls.insert(name, Kept { former, ours });
        self.0.save()
    }

    /// Sets the path manager's limits.
    ///
    /// # Errors
    /// As [`Originals::set`].
    pub async fn set_limits(
        &mut self,
        path_manager: &PathManager,
        limits: Limits,
    ) -> Result<(), OriginalsError> {
        let is = path_manager.limits().await?;
        if is == limits {
            return Ok(());
        }
        let former = match self.0.values.limits {
            Some(kept) if kept.ours == pair(is) => kept.former,
            _ => pair(is),
        };
        let ours = pair(limits);
        self.0.values.limits = Some(Kept { former, ours });
        self.0.save()?;
        Ok(path_manager.set_limits(limits).await?)
    }

    /// Makes `specs` the endpoints that this program has: adds what is missing, and deletes what an
    /// earlier run has left and nobody wants any more. An endpoint that somebody else has for one of
    /// the addresses, with other flags, is replaced.
    ///
    /// # Errors
    /// When the path manager refuses, or what was there can't be written down.
    pub async fn set_endpoints(
        &mut self,
        path_manager: &PathManager,
        specs: &[EndpointSpec],
    ) -> Result<(), OriginalsError> {
        let left: Vec<IpAddr> = self.0.values.endpoints.keys().copied().collect();
        for address in left {
            if !specs.iter().any(|spec| spec.address == address) {
                self.take_endpoint_back(path_manager, address).await?;
                self.0.save()?;
            }
        }
        for spec in specs {
            self.set_endpoint(path_manager, spec).await?;
        }
        Ok(())
    }

    async fn set_endpoint(
        &mut self,
        path_manager: &PathManager,
        spec: &EndpointSpec,
    ) -> Result<(), OriginalsError> {
        let there = path_manager.endpoints().await?.into_iter();
        let there = there
            .filter(|endpoint| !endpoint.flags.contains(EndpointFlags::IMPLICIT))
            .find(|endpoint| endpoint.address == spec.address && endpoint.port == spec.port);
        if let Some(there) = &there
            && (there.flags, there.interface) == (spec.flags, spec.interface)
        {
            return Ok(());
        }
        let displaced = there.as_ref().map(|there| Displaced {
            interface: there.interface,
            flags: there.flags.bits(),
        });
        // What an earlier run has displaced is what was there first.
        let endpoints = &mut self.0.values.endpoints;
        endpoints.entry(spec.address).or_insert(displaced);
        self.0.save()?;
        if let Some(there) = there {
            delete(path_manager, there.id).await?;
        }
        Ok(path_manager.add(spec).await?)
    }

    /// Brings an interface up that is down.
    ///
    /// # Errors
    /// If the kernel refuses. If it can't be written down, nothing is changed.
    pub async fn set_up(
        &mut self,
        netlink: &Netlink,
        index: InterfaceIndex,
        name: &InterfaceName,
    ) -> Result<(), OriginalsError> {
        if self.0.values.links.insert(name.to_string()) {
            self.0.save()?;
        }
        Ok(netlink.set_link_up(index).await?)
    }

    /// Takes down what [`Originals::set_up`] has brought up. With an interface its addresses and routes
    /// go, those that routers have advertised too, so this comes after everything that needs them.
    /// Goes on after an error and returns all of them.
    pub async fn take_down(&mut self, netlink: &Netlink) -> Vec<OriginalsError> {
        let links = match netlink.links().await {
            Ok(links) => links,
            Err(error) => return vec![error.into()],
        };
        let mut errors = Vec::new();
        for name in std::mem::take(&mut self.0.values.links) {
            let link = links.iter().find(|link| link.name.as_str() == name);
            if let Some(link) = link
                && let Err(error) = netlink.set_link_down(link.index).await
            {
                errors.push(error.into());
                self.0.values.links.insert(name);
            }
        }
        errors
    }

    /// Puts everything else back, but for what somebody else has set to another value since. Goes on after
    /// an error and returns all of them; what could not be put back stays in the file.
    pub async fn restore(mut self, path_manager: &PathManager) -> Vec<OriginalsError> {
        let mut errors = self.restore_sysctls();
        if let Some(kept) = self.0.values.limits
            && let Err(error) = restore_limits(path_manager, kept).await
        {
            errors.push(error.into());
        } else {
            self.0.values.limits = None;
        }
        let endpoints: Vec<IpAddr> = self.0.values.endpoints.keys().copied().collect();
        for address in endpoints {
            if let Err(error) = self.take_endpoint_back(path_manager, address).await {
                errors.push(error.into());
            }
        }
        errors.extend(self.0.save().err());
        errors
    }

    fn restore_sysctls(&mut self) -> Vec<OriginalsError> {
        let mut errors = Vec::new();
        self.0.values.sysctls.retain(|name, kept| {
            let error = restore_sysctl(name, kept).err();
            let failed = error.is_some();
            errors.extend(error.map(OriginalsError::from));
            failed
        });
        errors
    }

    /// Deletes our endpoint, adds what it had displaced, and forgets both.
    async fn take_endpoint_back(
        &mut self,
        path_manager: &PathManager,
        address: IpAddr,
    ) -> Result<(), PathManagerError> {
        for endpoint in path_manager.endpoints().await? {
            if endpoint.address == address && endpoint.flags.contains(EndpointFlags::SIGNAL) {
                delete(path_manager, endpoint.id).await?;
            }
        }
        if let Some(Some(displaced)) = self.0.values.endpoints.get(&address) {
            let spec = EndpointSpec {
                address,
                port: None,
                interface: displaced.interface,
                flags: EndpointFlags::from_bits_retain(displaced.flags),
                id: None,
            };
            path_manager.add(&spec).await?;
        }
        self.0.values.endpoints.remove(&address);
        Ok(())
    }
}

async fn restore_limits(
    path_manager: &PathManager,
    kept: Kept<(u32, u32)>,
) -> Result<(), PathManagerError> {
    if pair(path_manager.limits().await?) != kept.ours {
        return Ok(());
    }
    let (subflows, add_addr_accepted) = kept.former;
    path_manager
        .set_limits(Limits {
            subflows,
            add_addr_accepted,
        })
        .await
}

/// Gone is fine: the interface has gone, and its settings with it.
fn restore_sysctl(name: &str, kept: &Kept<String>) -> Result<(), SysctlError> {
    let key = Sysctl::new(name)?;
    let restored = key.read().and_then(|is| match same(&is, &kept.ours) {
        true => key.write(&kept.former),
        false => Ok(()),
    });
    match restored {
        Err(SysctlError::NotFound { .. }) => Ok(()),
        other => other,
    }
}

async fn delete(path_manager: &PathManager, id: mptcp::EndpointId) -> Result<(), PathManagerError> {
    match path_manager.delete(id).await {
        Err(error) if error.is_not_found() => Ok(()),
        other => other,
    }
}

fn pair(limits: Limits) -> (u32, u32) {
    (limits.subflows, limits.add_addr_accepted)
}

/// The kernel puts other blanks between numbers than were written.
fn same(a: &str, b: &str) -> bool {
    a.split_ascii_whitespace().eq(b.split_ascii_whitespace())
}

#[cfg(test)]
mod tests;
