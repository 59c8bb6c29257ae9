//! Two channels joined in memory, and what an attacker between them could do.

mod handshake;
mod idle;
mod pair;
mod tampering;
mod traffic;
