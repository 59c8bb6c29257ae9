use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use netcfg::{InterfaceName, MacAddress, NetNs, NetNsError};
use rustix::fs::{Mode, OFlags};

/// A TAP device: an Ethernet interface in a namespace whose wire is this file descriptor. It is
/// gone when the descriptor is closed, also by `kill -9`.
///
/// Without `IFF_VNET_HDR` the kernel hands out frames of at most the MTU with complete checksums:
/// segmentation and checksum offloads are off.
#[derive(Debug)]
pub struct Tap {
    fd: OwnedFd,
    name: InterfaceName,
}

/// Why a TAP device could not be made.
#[derive(Debug, thiserror::Error)]
pub enum TapError {
    /// The clone device is missing or closed to us.
    #[error("cannot open /dev/net/tun: run as root on a kernel with CONFIG_TUN (`modprobe tun`)")]
    Open(#[source] io::Error),
    /// The kernel refused the interface.
    #[error("cannot make the TAP interface {name}: does an interface of that name exist already?")]
    Create {
        /// Its name.
        name: InterfaceName,
        /// The kernel's reason.
        #[source]
        source: io::Error,
    },
    /// The kernel refused the hardware address or the MTU.
    #[error("cannot set {what} of the TAP interface {name}")]
    Configure {
        /// Its name.
        name: InterfaceName,
        /// What was to be set, with its value.
        what: String,
        /// The kernel's reason.
        #[source]
        source: io::Error,
    },
    /// The namespace that the interface was to live in.
    #[error("cannot make the TAP interface {name} in its namespace")]
    Namespace {
        /// Its name.
        name: InterfaceName,
        /// What the namespace said.
        #[source]
        source: NetNsError,
    },
}

impl Tap {
    /// Makes the interface `name` in `namespace`. It is down.
    ///
    /// # Errors
    /// See [`TapError`].
    pub fn create(
        namespace: &NetNs,
        name: &InterfaceName,
        mac: Option<MacAddress>,
        mtu: u16,
    ) -> Result<Self, TapError> {
        let made = namespace.try_run(|| {
            let tap = Self::open(name)?;
            if let Some(mac) = mac {
                tap.set_mac(mac)
                    .map_err(|source| tap.refused(format!("the address {mac}"), source))?;
            }
            tap.set_mtu(mtu)
                .map_err(|source| tap.refused(format!("the MTU {mtu}"), source))?;
            Ok(tap)
        });
        made.map_err(|source| TapError::Namespace {
            name: name.clone(),
            source,
        })?
    }

    /// The interface's name.
    #[must_use]
    pub fn name(&self) -> &InterfaceName {
        &self.name
    }

    /// Plugs the cable in or pulls it (Linux 4.20 or newer).
    ///
    /// # Errors
    /// What the kernel says.
    pub fn set_carrier(&self, on: bool) -> io::Result<()> {
        let on = libc::c_int::from(on);
        ioctl(self.fd.as_fd(), libc::TUNSETCARRIER, &mut { on })
    }

    /// The next frame that the interface sends. `WouldBlock` if there is none.
    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(&self.fd, buffer)?)
    }

    /// Lets the interface receive a frame.
    pub(super) fn write(&self, frame: &[u8]) -> io::Result<()> {
        rustix::io::write(&self.fd, frame)?;
        Ok(())
    }

    /// The descriptor belongs to the namespace of the thread that opens it.
    fn open(name: &InterfaceName) -> Result<Self, TapError> {
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = rustix::fs::open("/dev/net/tun", flags, Mode::empty())
            .map_err(|error| TapError::Open(error.into()))?;
        let mut request = request(name);
        request.ifr_ifru.ifru_flags = (libc::IFF_TAP | libc::IFF_NO_PI) as libc::c_short;
        ioctl(fd.as_fd(), libc::TUNSETIFF, &mut request).map_err(|source| TapError::Create {
            name: name.clone(),
            source,
        })?;
        Ok(Self {
            fd,
            name: name.clone(),
        })
    }

    fn set_mac(&self, mac: MacAddress) -> io::Result<()> {
        let mut request = request(&self.name);
        let mut address = libc::sockaddr {
            sa_family: libc::ARPHRD_ETHER,
            sa_data: [0; 14],
        };
        for (to, from) in address.sa_data.iter_mut().zip(mac.0) {
            *to = from as libc::c_char;
        }
        request.ifr_ifru.ifru_hwaddr = address;
        ioctl(
            self.fd.as_fd(),
            libc::SIOCSIFHWADDR as libc::Ioctl,
            &mut request,
        )
    }

    fn set_mtu(&self, mtu: u16) -> io::Result<()> {
        let mut request = request(&self.name);
        request.ifr_ifru.ifru_mtu = mtu.into();
        // Any socket of the namespace will do: the device's own descriptor doesn't know this one.
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None)?;
        ioctl(
            socket.as_fd(),
            libc::SIOCSIFMTU as libc::Ioctl,
            &mut request,
        )
    }

    fn refused(&self, what: String, source: io::Error) -> TapError {
        TapError::Configure {
            name: self.name.clone(),
            what,
            source,
        }
    }
}

impl AsFd for Tap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// An interface request that names `name` and is zero otherwise.
fn request(name: &InterfaceName) -> libc::ifreq {
    let mut ifr_name = [0; libc::IFNAMSIZ];
    // An interface name has at most 15 bytes, so the final zero stays.
    for (to, from) in ifr_name.iter_mut().zip(name.as_str().bytes()) {
        *to = from as libc::c_char;
    }
    let ifr_ifru = libc::__c_anonymous_ifr_ifru {
        ifru_map: EMPTY_MAP,
    };
    libc::ifreq { ifr_name, ifr_ifru }
}

/// The largest member of the request's union, so that no byte of it is undefined.
const EMPTY_MAP: libc::__c_anonymous_ifru_map = libc::__c_anonymous_ifru_map {
    mem_start: 0,
    mem_end: 0,
    base_addr: 0,
    irq: 0,
    dma: 0,
    port: 0,
};

#[expect(
    unsafe_code,
    reason = "no safe wrapper knows the TAP device's requests"
)]
fn ioctl<T>(fd: BorrowedFd<'_>, request: libc::Ioctl, argument: &mut T) -> io::Result<()> {
    // SAFETY: every caller in this file gives the type that its request reads or writes: an ifreq,
    // or an int for TUNSETCARRIER. The reference is valid and exclusive during the call.
    match unsafe { libc::ioctl(fd.as_raw_fd(), request, std::ptr::from_mut(argument)) } {
        0.. => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
