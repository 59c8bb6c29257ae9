//! Whether a file that holds secrets is open to others.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// A file that holds secrets can be read by others than its owner. `Display` gives the warning.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} holds secrets, and others than its owner can read it (mode {mode:04o}); run: chmod 600 {}", path.display(), path.display())]
pub struct ReadableByOthers {
    /// The file.
    pub path: PathBuf,
    /// Its permission bits.
    pub mode: u32,
}

/// Looks at the permission bits of a file that holds secrets: group and others should have none.
/// An error says that the file's metadata could not be read.
pub fn readable_by_others(path: impl AsRef<Path>) -> io::Result<Option<ReadableByOthers>> {
    let path = path.as_ref();
    let mode = fs::metadata(path)?.permissions().mode() & 0o7777;
    let open = mode & 0o077 != 0;
    Ok(open.then(|| ReadableByOthers {
        path: path.to_owned(),
        mode,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warns_of_a_file_that_others_can_read() {
        let path = std::env::temp_dir().join(format!("manypath-secrecy-{}", std::process::id()));
        fs::write(&path, "ann:hunter2\n").unwrap();
        let look = |mode| {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            readable_by_others(&path).unwrap()
        };
        let (private, group, world) = (look(0o600), look(0o640), look(0o604));
        fs::remove_file(&path).unwrap();
        assert_eq!(private, None);
        assert_eq!(group.unwrap().mode, 0o640);
        let warning = world.unwrap().to_string();
        assert!(
            warning.contains("(mode 0604); run: chmod 600 /"),
            "{warning}"
        );
        assert!(readable_by_others(&path).is_err());
    }
}
