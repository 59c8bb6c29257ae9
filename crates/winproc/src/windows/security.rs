//! Security descriptors and identifiers in memory.

use std::io;
use std::os::windows::io::{AsRawHandle, BorrowedHandle};
use std::ptr;
use std::slice;

use windows_sys::Win32::Foundation::ERROR_SUCCESS;
use windows_sys::Win32::Security::Authorization::{
    ConvertStringSecurityDescriptorToSecurityDescriptorW, GetSecurityInfo, SDDL_REVISION_1,
    SE_OBJECT_TYPE, SetSecurityInfo,
};
use windows_sys::Win32::Security::{
    ACL, DACL_SECURITY_INFORMATION, GetLengthSid, GetSecurityDescriptorDacl,
    GetSecurityDescriptorOwner, OWNER_SECURITY_INFORMATION, PROTECTED_DACL_SECURITY_INFORMATION,
    PSID, SECURITY_ATTRIBUTES,
};

use super::ffi::{LocalMemory, check, wide};
use super::token::own_sid;
use crate::error::Error;
use crate::sid::Sid;

/// An access list as Windows takes it.
#[derive(Debug)]
pub(super) struct SecurityDescriptor(LocalMemory);

impl SecurityDescriptor {
    /// Reads one of Windows' language for them.
    pub(super) fn parse(sddl: &str) -> io::Result<Self> {
        let text = wide(sddl)?;
        let mut descriptor = ptr::null_mut();
        // SAFETY: the text ends with a zero; the result goes to a variable of its type.
        check(unsafe {
            ConvertStringSecurityDescriptorToSecurityDescriptorW(
                text.as_ptr(),
                SDDL_REVISION_1,
                &raw mut descriptor,
                ptr::null_mut(),
            )
        })?;
        Ok(Self(LocalMemory(descriptor)))
    }

    /// What a new object is to have. Must not outlive the descriptor; no program inherits the handle.
    pub(super) fn attributes(&self) -> SECURITY_ATTRIBUTES {
        SECURITY_ATTRIBUTES {
            nLength: size_of::<SECURITY_ATTRIBUTES>() as u32,
            lpSecurityDescriptor: self.0.0,
            bInheritHandle: 0,
        }
    }

    /// Gives an object this owner and access list in place of its own. The handle needs `WRITE_OWNER` and
    /// `WRITE_DAC`.
    pub(super) fn apply(&self, object: BorrowedHandle<'_>, kind: SE_OBJECT_TYPE) -> io::Result<()> {
        let (mut present, mut defaulted) = (0, 0);
        let (mut list, mut owner): (*mut ACL, PSID) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: the descriptor is one, and the results go to variables of their types.
        unsafe {
            check(GetSecurityDescriptorDacl(
                self.0.0,
                &raw mut present,
                &raw mut list,
                &raw mut defaulted,
            ))?;
            check(GetSecurityDescriptorOwner(
                self.0.0,
                &raw mut owner,
                &raw mut defaulted,
            ))?;
        }
        let what = OWNER_SECURITY_INFORMATION
            | DACL_SECURITY_INFORMATION
            | PROTECTED_DACL_SECURITY_INFORMATION;
        let (handle, no_group, no_audit) = (object.as_raw_handle(), ptr::null_mut(), ptr::null());
        // SAFETY: the handle is open; owner and list are parts of the descriptor, which is still there.
        win32(unsafe { SetSecurityInfo(handle, kind, what, owner, no_group, list, no_audit) })
    }
}

/// Makes sure that an object is Windows', its administrators' or of whom this process runs as: nobody with
/// fewer rights has made it. The handle needs `READ_CONTROL`.
pub(super) fn check_owner(
    object: BorrowedHandle<'_>,
    kind: SE_OBJECT_TYPE,
    name: &str,
) -> Result<(), Error> {
    let refused = || Error::refused(format!("see whose {name} is"));
    let owner = owner(object, kind).map_err(refused())?;
    let trusted = [Sid::SYSTEM, Sid::ADMINISTRATORS];
    if trusted.contains(&owner) || owner == own_sid().map_err(refused())? {
        return Ok(());
    }
    Err(Error::Foreign {
        object: name.to_owned(),
        owner,
    })
}

fn owner(object: BorrowedHandle<'_>, kind: SE_OBJECT_TYPE) -> io::Result<Sid> {
    let mut owner: PSID = ptr::null_mut();
    let mut descriptor = ptr::null_mut();
    // SAFETY: the handle is open, and the results go to variables of their types.
    win32(unsafe {
        GetSecurityInfo(
            object.as_raw_handle(),
            kind,
            OWNER_SECURITY_INFORMATION,
            &raw mut owner,
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
            &raw mut descriptor,
        )
    })?;
    let _descriptor = LocalMemory(descriptor);
    // SAFETY: the owner is a part of the descriptor, which is still there.
    unsafe { read_sid(owner) }
}

/// Reads an identifier that Windows has written.
///
/// # Safety
/// It must be null or a valid one.
pub(super) unsafe fn read_sid(sid: PSID) -> io::Result<Sid> {
    if sid.is_null() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "there is none"));
    }
    // SAFETY: it is a valid one, says the caller.
    let length = unsafe { GetLengthSid(sid) };
    // SAFETY: it has this length, says Windows.
    let bytes = unsafe { slice::from_raw_parts(sid.cast::<u8>(), length as usize) };
    Sid::from_bytes(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// The error of a call that gives one back.
fn win32(code: u32) -> io::Result<()> {
    if code == ERROR_SUCCESS {
        return Ok(());
    }
    Err(io::Error::from_raw_os_error(code.cast_signed()))
}
