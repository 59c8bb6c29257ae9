//! Reads the server into plain data. No decision is taken here.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use anyhow::Context;
use settings::hub::Settings;

use super::place::{self, FileKind, Root};

/// What matters of a server at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// It is an image: nothing runs there.
    pub image: bool,
    /// The program that runs now is the distribution's.
    pub packaged: bool,
    /// What is at [`place::PROGRAM`].
    pub program: Program,
    /// Our files that are there, with their text.
    pub files: BTreeMap<&'static str, String>,
    /// The hub's user.
    pub user: Option<User>,
    /// The settings' folder.
    pub folder: Option<Rights>,
    /// The hub's files: where they are or will be, and who may read those that are there.
    pub entrusted: BTreeMap<FileKind, (PathBuf, Option<Rights>)>,
    /// There are an edge's settings.
    pub edge: bool,
    /// The service starts with the machine.
    pub enabled: bool,
    /// The service, as systemd sees it.
    pub service: Service,
    /// Files in our folders that only the hub can have written.
    pub left: Vec<PathBuf>,
    /// Our folders that are there.
    pub folders: Vec<&'static str>,
}

/// What is at the program's place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Program {
    /// Nothing.
    #[default]
    Absent,
    /// Another version.
    Other,
    /// What runs now.
    Same,
}

/// Numbers of the hub's user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User {
    /// Its number.
    pub uid: u32,
    /// Its group's.
    pub gid: u32,
}

/// Whose a file is, and who may do what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rights {
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// Permission bits.
    pub mode: u32,
}

/// A service, as systemd sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Service {
    /// It runs, or is about to.
    pub active: bool,
    /// It ended by itself, so often that systemd may refuse to start it again.
    pub failed: bool,
    /// It runs a program that has been replaced since.
    pub outdated: bool,
    /// systemd has not read the unit since it was changed.
    pub unread: bool,
}

/// Reads the server.
///
/// # Errors
/// When a file that is there can't be read, or systemd does not answer.
pub fn observe(root: &Root) -> anyhow::Result<Observed> {
    let user = user(root)?;
    let mut observed = Observed {
        image: root.image().is_some(),
        packaged: is_packaged(),
        program: program(root)?,
        user,
        folder: rights(&root.path(place::FOLDER))?,
        edge: root.path(place::EDGE_SETTINGS).exists(),
        enabled: root.path(place::ENABLED).symlink_metadata().is_ok(),
        ..Observed::default()
    };
    for path in [place::UNIT, place::SYSUSERS] {
        if let Some(text) = present(fs::read_to_string(root.path(path)), path)? {
            observed.files.insert(path, text);
        }
    }
    let settings = settings(root)?;
    for kind in FileKind::ALL {
        if let Some(path) = kind.path(&settings) {
            let found = (path.to_owned(), rights(&root.path(path))?);
            observed.entrusted.insert(kind, found);
        }
    }
    for folder in [place::FOLDER, place::STATE, place::RUNTIME] {
        if root.path(folder).is_dir() {
            observed.folders.push(folder);
            observed.left.extend(hubs_files(root, folder)?);
        }
    }
    if !observed.image {
        observed.service = service()?;
    }
    Ok(observed)
}

/// The hub's settings; the defaults before there are any.
///
/// # Errors
/// When there is something wrong with them.
pub fn settings(root: &Root) -> anyhow::Result<Settings> {
    let path = root.path(place::SETTINGS);
    match path.exists() {
        true => Ok(Settings::load(path)?),
        false => Ok(Settings::default()),
    }
}

/// Whether systemd runs this machine (sd_booted(3)).
pub fn is_systemd_here() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

fn is_packaged() -> bool {
    std::env::current_exe().is_ok_and(|path| path == Path::new(place::PACKAGED_PROGRAM))
}

/// Not `current_exe`: the file may have been replaced since this program was started.
const THIS_PROGRAM: &str = "/proc/self/exe";

fn program(root: &Root) -> anyhow::Result<Program> {
    let there = root.path(place::PROGRAM);
    let Some(installed) = present(fs::read(&there), &there)? else {
        return Ok(Program::Absent);
    };
    let running = this_program()?;
    Ok(match installed == running {
        true => Program::Same,
        false => Program::Other,
    })
}

/// The program that runs, as bytes.
///
/// # Errors
/// Without /proc.
pub fn this_program() -> anyhow::Result<Vec<u8>> {
    fs::read(THIS_PROGRAM).with_context(|| format!("cannot read {THIS_PROGRAM}"))
}

/// From the files and not by getpwnam(3): the server may be an image, and systemd-sysusers writes there.
pub fn user(root: &Root) -> anyhow::Result<Option<User>> {
    let passwd = root.path("/etc/passwd");
    let text = present(fs::read_to_string(&passwd), &passwd)?.unwrap_or_default();
    let mut lines = text.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let found = lines.find(|fields| fields.first() == Some(&place::USER));
    let number = |fields: &[&str], at: usize| fields.get(at)?.parse().ok();
    Ok(found.and_then(|fields| {
        Some(User {
            uid: number(&fields, 2)?,
            gid: number(&fields, 3)?,
        })
    }))
}

fn rights(path: &Path) -> anyhow::Result<Option<Rights>> {
    let metadata = present(fs::metadata(path), path)?;
    Ok(metadata.map(|metadata| Rights {
        uid: metadata.uid(),
        gid: metadata.gid(),
        mode: metadata.mode() & 0o7777,
    }))
}

/// The files in one of our folders that only the hub, or `manypath hub`, can have written: they are called
/// `hub.…`, and those in the hub's own folder in /run are what they want.
///
/// # Errors
/// When the folder can't be read.
pub fn hubs_files(root: &Root, folder: &str) -> anyhow::Result<Vec<PathBuf>> {
    let place = root.path(folder);
    let entries =
        fs::read_dir(&place).with_context(|| format!("cannot read {}", place.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        let draft_or_not = name.to_string_lossy();
        if draft_or_not.trim_start_matches('.').starts_with("hub.") || folder == place::RUNTIME {
            files.push(Path::new(folder).join(name));
        }
    }
    files.sort();
    Ok(files)
}

/// Asks systemd for the service.
///
/// # Errors
/// When it can't be asked.
pub fn service() -> anyhow::Result<Service> {
    let asked = "--property=ActiveState,MainPID,NeedDaemonReload";
    let output = Command::new("systemctl")
        .args(["show", asked, place::SERVICE])
        .output()
        .context("cannot run systemctl")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let value = |key: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once('='));
        lines.find_map(|(name, value)| (name == key).then_some(value))
    };
    let runs = value("MainPID").and_then(|pid| fs::read_link(format!("/proc/{pid}/exe")).ok());
    Ok(Service {
        active: matches!(
            value("ActiveState"),
            Some("active" | "activating" | "reloading")
        ),
        failed: value("ActiveState") == Some("failed"),
        // Linux says so behind the path.
        outdated: runs.is_some_and(|path| path.to_string_lossy().ends_with(" (deleted)")),
        unread: value("NeedDaemonReload") == Some("yes"),
    })
}

/// What is not there is no error.
fn present<T>(result: io::Result<T>, path: impl AsRef<Path>) -> anyhow::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => {
            Err(error).with_context(|| format!("cannot read {}", path.as_ref().display()))
        }
    }
}
