//! Linux MPTCP: sockets, MPTCP_INFO, path manager.
