//! What is said of a kernel: a file of JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::artifact::Artifact;
use crate::name::Release;

/// The version of the manifest's form.
pub const FORMAT: u32 = 1;

/// The longest manifest, in bytes. One has some 5 KB.
pub const LONGEST_MANIFEST: usize = 64 << 10;

/// What a kernel and its modules can measure at most, in bytes. Microsoft's have 16 MB and some 500 MB.
const LARGEST_KERNEL: u64 = 128 << 20;
const LARGEST_MODULES: u64 = 4 << 30;

/// A kernel with its modules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    format: u32,
    /// What the kernel calls itself (`uname -r`).
    pub release: Release,
    /// What it was built from: a tag, or a version.
    pub source: String,
    /// The options that Manypath wants, and what they are.
    pub options: BTreeMap<String, String>,
    /// The kernel.
    pub kernel: Artifact,
    /// The disk image with its modules.
    pub modules: Artifact,
}

/// Why bytes are no manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Too long.
    #[error("a manifest has at most {LONGEST_MANIFEST} bytes, not {0}")]
    TooLong(usize),
    /// Not JSON, or something is missing or wrong in it.
    #[error("it is no manifest of a kernel")]
    Json(#[from] serde_json::Error),
    /// Of a time to come.
    #[error("it has form {0}, and this Manypath knows form {FORMAT}; update Manypath")]
    Format(u32),
    /// A file that can't be what it is called.
    #[error("it says that {file} has {bytes} bytes, and between 1 and {limit} are possible")]
    Size {
        /// The file's name.
        file: String,
        /// What the manifest says.
        bytes: u64,
        /// What can be.
        limit: u64,
    },
    /// Two files of one name.
    #[error("it calls both kernel and modules {0}")]
    SameName(String),
}

#[derive(Deserialize)]
struct Form {
    format: u32,
}

impl Manifest {
    /// Of these files.
    ///
    /// # Errors
    /// When they can't be what they are called.
    pub fn new(
        release: Release,
        source: String,
        options: BTreeMap<String, String>,
        kernel: Artifact,
        modules: Artifact,
    ) -> Result<Self, ManifestError> {
        let format = FORMAT;
        Self {
            format,
            release,
            source,
            options,
            kernel,
            modules,
        }
        .checked()
    }

    /// Reads a manifest. Nobody vouches for it: see [`crate::Key::open`].
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        if bytes.len() > LONGEST_MANIFEST {
            return Err(ManifestError::TooLong(bytes.len()));
        }
        // First of all the form: another one may have other fields.
        let Form { format } = serde_json::from_slice(bytes)?;
        if format != FORMAT {
            return Err(ManifestError::Format(format));
        }
        serde_json::from_slice::<Self>(bytes)?.checked()
    }

    /// As JSON, to be signed and handed out.
    ///
    /// # Errors
    /// When it would be too long.
    pub fn to_json(&self) -> Result<Vec<u8>, ManifestError> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        match bytes.len() {
            length if length > LONGEST_MANIFEST => Err(ManifestError::TooLong(length)),
            _ => Ok(bytes),
        }
    }

    fn checked(self) -> Result<Self, ManifestError> {
        for (artifact, limit) in [
            (&self.kernel, LARGEST_KERNEL),
            (&self.modules, LARGEST_MODULES),
        ] {
            if !(1..=limit).contains(&artifact.bytes) {
                let (file, bytes) = (artifact.file.to_string(), artifact.bytes);
                return Err(ManifestError::Size { file, bytes, limit });
            }
        }
        let (kernel, modules) = (self.kernel.file.as_str(), self.modules.file.as_str());
        if kernel.eq_ignore_ascii_case(modules) {
            return Err(ManifestError::SameName(kernel.to_owned()));
        }
        Ok(self)
    }
}

#[cfg(test)]
#[path = "manifest_tests.rs"]
mod tests;
