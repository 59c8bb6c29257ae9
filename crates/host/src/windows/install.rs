//! Puts the program onto the PC, and takes it away again. Needs an administrator's rights.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use winnet::{PolicyStore, RegistryPolicy};
use winproc::{EventLog, Installed};

use super::files::{Folders, KERNELS, program_folder};
use super::pipe::{AskError, ask};
use super::run::SERVICE;
use crate::control::{Answer, Request};
use crate::store::StoreError;

/// How long the service may take to start, and to stop: the edge has four seconds to put the guest's
/// network back.
const START_LIMIT: Duration = Duration::from_secs(30);
const STOP_LIMIT: Duration = Duration::from_secs(15);

/// What comes with the program. The kernel and its modules may be missing: then somebody else's is used.
const COMPANIONS: [&str; 3] = ["manypath-guest.wsl", "kernel", "modules.vhdx"];
const PROGRAM: &str = "manypath.exe";

/// Why it can't be installed, or not be taken away.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// Windows refuses.
    #[error(transparent)]
    Windows(#[from] winproc::Error),
    /// A file can't be copied or deleted.
    #[error("cannot {what} {}", file.display())]
    File {
        /// What was to be done.
        what: &'static str,
        /// With which.
        file: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// What was changed can't be written down, so it isn't changed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// `fMinimizeConnections` can't be changed.
    #[error(transparent)]
    Policy(#[from] winnet::PolicyError),
    /// The service can't be asked.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// The service could not take everything away.
    #[error("{0}; nothing more was taken away, so it can be tried again")]
    Left(String),
}

/// Whether Windows switches Wi-Fi off when Ethernet is there, and this PC's owner may change that.
pub fn minimizes_connections() -> bool {
    let policy = RegistryPolicy.policy();
    policy.is_ok_and(|it| it.in_force() != winnet::Minimize::Never && !it.is_forced())
}

/// Has Windows keep all connections from now on, and remembers what it did before.
///
/// # Errors
/// When Windows refuses.
pub fn keep_connections() -> Result<(), InstallError> {
    let store = Folders::find()?.store();
    if store.minimize()?.is_none() {
        store.set_minimize(Some(RegistryPolicy.policy()?.local))?;
    }
    Ok(winnet::allow_all(&RegistryPolicy)?)
}

/// Copies the program, makes the service known and starts it. `progress` is told what is done next.
///
/// # Errors
/// When Windows refuses. What was done stays, and is done again by the next try.
pub fn install(progress: &mut dyn FnMut(&str)) -> Result<(), InstallError> {
    let target = program_folder()?;
    progress("stop the service, if it runs");
    winproc::stop_service(SERVICE, STOP_LIMIT)?;
    progress(&format!("copy the program to {}", target.display()));
    copy_program(&target)?;
    progress("make the folder for settings and logs");
    Folders::find()?.make()?;
    progress("make the service known to Windows");
    EventLog::register(SERVICE)?;
    winproc::install_service(&Installed {
        name: SERVICE.to_owned(),
        display_name: "Manypath".to_owned(),
        description: "Uses all Internet connections of this PC at once (Multipath TCP).".to_owned(),
        program: target.join(PROGRAM),
        arguments: vec!["service".into()],
    })?;
    progress("start the service");
    winproc::start_service(SERVICE, START_LIMIT)?;
    Ok(())
}

/// Starts the service, if it is not running.
///
/// # Errors
/// When Windows refuses.
pub fn start() -> Result<(), winproc::Error> {
    winproc::start_service(SERVICE, START_LIMIT)
}

/// Takes everything away. `progress` is told what is done next.
///
/// # Errors
/// When something can't be taken away. It can be tried again.
pub fn uninstall(progress: &mut dyn FnMut(&str)) -> Result<(), InstallError> {
    let folders = Folders::find()?;
    if winproc::service_state(SERVICE)?.is_some() {
        progress("start the service, if it does not run: it takes away what it has made");
        winproc::start_service(SERVICE, START_LIMIT)?;
        progress("take switches, adapters, routes and the users' settings away");
        match ask(&Request::Remove)? {
            Answer::Done(_) => {}
            Answer::Refused(why) => return Err(InstallError::Left(why)),
            Answer::Status(_) | Answer::Recorded(_) => {
                return Err(InstallError::Left("the service is confused".to_owned()));
            }
        }
        progress("remove the service");
        winproc::remove_service(SERVICE, STOP_LIMIT)?;
    }
    let store = folders.store();
    if let Some(original) = store.minimize()? {
        progress("let Windows treat its connections as before");
        winnet::restore(&RegistryPolicy, original)?;
        store.set_minimize(None)?;
    }
    EventLog::unregister(SERVICE)?;
    progress("delete settings, logs and the program");
    remove_folder(&folders.store)?;
    remove_program(&program_folder()?)
}

fn failed(what: &'static str, file: &Path) -> impl FnOnce(io::Error) -> InstallError {
    let file = file.to_owned();
    move |source| InstallError::File { what, file, source }
}

fn copy_program(target: &Path) -> Result<(), InstallError> {
    let here = std::env::current_exe().map_err(failed("find", Path::new(PROGRAM)))?;
    if here.parent() == Some(target) {
        return Ok(());
    }
    fs::create_dir_all(target).map_err(failed("make", target))?;
    let copy = |from: &Path, name: &str| {
        let to = target.join(name);
        fs::copy(from, &to).map(drop).map_err(failed("write", &to))
    };
    copy(&here, PROGRAM)?;
    for name in COMPANIONS {
        let from = here.with_file_name(name);
        if from.is_file() {
            copy(&from, name)?;
        }
    }
    Ok(())
}

fn remove_folder(folder: &Path) -> Result<(), InstallError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(failed("delete", folder)(error))
        }
        _ => Ok(()),
    }
}

/// A program that runs can't be deleted: Windows does it at its next start.
fn remove_program(folder: &Path) -> Result<(), InstallError> {
    let runs_here = std::env::current_exe().is_ok_and(|it| it.parent() == Some(folder));
    if !runs_here {
        return remove_folder(folder);
    }
    for name in COMPANIONS {
        let file = folder.join(name);
        match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed("delete", &file)(error));
            }
            _ => {}
        }
    }
    remove_folder(&folder.join(KERNELS))?;
    for path in [&folder.join(PROGRAM), folder] {
        winproc::delete_at_restart(path)?;
    }
    Ok(())
}
