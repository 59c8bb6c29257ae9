//! A server is made a hub, for real.
