//! Programs that are set to use the edge's proxy.

mod curl;
mod errors;
mod http;
mod hubs;
mod listeners;
mod programs;
mod uplinks;
