//! `manypath hub install` and `uninstall`: the real program on a machine whose /etc, /usr/local, /var, /run,
//! processes and network are its own. Of systemd's programs only `systemctl` is played, because nothing runs
//! that it could speak to.
#![cfg(target_os = "linux")]

mod image;
mod machine;
mod server;
