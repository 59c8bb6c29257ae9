//! nftables by netlink, against the kernel and against `nft`. Needs root, `nft` and `ip`.

mod errors;
mod listing;
mod packets;
mod readback;
mod support;
