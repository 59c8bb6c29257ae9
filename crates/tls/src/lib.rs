//! TLS 1.3 between edge and hub, without I/O.
#![forbid(unsafe_code)]
