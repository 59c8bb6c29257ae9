//! Windows' Host Compute System and Network: WSL's VMs, virtual switches and network adapters.
