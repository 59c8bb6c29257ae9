//! Takes TCP in, connects it onwards over MPTCP, and moves the bytes.
