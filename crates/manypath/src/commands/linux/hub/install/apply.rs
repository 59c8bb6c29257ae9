//! Does one step.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::fs::OFlags;

use super::observe::{self, Rights};
use super::place::{self, FileKind, Root};
use super::plan::wanted_rights;
use super::step::Step;
use crate::Failure;
use crate::commands::linux::hub::init;

/// The hub listens within a fraction of a second; a slow server gets more.
const START_LIMIT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(100);

/// Does one step. It may have been done before. `first` is for the first user; it is used once.
///
/// # Errors
/// Each names the file or the command that failed.
pub fn apply(root: &Root, step: &Step, first: &mut Option<init::Arguments>) -> Result<(), Failure> {
    let done = match step {
        Step::Initialise => return first.take().map_or(Ok(()), init::set_up),
        Step::CopyProgram => observe::this_program()
            .and_then(|program| replace(&root.path(place::PROGRAM), &program, 0o755)),
        Step::Write { path, text } => replace(&root.path(path), text.as_bytes(), 0o644),
        Step::MakeUser => make_user(root),
        Step::MakeFolder => make_folder(root),
        Step::Entrust(kind, path) => entrust(root, *kind, path),
        Step::ReadUnits => systemctl(root, &["daemon-reload"]),
        Step::Enable => systemctl(root, &["enable", place::SERVICE]),
        Step::Start => {
            ports_are_free(root).and_then(|()| systemctl(root, &["start", place::SERVICE]))
        }
        Step::ForgetFailures => systemctl(root, &["reset-failed", place::SERVICE]),
        Step::Restart => systemctl(root, &["restart", place::SERVICE]),
        Step::AwaitListening => await_listening(root),
        Step::Disable if root.image().is_some() => systemctl(root, &["disable", place::SERVICE]),
        Step::Disable => systemctl(root, &["disable", "--now", place::SERVICE]),
        Step::Remove(path) => remove(&root.path(path)),
        Step::Purge(folder) => purge(root, folder),
        Step::DeleteUser => delete_user(root),
    };
    Ok(done?)
}

/// Renamed into place: whoever runs or reads the old file goes on with it, and a power failure leaves
/// one or the other.
fn replace(path: &Path, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
    let write = || {
        let folder = path.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(folder)?;
        let draft = path.with_extension("manypath-draft");
        remove_if_there(&draft)?;
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&draft)?;
        // The umask may have taken bits from it.
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&draft, path)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

fn make_user(root: &Root) -> anyhow::Result<()> {
    let file = Path::new(place::SYSUSERS).file_name().unwrap_or_default();
    let mut command = Command::new("systemd-sysusers");
    command.args(root.image().map(|folder| under("--root=", folder)));
    run(command.arg(file))
}

fn make_folder(root: &Root) -> anyhow::Result<()> {
    let path = root.path(place::FOLDER);
    let user = observe::user(root)?.context("systemd-sysusers has made no user manypath")?;
    fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
    let rights = Rights {
        uid: 0,
        gid: user.gid,
        mode: 0o750,
    };
    set_rights(&path, rights)
}

fn entrust(root: &Root, kind: FileKind, path: &Path) -> anyhow::Result<()> {
    let user = observe::user(root)?.context("systemd-sysusers has made no user manypath")?;
    let path = root.path(path);
    match path.exists() {
        true => set_rights(&path, wanted_rights(kind, user)),
        // `init` need not have made it.
        false => Ok(()),
    }
}

fn set_rights(path: &Path, rights: Rights) -> anyhow::Result<()> {
    let set = || {
        let file = open(path)?;
        // Changing the owner takes bits away, so the mode comes second.
        fchown(&file, Some(rights.uid), Some(rights.gid))?;
        file.set_permissions(fs::Permissions::from_mode(rights.mode))
    };
    set().with_context(|| format!("cannot set owner and mode of {}", path.display()))
}

/// A link is followed in a folder that nobody but root writes to. Elsewhere it may be there to have a
/// file of root's given away, such as by the hub, which owns its folder in /var/lib.
fn open(path: &Path) -> std::io::Result<fs::File> {
    let folder = fs::metadata(path.parent().unwrap_or(path))?;
    let is_roots = folder.uid() == 0 && folder.mode() & 0o022 == 0;
    let nofollow = match is_roots {
        true => OFlags::empty(),
        false => OFlags::NOFOLLOW,
    };
    let flags = (OFlags::NONBLOCK | nofollow).bits().cast_signed();
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

fn systemctl(root: &Root, arguments: &[&str]) -> anyhow::Result<()> {
    let mut command = Command::new("systemctl");
    command.args(root.image().map(|folder| under("--root=", folder)));
    run(command.args(arguments))
}

/// userdel takes the group too, or leaves it, depending on login.defs(5).
fn delete_user(root: &Root) -> anyhow::Result<()> {
    let delete = |program| {
        let mut command = Command::new(program);
        if let Some(folder) = root.image() {
            command.arg("--prefix").arg(folder);
        }
        run(command.arg(place::USER))
    };
    delete("userdel")?;
    let groups = fs::read_to_string(root.path("/etc/group")).unwrap_or_default();
    let is_ours = |line: &str| line.split(':').next() == Some(place::USER);
    match groups.lines().any(is_ours) {
        true => delete("groupdel"),
        false => Ok(()),
    }
}

fn under(option: &str, folder: &Path) -> std::ffi::OsString {
    let mut argument = std::ffi::OsString::from(option);
    argument.push(folder);
    argument
}

/// Runs a program; what it says on standard error goes to the user.
fn run(command: &mut Command) -> anyhow::Result<()> {
    let words: Vec<_> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .collect();
    let words = words.join(" ");
    let status = command
        .status()
        .with_context(|| format!("cannot run: {words}"))?;
    if !status.success() {
        bail!("this failed ({status}): {words}");
    }
    Ok(())
}

fn remove(path: &Path) -> anyhow::Result<()> {
    remove_if_there(path).with_context(|| format!("cannot delete {}", path.display()))
}

fn remove_if_there(path: &Path) -> std::io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Looks anew: the hub has written its counters when it was stopped.
fn purge(root: &Root, folder: &str) -> anyhow::Result<()> {
    for file in observe::hubs_files(root, folder)? {
        remove(&root.path(file))?;
    }
    let path = &root.path(folder);
    match fs::remove_dir(path) {
        Err(error)
            if !matches!(
                error.kind(),
                ErrorKind::NotFound | ErrorKind::DirectoryNotEmpty
            ) =>
        {
            Err(error).with_context(|| format!("cannot delete {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// What the service will listen on. Of the settings' file as it is now, so after `init`.
fn listeners(root: &Root) -> anyhow::Result<Vec<SocketAddr>> {
    let settings = observe::settings(root)?;
    let socks5 = settings.socks5.map(|it| it.listen).unwrap_or_default();
    Ok(settings.listen.into_iter().chain(socks5).collect())
}

/// Else the service would fail, start, fail, and the log would have to be looked for.
fn ports_are_free(root: &Root) -> anyhow::Result<()> {
    for address in listeners(root)? {
        if let Err(error) = TcpListener::bind(address)
            && error.kind() == ErrorKind::AddrInUse
        {
            bail!(
                "{address} is taken by another program (see: ss -ltnp); end it, or set another \
                 `listen` in {} and run this again",
                place::SETTINGS
            );
        }
    }
    Ok(())
}

fn await_listening(root: &Root) -> anyhow::Result<()> {
    let deadline = Instant::now() + START_LIMIT;
    for address in listeners(root)? {
        let near = SocketAddr::new(near(address.ip()), address.port());
        while let Err(error) = TcpStream::connect_timeout(&near, POLL) {
            let ended = !observe::service()?.active;
            if ended || Instant::now() > deadline {
                let log = format!("journalctl -u {}", place::SERVICE);
                return Err(error).with_context(|| match ended {
                    true => format!("the hub has ended; why is in its log: {log}"),
                    false => {
                        format!("nobody listens on {address} after {START_LIMIT:?}; see: {log}")
                    }
                });
            }
            std::thread::sleep(POLL);
        }
    }
    Ok(())
}

/// Where a listener is reached from this machine. `[::]` takes IPv4 too, also without IPv6.
fn near(ip: IpAddr) -> IpAddr {
    match ip.is_unspecified() {
        true => Ipv4Addr::LOCALHOST.into(),
        false => ip,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{chown, symlink};

    use super::*;

    #[test]
    fn links_are_followed_in_roots_folders_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "root's").expect("a file");
        symlink(&file, &link).expect("a link");
        let rights = Rights {
            uid: 1234,
            gid: 1234,
            mode: 0o600,
        };
        let owner = || fs::metadata(&file).expect("it is there").uid();
        chown(folder.path(), Some(1234), None).expect("this test needs root");
        let error = set_rights(&link, rights).expect_err("it is not followed");
        assert!(format!("{error:#}").contains("symbolic links"), "{error:#}");
        assert_eq!(owner(), 0);
        chown(folder.path(), Some(0), None).expect("this test needs root");
        set_rights(&link, rights).expect("it is followed");
        assert_eq!(owner(), 1234);
        set_rights(folder.path(), rights).expect("folders too");
    }
}
