//! A kernel with its modules as it is handed out: a manifest, its signature, and two files.
//!
//! `cargo xtask kernel` writes the manifest, the release's workflow signs it by minisign, and the host
//! opens it: [`Key::open`] is the only way from bytes to a [`Manifest`] that a signature vouches for, and
//! [`Artifact::copy`] the only way from a file to one that the manifest vouches for. Without I/O of its own.
#![forbid(unsafe_code)]

mod artifact;
mod key;
mod manifest;
mod name;

pub use artifact::{Artifact, CopyError, Sha256, Sha256Error};
pub use key::{Key, KeyError, OpenError};
pub use manifest::{FORMAT, LONGEST_MANIFEST, Manifest, ManifestError};
pub use name::{FileName, NameError, Release};
