//! Files that are there whole or not at all, even after a power cut, and one editor at a time.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

/// As long as it lives, nobody else has one for the same folder.
#[derive(Debug)]
pub struct FolderLock {
    /// The folder itself: a file to lock would be replaced together with its lock, or stay behind.
    _folder: File,
}

impl FolderLock {
    /// Waits until nobody else has the lock of the folder that the file is in.
    ///
    /// # Errors
    /// When the folder is not there or may not be read.
    pub fn around(file: &Path) -> io::Result<Self> {
        let folder = File::open(folder(file))?;
        folder.lock()?;
        Ok(Self { _folder: folder })
    }
}

/// Makes a file with these permission bits. It belongs to the folder's owner, so that a service can read what
/// root makes in the service's folder.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] when there is one, which stays as it is. Whatever the kernel says else.
pub fn create_file(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let draft = Draft::write(path, text, mode)?;
    match draft.give_to(&fs::metadata(folder(path))?) {
        // Only root can give files away, and needs to.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
        given => given?,
    }
    // Unlike rename(2), this fails if there is a file of that name.
    fs::hard_link(&draft.path, path)?;
    drop(draft);
    File::open(folder(path))?.sync_all()
}

/// Puts a text in the place of a file's. Owner and permission bits stay; a symbolic link is followed.
///
/// # Errors
/// When there is no such file, or what the kernel says. The file then is what it was.
pub fn replace_file(path: &Path, text: &str) -> io::Result<()> {
    let path = fs::canonicalize(path)?;
    let old = fs::metadata(&path)?;
    let draft = Draft::write(&path, text, old.mode() & 0o7777)?;
    draft.give_to(&old)?;
    fs::rename(&draft.path, &path)?;
    File::open(folder(&path))?.sync_all()
}

fn folder(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// What is to become a file, beside it. It is gone with this value, unless it was renamed.
struct Draft {
    path: PathBuf,
    file: File,
}

impl Draft {
    fn write(path: &Path, text: &str, mode: u32) -> io::Result<Self> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let mut draft = OsString::from(".");
        draft.push(name);
        draft.push(format!(".{}", std::process::id()));
        let path = path.with_file_name(draft);
        let mut options = OpenOptions::new();
        // Never open to others while it is written: it may be a secret.
        let options = options.write(true).create_new(true).mode(0o600);
        let file = match options.open(&path) {
            // Another program of this number was killed here.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                fs::remove_file(&path)?;
                options.open(&path)?
            }
            opened => opened?,
        };
        let mut draft = Self { path, file };
        draft.file.write_all(text.as_bytes())?;
        draft.file.set_permissions(Permissions::from_mode(mode))?;
        draft.file.sync_all()?;
        Ok(draft)
    }

    /// Not by its path: in a folder that belongs to somebody else, that may be another file by now, which
    /// root must not give away.
    fn give_to(&self, owner: &fs::Metadata) -> io::Result<()> {
        let own = self.file.metadata()?;
        if (own.uid(), own.gid()) != (owner.uid(), owner.gid()) {
            fchown(&self.file, Some(owner.uid()), Some(owner.gid()))?;
        }
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Renamed, it is not there any more.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{chown, symlink};

    use super::*;

    /// Whoever owns the folder can do so at any moment.
    #[test]
    fn a_file_that_was_put_in_the_drafts_place_is_not_given_away() {
        let folder = tempfile::tempdir().unwrap();
        let (file, other) = (folder.path().join("file"), folder.path().join("other"));
        fs::write(&other, "root's").unwrap();
        chown(folder.path(), Some(1234), Some(1234)).expect("this test needs root");
        let draft = Draft::write(&file, "text", 0o600).unwrap();
        fs::remove_file(&draft.path).unwrap();
        symlink(&other, &draft.path).unwrap();
        draft
            .give_to(&fs::metadata(folder.path()).unwrap())
            .unwrap();
        assert_eq!(fs::metadata(&other).unwrap().uid(), 0);
        assert_eq!(draft.file.metadata().unwrap().uid(), 1234);
    }
}
