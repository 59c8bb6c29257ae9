//! Starts programs.

use std::io::{self, PipeReader, PipeWriter};
use std::os::windows::io::{
    AsHandle, AsRawHandle, BorrowedHandle, FromRawHandle, OwnedHandle, RawHandle,
};
use std::sync::Arc;
use std::time::Duration;
use std::{ptr, slice};

use windows_sys::Win32::Foundation::{
    HANDLE_FLAG_INHERIT, SetHandleInformation, WAIT_OBJECT_0, WAIT_TIMEOUT,
};
use windows_sys::Win32::System::JobObjects::{
    CreateJobObjectW, JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE, JOBOBJECT_EXTENDED_LIMIT_INFORMATION,
    JobObjectExtendedLimitInformation, SetInformationJobObject, TerminateJobObject,
};
use windows_sys::Win32::System::Threading::{
    CREATE_NO_WINDOW, CREATE_UNICODE_ENVIRONMENT, CreateProcessAsUserW, CreateProcessW,
    EXTENDED_STARTUPINFO_PRESENT, GetExitCodeProcess, INFINITE, PROC_THREAD_ATTRIBUTE_HANDLE_LIST,
    PROC_THREAD_ATTRIBUTE_JOB_LIST, PROCESS_INFORMATION, STARTF_USESTDHANDLES, STARTUPINFOEXW,
    WaitForSingleObject,
};

use super::attributes::Attributes;
use super::ffi::{check, wide};
use crate::child::{ExitCode, Process, UserChild};
use crate::command::UserCommand;
use crate::environment::Environment;
use crate::error::Error;

/// What a program that was ended gives back.
const ENDED: ExitCode = 1;

/// Starts a program, as the user whose token is given, or else as this process.
///
/// It inherits its three pipes and nothing else. Another program that another thread starts meanwhile
/// may inherit them, too, unless it is started by this function: so use no other.
pub(super) fn start(
    token: Option<BorrowedHandle<'_>>,
    mut environment: Environment,
    command: &UserCommand,
) -> Result<UserChild, Error> {
    for (name, value) in command.variables()? {
        environment.set(name, value);
    }
    let line = command.command_line()?;
    let program = command.program().clone();
    create(token, &environment.block(), program.as_str(), &line)
        .map(|(stdio, process)| UserChild {
            program: program.clone(),
            stdin: stdio.stdin,
            stdout: stdio.stdout,
            stderr: stdio.stderr,
            process: Arc::new(process),
        })
        .map_err(|source| Error::Start { program, source })
}

/// The ends of the pipes that stay here.
struct Stdio {
    stdin: PipeWriter,
    stdout: PipeReader,
    stderr: PipeReader,
}

fn create(
    token: Option<BorrowedHandle<'_>>,
    environment: &[u16],
    program: &str,
    line: &str,
) -> io::Result<(Stdio, Running)> {
    let (its_stdin, stdin) = io::pipe()?;
    let (stdout, its_stdout) = io::pipe()?;
    let (stderr, its_stderr) = io::pipe()?;
    let inherited = [
        its_stdin.as_raw_handle(),
        its_stdout.as_raw_handle(),
        its_stderr.as_raw_handle(),
    ];
    for handle in inherited {
        // SAFETY: the handle is open.
        check(unsafe { SetHandleInformation(handle, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT) })?;
    }
    let job = new_job()?;
    let jobs = [job.as_raw_handle()];
    let mut attributes = Attributes::new(2)?;
    attributes.set(PROC_THREAD_ATTRIBUTE_HANDLE_LIST, &inherited)?;
    // From its first moment on: nothing that it starts can be outside.
    attributes.set(PROC_THREAD_ATTRIBUTE_JOB_LIST, &jobs)?;

    let mut desktop = wide(r"winsta0\default")?;
    let mut startup = STARTUPINFOEXW::default();
    startup.StartupInfo.cb = size_of::<STARTUPINFOEXW>() as u32;
    startup.StartupInfo.lpDesktop = desktop.as_mut_ptr();
    startup.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
    [
        startup.StartupInfo.hStdInput,
        startup.StartupInfo.hStdOutput,
        startup.StartupInfo.hStdError,
    ] = inherited;
    startup.lpAttributeList = attributes.list();

    let (program, mut line) = (wide(program)?, wide(line)?);
    let mut created = PROCESS_INFORMATION::default();
    let token = token.map(|token| token.as_raw_handle());
    check(create_process(
        token,
        &program,
        &mut line,
        environment,
        &startup,
        &mut created,
    ))?;
    // SAFETY: the call has given two open handles, to be closed by its caller.
    let (process, _thread) = unsafe {
        (
            OwnedHandle::from_raw_handle(created.hProcess),
            OwnedHandle::from_raw_handle(created.hThread),
        )
    };
    let running = Running {
        process,
        job,
        id: created.dwProcessId,
    };
    Ok((
        Stdio {
            stdin,
            stdout,
            stderr,
        },
        running,
    ))
}

/// One of two calls that differ in the token only. All texts end with a zero.
fn create_process(
    token: Option<RawHandle>,
    program: &[u16],
    line: &mut [u16],
    environment: &[u16],
    startup: &STARTUPINFOEXW,
    created: &mut PROCESS_INFORMATION,
) -> i32 {
    let flags = CREATE_NO_WINDOW | CREATE_UNICODE_ENVIRONMENT | EXTENDED_STARTUPINFO_PRESENT;
    let (program, line) = (program.as_ptr(), line.as_mut_ptr());
    let environment = environment.as_ptr().cast();
    let startup = ptr::from_ref(startup).cast();
    let (none, no_directory) = (ptr::null(), ptr::null());
    // SAFETY: the token is open; the texts and the environment end as they must; `startup` is of the
    // kind that the flags say, and what it points to is still there.
    unsafe {
        match token {
            Some(token) => CreateProcessAsUserW(
                token,
                program,
                line,
                none,
                none,
                1,
                flags,
                environment,
                no_directory,
                startup,
                created,
            ),
            None => CreateProcessW(
                program,
                line,
                none,
                none,
                1,
                flags,
                environment,
                no_directory,
                startup,
                created,
            ),
        }
    }
}

/// A job that ends its processes when its last handle is closed, by us or by the end of this process.
///
/// That it may hold a process of another session is what WSL's service relies on as well
/// (`CreateKillOnCloseJob` in `src/windows/common/helpers.cpp`).
fn new_job() -> io::Result<OwnedHandle> {
    // SAFETY: neither attributes nor a name are given.
    let job = unsafe { CreateJobObjectW(ptr::null(), ptr::null()) };
    if job.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call has given an open handle, to be closed by its caller.
    let job = unsafe { OwnedHandle::from_raw_handle(job) };
    let mut limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
    // SAFETY: the handle is a job's, and the structure is what the class says, of its size.
    check(unsafe {
        SetInformationJobObject(
            job.as_raw_handle(),
            JobObjectExtendedLimitInformation,
            ptr::from_ref(&limits).cast(),
            size_of_val(&limits) as u32,
        )
    })?;
    Ok(job)
}

/// A program that runs.
#[derive(Debug)]
struct Running {
    process: OwnedHandle,
    job: OwnedHandle,
    id: u32,
}

impl Process for Running {
    fn id(&self) -> u32 {
        self.id
    }

    fn wait(&self, limit: Option<Duration>) -> io::Result<Option<ExitCode>> {
        wait(self.process.as_handle(), limit)
    }

    fn kill(&self) -> io::Result<()> {
        // SAFETY: the handle is a job's.
        check(unsafe { TerminateJobObject(self.job.as_raw_handle(), ENDED) })
    }
}

/// Waits for a process' end, and gives what it gave back.
pub(super) fn wait(
    process: BorrowedHandle<'_>,
    limit: Option<Duration>,
) -> io::Result<Option<ExitCode>> {
    let milliseconds = limit.map_or(INFINITE, |limit| {
        u32::try_from(limit.as_millis()).map_or(INFINITE - 1, |ms| ms.min(INFINITE - 1))
    });
    // SAFETY: the handle is open.
    match unsafe { WaitForSingleObject(process.as_raw_handle(), milliseconds) } {
        WAIT_OBJECT_0 => {}
        WAIT_TIMEOUT => return Ok(None),
        _ => return Err(io::Error::last_os_error()),
    }
    let mut code = 0;
    // SAFETY: the handle is a process', and the result goes to a variable of its type.
    check(unsafe { GetExitCodeProcess(process.as_raw_handle(), &raw mut code) })?;
    Ok(Some(code))
}

/// Reads an environment block.
///
/// # Safety
/// It must be one, and end with two zeros.
pub(super) unsafe fn read_block(block: *const u16) -> Environment {
    let mut length = 0;
    // SAFETY: the block does not end before two zeros in a row.
    while unsafe { block.add(length).read() != 0 || block.add(length + 1).read() != 0 } {
        length += 1;
    }
    // SAFETY: so much of it was just read.
    Environment::parse(unsafe { slice::from_raw_parts(block, length) })
}
