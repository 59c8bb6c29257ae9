//! The commands: those that are the same everywhere, those of Linux in `linux`, those of Windows in `windows`.

#[cfg(target_os = "linux")]
pub mod linux;
pub mod settings;
#[cfg(windows)]
pub mod windows;

mod role;
mod rules;
mod status_text;
