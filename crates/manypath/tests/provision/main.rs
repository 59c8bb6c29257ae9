//! `manypath hub init` and `manypath hub user`: the real program in a folder of the test's own.
#![cfg(target_os = "linux")]

mod init;
mod place;
mod terminal;
mod users;
mod warnings;
