//! One machine as the whole Internet: namespaces, emulated links, measurements, the report.

pub mod access;
mod allowed;
pub mod browser;
pub mod compare;
pub mod daemon;
pub mod demo;
pub mod evaluate;
pub mod faults;
pub mod link;
mod median;
pub mod report;
pub mod rig;
pub mod sweep;
pub mod topology;
pub mod traffic;
pub mod vm;
