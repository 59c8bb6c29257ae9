//! The service on Windows: gives WSL's Linux every network card of the PC, and Windows' TCP to it.
//!
//! What is to be done is decided by pure functions: [`wiring`] brings cards into the VM, [`routing`]
//! brings traffic into it, [`setup`] prepares the user's WSL, [`kernels`] what it starts with, [`supervisor`] keeps the
//! edge running, [`lent`] sets what of Windows' settings is another for a while,
//! [`doctor`] says what is missing. [`service`] has it all done.
#![forbid(unsafe_code)]

pub mod cards;
mod causes;
pub mod control;
pub mod doctor;
pub mod edge;
mod goal;
pub mod kernels;
pub mod lent;
pub mod proxy;
pub mod recording;
pub mod registry;
pub mod routing;
pub mod service;
pub mod setup;
pub mod store;
pub mod supervisor;
pub mod verify;
#[cfg(windows)]
pub mod windows;
pub mod wiring;
pub mod wsl;

pub use goal::Goal;
