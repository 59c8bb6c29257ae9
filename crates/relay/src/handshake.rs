//! Reading the messages of a handshake.
