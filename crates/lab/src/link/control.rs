use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;

use netcfg::{InterfaceName, MacAddress, NetNs};
use rustix::event::EventfdFlags;

use super::counters::{Counters, LiveCounters};
use super::forward::Forwarder;
use super::profile::Profile;
use super::tap::{Tap, TapError};

/// A running emulated link. Dropping it ends its thread and takes both interfaces away.
#[derive(Debug)]
pub struct Link {
    handle: LinkHandle,
    thread: Option<JoinHandle<()>>,
}

/// The controls of a [`Link`], for any thread. It doesn't keep the link alive.
#[derive(Debug, Clone)]
pub struct LinkHandle {
    shared: Arc<Shared>,
    guest: Weak<Tap>,
}

/// What an emulated link is made of.
#[derive(Debug, Clone)]
pub struct LinkSpec {
    /// The end that belongs to the user. The carrier control concerns this one.
    pub guest: LinkEnd,
    /// The end that belongs to the Internet provider.
    pub access: LinkEnd,
    /// How the link behaves.
    pub profile: Profile,
    /// Largest IP packet in bytes, on both ends.
    pub mtu: u16,
}

/// One end of an emulated link: an Ethernet interface in a namespace.
#[derive(Debug, Clone)]
pub struct LinkEnd {
    /// Where the interface is.
    pub namespace: NetNs,
    /// What it is called.
    pub name: InterfaceName,
    /// Its hardware address; the kernel's choice if `None`.
    pub mac: Option<MacAddress>,
}

/// Why an emulated link could not be made or controlled.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// One of its interfaces could not be made.
    #[error("cannot make an end of the emulated link")]
    Tap(#[from] TapError),
    /// The descriptor that wakes the link's thread, or the thread itself.
    #[error("cannot start the thread of the emulated link {name}")]
    Start {
        /// The guest's interface.
        name: InterfaceName,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The kernel refused to change the carrier.
    #[error("cannot change the carrier of {name}: needs Linux 4.20 or newer")]
    Carrier {
        /// The guest's interface.
        name: InterfaceName,
        /// The kernel's reason.
        #[source]
        source: std::io::Error,
    },
    /// The [`Link`] that the handle belongs to has been dropped.
    #[error("the emulated link is gone")]
    Gone,
}

/// What the link's thread is to do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Control {
    pub(super) profile: Profile,
    pub(super) silent: bool,
    pub(super) carrier: bool,
    pub(super) stop: bool,
}

/// What the link's thread and its handles have in common.
#[derive(Debug)]
pub(super) struct Shared {
    control: Mutex<Control>,
    /// An eventfd that is readable when `control` has changed.
    pub(super) wake: OwnedFd,
    pub(super) down: LiveCounters,
    pub(super) up: LiveCounters,
}

impl Link {
    /// Makes both interfaces, down, and starts to forward between them.
    ///
    /// # Errors
    /// See [`LinkError`].
    pub fn start(spec: &LinkSpec) -> Result<Self, LinkError> {
        let tap = |end: &LinkEnd| Tap::create(&end.namespace, &end.name, end.mac, spec.mtu);
        let (guest, access) = (Arc::new(tap(&spec.guest)?), Arc::new(tap(&spec.access)?));
        let failed = |source| LinkError::Start {
            name: spec.guest.name.clone(),
            source,
        };
        let shared = Arc::new(Shared::new(spec.profile).map_err(failed)?);
        let handle = LinkHandle {
            shared: Arc::clone(&shared),
            guest: Arc::downgrade(&guest),
        };
        let forwarder = Forwarder::new(shared, guest, access, spec.mtu);
        let thread = std::thread::Builder::new()
            .name(format!("link {}", spec.guest.name))
            .spawn(move || {
                if let Err(error) = forwarder.run() {
                    tracing::error!(%error, "an emulated link has stopped");
                }
            })
            .map_err(failed)?;
        Ok(Self {
            handle,
            thread: Some(thread),
        })
    }

    /// The link's controls.
    #[must_use]
    pub fn handle(&self) -> &LinkHandle {
        &self.handle
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.handle.shared.change(|control| control.stop = true);
        if let Some(thread) = self.thread.take() {
            // It can only have panicked, and has said so on standard error then.
            drop(thread.join());
        }
    }
}

impl LinkHandle {
    /// Changes the link from the next frame on. What is on its way keeps its delay. The seed has no
    /// effect any more.
    pub fn set_profile(&self, profile: Profile) {
        self.shared.change(|control| control.profile = profile);
    }

    /// How the link behaves now.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.shared.control().profile
    }

    /// Drops everything both ways, carrier untouched, as a dead access network does; or ends that.
    /// Frames that arrive in the meantime are lost, those on their way longer than it lasts are not.
    pub fn silence(&self, silent: bool) {
        self.shared.change(|control| control.silent = silent);
    }

    /// Plugs the guest's cable in or pulls it. What is on its way is lost.
    ///
    /// # Errors
    /// [`LinkError::Carrier`], [`LinkError::Gone`].
    pub fn carrier(&self, on: bool) -> Result<(), LinkError> {
        let guest = self.guest.upgrade().ok_or(LinkError::Gone)?;
        self.shared.change(|control| control.carrier = on);
        guest.set_carrier(on).map_err(|source| LinkError::Carrier {
            name: guest.name().clone(),
            source,
        })
    }

    /// Whether the link drops everything, see [`LinkHandle::silence`].
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.shared.control().silent
    }

    /// Whether the guest's cable is plugged in.
    #[must_use]
    pub fn has_carrier(&self) -> bool {
        self.shared.control().carrier
    }

    /// What has passed so far. Cheap; both directions are not read at the same instant.
    #[must_use]
    pub fn counters(&self) -> Counters {
        Counters {
            down: self.shared.down.read(),
            up: self.shared.up.read(),
        }
    }
}

impl Shared {
    fn new(profile: Profile) -> std::io::Result<Self> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        Ok(Self {
            control: Mutex::new(Control {
                profile,
                silent: false,
                carrier: true,
                stop: false,
            }),
            wake: rustix::event::eventfd(0, flags)?,
            down: LiveCounters::default(),
            up: LiveCounters::default(),
        })
    }

    pub(super) fn control(&self) -> Control {
        *self.lock()
    }

    pub(super) fn quiet_wake(&self) {
        // Nothing to read means that it is quiet already.
        let _ = rustix::io::read(&self.wake, &mut [0; 8]);
    }

    fn change(&self, change: impl FnOnce(&mut Control)) {
        change(&mut self.lock());
        // This can only fail with 2^64 - 2 wake-ups pending, which would do as well.
        let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }

    /// A `Control` is whole at every moment, so a panic elsewhere leaves nothing to fear.
    fn lock(&self) -> MutexGuard<'_, Control> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
