//! Edits `.wslconfig` in place, with WSL's own grammar.
//!
//! Pure: the file's bytes go in ([`Document::parse`]) and come out ([`Document::as_bytes`]). A setting is
//! changed where WSL reads it, every other byte stays, and what was there is kept in [`Changes`], so
//! that [`Document::restore`] can put it back.
//!
//! The grammar is that of WSL's parser (`src/shared/configfile/configfile.cpp`), read through the text
//! mode of the Windows C runtime, as WSL does (`src/windows/common/WslCoreConfig.cpp:136`, `_wfopen` with
//! `"rt,ccs=UTF-8"`; the runtime's `open.cpp` and `read.cpp`). WSL skips lines that it can't read, so no
//! line makes parsing fail. Line numbers of WSL's sources are those of microsoft/WSL at 3e27a6a5.
//!
//! * `encoding`: from bytes to what the C runtime hands to WSL's parser, and back.
//! * `grammar`: sections and entries, each with its place in the file.
//! * `document`: the file, and what WSL reads in it; `edit`: sets and restores.
//! * `key`, `setting`: what can be read, and what can be written.
#![forbid(unsafe_code)]

mod changes;
mod document;
mod edit;
mod encoding;
mod grammar;
mod key;
mod setting;
mod value;
mod windows_path;

pub use changes::{Changes, Restored};
pub use document::{Document, Found};
pub use encoding::ParseError;
pub use key::{Key, POLICIES};
pub use setting::{Kernel, Setting};
pub use windows_path::{WindowsPath, WindowsPathError};
