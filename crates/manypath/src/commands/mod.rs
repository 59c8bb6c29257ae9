//! The commands: those that are the same everywhere, those of Linux in `linux`. Windows' own go into `windows`.

#[cfg(target_os = "linux")]
pub mod linux;
pub mod settings;

#[cfg_attr(
    all(windows, not(test)),
    expect(
        dead_code,
        reason = "it is for Windows' `path`, which is not there yet"
    )
)]
mod role;
#[cfg_attr(
    all(windows, not(test)),
    expect(
        dead_code,
        reason = "it is for Windows' `status`, which is not there yet"
    )
)]
mod status_text;
