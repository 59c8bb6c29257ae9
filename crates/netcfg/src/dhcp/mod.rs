//! DHCPv4 client: codec, sans-I/O state machine, and an async driver.
