//! The server where MPTCP ends.
