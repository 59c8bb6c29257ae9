//! The service on Windows: gives WSL's Linux every network card of the PC, and Windows' TCP to it.
//!
//! What is to be done is decided by pure functions: [`wiring`] brings cards into the VM, [`routing`]
//! brings traffic into it, [`setup`] prepares the user's WSL, [`supervisor`] keeps the edge running,
//! [`doctor`] says what is missing. [`service`] has it all done.
#![forbid(unsafe_code)]

pub mod cards;
mod causes;
pub mod control;
pub mod doctor;
pub mod edge;
mod goal;
pub mod registry;
pub mod routing;
pub mod service;
pub mod setup;
pub mod store;
pub mod supervisor;
#[cfg(windows)]
pub mod windows;
pub mod wiring;
pub mod wsl;

pub use goal::Goal;
