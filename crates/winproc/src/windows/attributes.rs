//! Attributes of new processes.

use std::ffi::c_void;
use std::io;
use std::marker::PhantomData;
use std::os::windows::io::RawHandle;
use std::ptr;

use windows_sys::Win32::System::Threading::{
    DeleteProcThreadAttributeList, InitializeProcThreadAttributeList, UpdateProcThreadAttribute,
};

use super::ffi::check;

/// What a new process gets besides what all of them have.
pub(super) struct Attributes<'a> {
    /// Of eight bytes each, as it holds pointers.
    memory: Vec<u64>,
    values: PhantomData<&'a [RawHandle]>,
}

impl<'a> Attributes<'a> {
    /// A list with room for so many.
    pub(super) fn new(count: u32) -> io::Result<Self> {
        let mut size = 0;
        // The first call fails and tells the size.
        // SAFETY: no list is given, and the size goes to a variable of its type.
        unsafe {
            InitializeProcThreadAttributeList(ptr::null_mut(), count, 0, &raw mut size);
        }
        let mut memory = vec![0u64; size.div_ceil(size_of::<u64>())];
        // SAFETY: the memory has at least this size.
        check(unsafe {
            InitializeProcThreadAttributeList(memory.as_mut_ptr().cast(), count, 0, &raw mut size)
        })?;
        Ok(Self {
            memory,
            values: PhantomData,
        })
    }

    /// Sets one of those whose values are handles.
    pub(super) fn set(&mut self, attribute: u32, handles: &'a [RawHandle]) -> io::Result<()> {
        // SAFETY: the list was made for so many attributes; the handles are there as long as it is.
        check(unsafe {
            UpdateProcThreadAttribute(
                self.list(),
                0,
                attribute as usize,
                handles.as_ptr().cast(),
                size_of_val(handles),
                ptr::null_mut(),
                ptr::null(),
            )
        })
    }

    /// The list, as long as this is there.
    pub(super) fn list(&mut self) -> *mut c_void {
        self.memory.as_mut_ptr().cast()
    }
}

impl Drop for Attributes<'_> {
    fn drop(&mut self) {
        // SAFETY: it is a list, and nobody uses it any more.
        unsafe { DeleteProcThreadAttributeList(self.list()) };
    }
}
