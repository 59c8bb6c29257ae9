//! `cargo xtask kernel` on a real tree: Debian's package linux-source-6.1.

mod build;
mod options;
mod release;
mod tree;
