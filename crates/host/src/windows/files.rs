//! Where the service's files are.

use std::io;
use std::path::{Path, PathBuf};

use winproc::{AccessList, KnownFolder, private_directory};
use wslconfig::Kernel;

use crate::kernels::shelf::Shelf;
use crate::service::Image;
use crate::store::Store;

/// The service's folders, which only Windows and its administrators can look into: the settings hold
/// secrets.
#[derive(Clone, Debug)]
pub struct Folders {
    /// Settings, and what was changed on this PC.
    pub store: PathBuf,
    /// What the service and its edge have to say.
    pub logs: PathBuf,
}

impl Folders {
    /// Where they are, whether they are there or not.
    ///
    /// # Errors
    /// When Windows does not know.
    pub fn find() -> Result<Self, winproc::Error> {
        let store = KnownFolder::ProgramData.path()?.join("Manypath");
        Ok(Self {
            logs: store.join("logs"),
            store,
        })
    }

    /// Makes them, if they are not there.
    ///
    /// # Errors
    /// When one is somebody else's, or Windows refuses.
    pub fn make(&self) -> Result<(), winproc::Error> {
        for folder in [&self.store, &self.logs] {
            private_directory(folder, &AccessList::private())?;
        }
        Ok(())
    }

    /// What is kept there.
    pub fn store(&self) -> Store {
        let write = |file: &Path, bytes: &[u8]| {
            winproc::write_private(file, bytes).map_err(|error| match error {
                winproc::Error::Refused { source, .. } => source,
                other => io::Error::other(other),
            })
        };
        Store::new(&self.store, write)
    }
}

/// Where the program is installed.
pub(super) fn program_folder() -> Result<PathBuf, winproc::Error> {
    Ok(KnownFolder::ProgramFiles.path()?.join("Manypath"))
}

/// The folder with installed kernels in that of the program. Users may read it, and WSL does so in their
/// name; only administrators may write it.
pub(super) const KERNELS: &str = "kernels";

/// What is in it.
///
/// # Errors
/// When Windows does not know where programs are.
pub fn shelf() -> Result<Shelf, winproc::Error> {
    let folder = program_folder()?.join(KERNELS);
    let for_wsl = folder.display().to_string();
    Ok(Shelf::new(folder, for_wsl))
}

/// A file of Windows' own.
///
/// # Errors
/// When Windows does not know where they are.
pub fn system32(name: &str) -> Result<PathBuf, winproc::Error> {
    Ok(KnownFolder::System.path()?.join(name))
}

/// What comes with the program, in its folder.
///
/// # Errors
/// When Windows can't say where the program is.
pub fn beside_the_program() -> io::Result<Image> {
    let program = std::env::current_exe()?;
    let file = |name: &str| program.with_file_name(name);
    let path = |name: &str| {
        let file = file(name);
        let text = file.is_file().then(|| file.to_str().map(str::to_owned))?;
        text?.parse().ok()
    };
    let kernel = path("kernel").zip(path("modules.vhdx"));
    Ok(Image {
        file: file("manypath-guest.wsl"),
        id: env!("CARGO_PKG_VERSION").to_owned(),
        kernel: kernel.map(|(kernel, modules)| Kernel { kernel, modules }),
    })
}
