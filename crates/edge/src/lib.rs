//! The agent in the guest: reconciles its network, runs the relay, reports status.
