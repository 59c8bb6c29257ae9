//! Files that are written as a whole or not at all, with the right access list.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::windows::io::{AsHandle, FromRawHandle, OwnedHandle};
use std::path::{Path, PathBuf};
use std::ptr;

use windows_sys::Win32::Foundation::{ERROR_ALREADY_EXISTS, GENERIC_WRITE, INVALID_HANDLE_VALUE};
use windows_sys::Win32::Security::Authorization::SE_FILE_OBJECT;
use windows_sys::Win32::Security::SECURITY_ATTRIBUTES;
use windows_sys::Win32::Storage::FileSystem::{
    CREATE_NEW, CreateDirectoryW, CreateFileW, FILE_ATTRIBUTE_NORMAL, FILE_FLAG_BACKUP_SEMANTICS,
    FILE_FLAG_OPEN_REPARSE_POINT, FILE_SHARE_DELETE, FILE_SHARE_READ, FILE_SHARE_WRITE,
    MOVEFILE_DELAY_UNTIL_REBOOT, MOVEFILE_REPLACE_EXISTING, MOVEFILE_WRITE_THROUGH, MoveFileExW,
    OPEN_EXISTING, READ_CONTROL, ReplaceFileW, WRITE_DAC, WRITE_OWNER,
};

use super::ffi::{check, is, wide};
use super::security::{SecurityDescriptor, check_owner};
use crate::access::AccessList;
use crate::error::Error;

/// Makes a directory for files of the service, with an access list that they inherit. One that is there
/// gets that list, but must not be somebody else's: anybody can make one below `C:\ProgramData`, and
/// could have left something in it.
///
/// # Errors
/// [`Error::Foreign`], or when Windows refuses.
pub fn private_directory(path: &Path, access: &AccessList) -> Result<(), Error> {
    let refused = || Error::refused(format!("make the directory {}", path.display()));
    let descriptor = SecurityDescriptor::parse(&access.directory_sddl()).map_err(refused())?;
    let name = wide(path).map_err(refused())?;
    let attributes = descriptor.attributes();
    // SAFETY: the name ends with a zero, and the descriptor is there.
    match check(unsafe { CreateDirectoryW(name.as_ptr(), &raw const attributes) }) {
        Err(error) if is(&error, ERROR_ALREADY_EXISTS) => {}
        result => return result.map_err(refused()),
    }
    // What a link leads to does not matter: it is the link that has to be ours, and is no directory.
    let flags = FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT;
    let access = READ_CONTROL | WRITE_DAC | WRITE_OWNER;
    let directory = File::from(open(&name, access, None, OPEN_EXISTING, flags).map_err(refused())?);
    if !directory.metadata().map_err(refused())?.is_dir() {
        return Err(refused()(io::ErrorKind::NotADirectory.into()));
    }
    let handle = directory.as_handle();
    check_owner(handle, SE_FILE_OBJECT, &path.display().to_string())?;
    descriptor.apply(handle, SE_FILE_OBJECT).map_err(refused())
}

/// Writes a file that only Windows itself and its administrators can read. It is written as a whole or
/// not at all.
///
/// # Errors
/// When Windows refuses.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let refused = || Error::refused(format!("write {}", path.display()));
    let list = AccessList::private().sddl();
    let descriptor = SecurityDescriptor::parse(&list).map_err(refused())?;
    let new = New::write(path, Some(&descriptor.attributes()), bytes).map_err(refused())?;
    new.move_to(path).map_err(refused())
}

/// Writes a file as a whole or not at all. One that is there keeps its access list, its attributes and
/// the time of its making; where it is a link, what it leads to is written.
///
/// # Errors
/// When Windows refuses, as it does for a moment while another program has the file open: repeat it.
pub fn write_like(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let refused = || Error::refused(format!("write {}", path.display()));
    match fs::canonicalize(path) {
        Ok(present) => New::write(&present, None, bytes)
            .and_then(|new| new.replace(&present))
            .map_err(refused()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => New::write(path, None, bytes)
            .and_then(|new| new.move_to(path))
            .map_err(refused()),
        Err(error) => Err(refused()(error)),
    }
}

/// Has Windows delete a file or an empty directory at its next start: a program that runs can't be deleted.
///
/// # Errors
/// When Windows refuses: without an administrator's rights.
pub fn delete_at_restart(path: &Path) -> Result<(), Error> {
    let delete = || {
        let name = wide(path)?;
        // SAFETY: the name ends with a zero; no new name means that it is to be deleted.
        check(unsafe { MoveFileExW(name.as_ptr(), ptr::null(), MOVEFILE_DELAY_UNTIL_REBOOT) })
    };
    let refused = Error::refused(format!("have {} deleted at the next start", path.display()));
    delete().map_err(refused)
}

/// What is to become a file. It is deleted if it doesn't.
struct New {
    path: PathBuf,
}

impl New {
    /// Writes it beside the file, so that it lies on the same disk. One that was left behind goes.
    fn write(
        beside: &Path,
        attributes: Option<&SECURITY_ATTRIBUTES>,
        bytes: &[u8],
    ) -> io::Result<Self> {
        let mut name = OsString::from(beside);
        name.push(".new");
        let path = PathBuf::from(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let name = wide(&path)?;
        let handle = open(
            &name,
            GENERIC_WRITE,
            attributes,
            CREATE_NEW,
            FILE_ATTRIBUTE_NORMAL,
        )?;
        let new = Self { path };
        let mut file = File::from(handle);
        file.write_all(bytes)?;
        // Before its name is changed: else a power failure can leave a file without contents.
        file.sync_all()?;
        Ok(new)
    }

    fn move_to(self, path: &Path) -> io::Result<()> {
        let (from, to) = (wide(&self.path)?, wide(path)?);
        let flags = MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH;
        // SAFETY: both names end with a zero.
        check(unsafe { MoveFileExW(from.as_ptr(), to.as_ptr(), flags) })
    }

    fn replace(self, path: &Path) -> io::Result<()> {
        let (from, to) = (wide(&self.path)?, wide(path)?);
        let (no_backup, reserved) = (ptr::null(), ptr::null());
        // SAFETY: both names end with a zero, and what is reserved is null.
        check(unsafe { ReplaceFileW(to.as_ptr(), from.as_ptr(), no_backup, 0, reserved, reserved) })
    }
}

impl Drop for New {
    fn drop(&mut self) {
        // It is not there any more if all went well; if this fails, the next one deletes it.
        let _ = fs::remove_file(&self.path);
    }
}

/// Opens or makes a file; the name ends with a zero.
fn open(
    name: &[u16],
    access: u32,
    attributes: Option<&SECURITY_ATTRIBUTES>,
    disposition: u32,
    flags: u32,
) -> io::Result<OwnedHandle> {
    // SAFETY: the name ends with a zero, and the attributes are there or null.
    let handle = unsafe {
        CreateFileW(
            name.as_ptr(),
            access,
            FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
            attributes.map_or(ptr::null(), ptr::from_ref),
            disposition,
            flags,
            ptr::null_mut(),
        )
    };
    if handle == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call has given an open handle, to be closed by its caller.
    Ok(unsafe { OwnedHandle::from_raw_handle(handle) })
}
