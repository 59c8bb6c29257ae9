//! Installed kernels on the disk: a folder for each, beside the program, where only administrators write.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use kernelpack::{
    Artifact, CopyError, FileName, Key, LONGEST_MANIFEST, Manifest, ManifestError, OpenError,
    Sha256,
};
use wslconfig::{Kernel, WindowsPathError};

/// What the files are called in their folder, whatever the manifest calls them.
const KERNEL: &str = "kernel";
const MODULES: &str = "modules.vhdx";
pub(super) const MANIFEST: &str = "manifest.json";

/// What minisign puts behind the name of what it has signed.
pub(super) const SIGNATURE: &str = ".minisig";

/// How many digits of the manifest's hash tell two builds of one release apart.
const DIGITS: usize = 8;

/// Where a manifest and its files come from.
pub trait Source {
    /// Opens the manifest, or what has its name with something behind it.
    ///
    /// # Errors
    /// When it is not there.
    fn manifest(&self, behind: &str) -> io::Result<Box<dyn Read + '_>>;

    /// Opens a file beside it.
    ///
    /// # Errors
    /// When it is not there.
    fn beside(&self, name: &FileName) -> io::Result<Box<dyn Read + '_>>;

    /// For people.
    fn name(&self) -> String;
}

/// The shelf.
#[derive(Clone, Debug)]
pub struct Shelf {
    folder: PathBuf,
    /// The folder as WSL is told of it.
    for_wsl: String,
}

/// A kernel that is on the shelf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// What its folder is called.
    pub id: FileName,
    /// What it is.
    pub manifest: Manifest,
}

/// Why a kernel is not put onto the shelf, or not found there.
#[derive(Debug, thiserror::Error)]
pub enum ShelfError {
    /// The manifest or its signature can't be read.
    #[error("cannot read {file}")]
    Read {
        /// Which.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// Nobody vouches for it.
    #[error("{file} is refused")]
    Refused {
        /// Which.
        file: String,
        /// Why.
        source: OpenError,
    },
    /// A file is not what the manifest says.
    #[error(transparent)]
    File(#[from] CopyError),
    /// The shelf can't be written.
    #[error("cannot {what} {}", path.display())]
    Disk {
        /// What was to be done.
        what: &'static str,
        /// With which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// What is on the shelf was damaged.
    #[error("the manifest of the installed kernel {id} is damaged; install it again")]
    Damaged {
        /// Which.
        id: String,
        /// How.
        source: ManifestError,
    },
    /// WSL could not read the path.
    #[error("Manypath's own folder can't hold kernels")]
    Path(#[from] WindowsPathError),
}

impl Shelf {
    /// In this folder, which WSL is to be told of by that name.
    pub fn new(folder: impl Into<PathBuf>, for_wsl: impl Into<String>) -> Self {
        Self {
            folder: folder.into(),
            for_wsl: for_wsl.into(),
        }
    }

    /// Puts a kernel onto the shelf, if the key vouches for all of it. Until then nothing of it has the name
    /// that it is used by.
    ///
    /// # Errors
    /// When it is not vouched for, or can't be written.
    pub fn place(&self, source: &dyn Source, key: &Key) -> Result<Placed, ShelfError> {
        let Opened {
            manifest, bytes, ..
        } = open(source, key)?;
        let id = id(&manifest, &bytes);
        // Its path must be one that WSL can read, before anything is written.
        self.paths(&id)?;
        let target = self.folder.join(id.as_str());
        if is_whole(&target, &manifest) {
            return Ok(Placed { id, manifest });
        }
        let new = self.folder.join(format!("{id}.new"));
        clear(&new)?;
        clear(&target)?;
        fs::create_dir_all(&new).map_err(ShelfError::disk("make", &new))?;
        let placed = fill(&new, source, &manifest, &bytes)
            .and_then(|()| fs::rename(&new, &target).map_err(ShelfError::disk("rename", &new)));
        if placed.is_err() {
            // The error that counts is the one before.
            let _ = clear(&new);
        }
        placed.map(|()| Placed { id, manifest })
    }

    /// What is known of a kernel on the shelf.
    ///
    /// # Errors
    /// When it is not there, or damaged.
    pub fn manifest(&self, id: &FileName) -> Result<Manifest, ShelfError> {
        let file = self.folder.join(id.as_str()).join(MANIFEST);
        let bytes = File::open(&file).and_then(|file| limited(file, LONGEST_MANIFEST));
        let bytes = bytes.map_err(ShelfError::disk("read", &file))?;
        Manifest::parse(&bytes).map_err(|source| ShelfError::Damaged {
            id: id.to_string(),
            source,
        })
    }

    /// What WSL is to be told; `None` if the files are not there any more, as the VM would not start.
    pub fn kernel(&self, id: &FileName) -> Option<Kernel> {
        let folder = self.folder.join(id.as_str());
        let is_there = folder.join(KERNEL).is_file() && folder.join(MODULES).is_file();
        is_there.then(|| self.paths(id).ok()).flatten()
    }

    /// Deletes what is not in use. What can't be deleted, because a VM still has it open, goes the next time.
    pub fn clear_but<'a>(&self, in_use: impl Iterator<Item = &'a FileName>) {
        let in_use: Vec<&str> = in_use.map(FileName::as_str).collect();
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            if !in_use.iter().any(|it| name == *it) {
                let _ = clear(&entry.path());
            }
        }
    }

    fn paths(&self, id: &FileName) -> Result<Kernel, WindowsPathError> {
        let path = |name: &str| format!(r"{}\{id}\{name}", self.for_wsl).parse();
        Ok(Kernel {
            kernel: path(KERNEL)?,
            modules: path(MODULES)?,
        })
    }
}

/// A manifest that a key vouches for.
pub(super) struct Opened {
    pub manifest: Manifest,
    /// As it was signed.
    pub bytes: Vec<u8>,
    pub signature: Vec<u8>,
}

/// Opens a manifest, if the key vouches for it.
pub(super) fn open(source: &dyn Source, key: &Key) -> Result<Opened, ShelfError> {
    let bytes = read(source, "")?;
    let signature = read(source, SIGNATURE)?;
    let manifest = key.open(&bytes, &signature);
    let manifest = manifest.map_err(|error| ShelfError::Refused {
        file: source.name(),
        source: error,
    })?;
    Ok(Opened {
        manifest,
        bytes,
        signature,
    })
}

fn id(manifest: &Manifest, bytes: &[u8]) -> FileName {
    let hash = Sha256::of(bytes).to_string();
    let id = format!("{}-{}", manifest.release, &hash[..DIGITS]);
    id.parse()
        .expect("a release with digits behind it is a plain name")
}

fn fill(
    folder: &Path,
    source: &dyn Source,
    manifest: &Manifest,
    bytes: &[u8],
) -> Result<(), ShelfError> {
    for (artifact, name) in [(&manifest.kernel, KERNEL), (&manifest.modules, MODULES)] {
        let path = folder.join(name);
        let from = source.beside(&artifact.file);
        let from = from.map_err(|source| CopyError::Read {
            file: artifact.file.clone(),
            source,
        })?;
        let mut to = File::create(&path).map_err(ShelfError::disk("make", &path))?;
        artifact.copy(from, &mut to)?;
        to.sync_all().map_err(ShelfError::disk("write", &path))?;
    }
    let path = folder.join(MANIFEST);
    fs::write(&path, bytes).map_err(ShelfError::disk("write", &path))
}

/// Whether a kernel is there already, with nothing changed.
fn is_whole(folder: &Path, manifest: &Manifest) -> bool {
    let is_right = |artifact: &Artifact, name| {
        let file = File::open(folder.join(name));
        file.is_ok_and(|file| artifact.copy(file, &mut io::sink()).is_ok())
    };
    is_right(&manifest.kernel, KERNEL)
        && is_right(&manifest.modules, MODULES)
        && folder.join(MANIFEST).is_file()
}

fn read(source: &dyn Source, behind: &str) -> Result<Vec<u8>, ShelfError> {
    let bytes = source
        .manifest(behind)
        .and_then(|file| limited(file, LONGEST_MANIFEST));
    let file = format!("{}{behind}", source.name());
    bytes.map_err(|source| ShelfError::Read { file, source })
}

/// One byte more than the limit at most, so that what is too long is seen to be.
fn limited(file: impl Read, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn clear(folder: &Path) -> Result<(), ShelfError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(ShelfError::disk("delete", folder)(error))
        }
        _ => Ok(()),
    }
}

impl ShelfError {
    pub(super) fn disk(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Disk { what, path, source }
    }
}

/// A manifest on a disk, with its files beside it.
#[derive(Clone, Debug)]
pub struct Files(pub PathBuf);

impl Source for Files {
    fn manifest(&self, behind: &str) -> io::Result<Box<dyn Read + '_>> {
        let mut path = self.0.clone().into_os_string();
        path.push(behind);
        Ok(Box::new(File::open(path)?))
    }

    fn beside(&self, name: &FileName) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(File::open(self.0.with_file_name(name.as_str()))?))
    }

    fn name(&self) -> String {
        self.0.display().to_string()
    }
}

#[cfg(test)]
#[path = "shelf_tests.rs"]
pub(crate) mod tests;
