//! Linux network configuration: links, addresses, routes, rules, DHCP leases, nftables.

pub mod dhcp;
pub mod nft;
