//! `manypath connect`: the real program, with a real hub behind emulated links.

mod bad;
mod good;
mod running;
mod world;
