//! `manypath connect`: the real program, with a real hub behind emulated links.
#![cfg(target_os = "linux")]

mod bad;
mod good;
mod running;
mod world;
