//! The first program of a VM of the lab's. It does for the edge what WSL's init does (`src/linux/init/config.cpp`):
//! mounts what every Linux has, brings up the interface towards the host, and starts the edge with the host's
//! pipes as its standard input and output. The pipes are ports of virtio-console, which say when the host has
//! closed them. The VM ends with the edge.
//!
//! The kernel gives settings of its command line that it does not know itself as environment variables:
//! `HOST_LINK` is the address of `eth0` with its prefix, `NAME_SERVER` who knows names.

#[cfg(target_os = "linux")]
mod linux;

#[cfg(target_os = "linux")]
fn main() {
    linux::main();
}

#[cfg(not(target_os = "linux"))]
fn main() {}
