//! Linux network configuration: links, addresses, routes, rules, DHCP leases, nftables.
