//! One machine as the whole Internet: namespaces, emulated links, measurements, the report.

pub mod access;
pub mod daemon;
pub mod link;
pub mod rig;
pub mod topology;
pub mod traffic;
