//! nftables by netlink, against the kernel and against `nft`. Needs root, `nft` and `ip`.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod errors;
mod lab;
mod listing;
mod packets;
mod readback;
mod support;
mod tracked;
