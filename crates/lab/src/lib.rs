//! One machine as the whole Internet: namespaces, emulated links, measurements, the report.

pub mod access;
pub mod compare;
pub mod daemon;
pub mod demo;
pub mod link;
pub mod report;
pub mod rig;
pub mod topology;
pub mod traffic;
