//! Users in memory, whose programs are functions.

use std::fs;
use std::io::{self, PipeReader, PipeWriter, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use crate::child::{ExitCode, Process, UserChild};
use crate::command::UserCommand;
use crate::error::Error;
use crate::session::{Account, Session, SessionId};
use crate::user::{User, Users};

/// What a fake program reads and writes.
#[derive(Debug)]
pub struct Stdio {
    /// What it reads. It comes to its end when its starter drops the other end; being killed does not
    /// wake it up.
    pub stdin: PipeReader,
    /// What it writes. Fails once the program is killed.
    pub stdout: Pen,
    /// What it writes about errors. Fails once the program is killed.
    pub stderr: Pen,
}

type Program = dyn Fn(&UserCommand, Stdio) -> ExitCode + Send + Sync;

/// The users of a fake PC. Copies are the same one.
#[derive(Clone, Debug, Default)]
pub struct FakeUsers(Arc<Mutex<Pc>>);

#[derive(Debug, Default)]
struct Pc {
    seats: Vec<Seat>,
    started: Vec<(SessionId, UserCommand)>,
    running: Vec<(SessionId, Weak<Running>)>,
}

#[derive(Clone)]
struct Seat {
    session: Session,
    profile: PathBuf,
    program: Arc<Program>,
}

impl std::fmt::Debug for Seat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.session.fmt(f)
    }
}

impl FakeUsers {
    /// Adds a session, with the directory for its user's files, and what every program that it is asked
    /// to start does, in a thread of its own.
    pub fn log_on(
        &self,
        session: Session,
        profile: impl Into<PathBuf>,
        program: impl Fn(&UserCommand, Stdio) -> ExitCode + Send + Sync + 'static,
    ) {
        lock(&self.0).seats.push(Seat {
            session,
            profile: profile.into(),
            program: Arc::new(program),
        });
    }

    /// Takes a session away, and ends its programs.
    pub fn log_off(&self, session: SessionId) {
        let mut pc = lock(&self.0);
        pc.seats.retain(|seat| seat.session.id != session);
        for (_, process) in pc.running.extract_if(.., |(of, _)| *of == session) {
            if let Some(process) = process.upgrade() {
                process.end(KILLED);
            }
        }
    }

    /// What was started so far, and in which session.
    pub fn started(&self) -> Vec<(SessionId, UserCommand)> {
        lock(&self.0).started.clone()
    }
}

impl Users for FakeUsers {
    fn sessions(&self) -> Result<Vec<Session>, Error> {
        let pc = lock(&self.0);
        let mut sessions: Vec<Session> = pc.seats.iter().map(|s| s.session.clone()).collect();
        Session::sort(&mut sessions);
        Ok(sessions)
    }

    fn user(&self, session: SessionId) -> Result<Box<dyn User>, Error> {
        let pc = lock(&self.0);
        let mut seats = pc.seats.iter().filter(|seat| seat.session.id == session);
        seats
            .find_map(|seat| {
                Some(Box::new(FakeUser {
                    account: seat.session.user.clone()?,
                    seat: seat.clone(),
                    pc: Arc::clone(&self.0),
                }) as Box<dyn User>)
            })
            .ok_or(Error::NobodyThere(session))
    }
}

#[derive(Debug)]
struct FakeUser {
    account: Account,
    seat: Seat,
    pc: Arc<Mutex<Pc>>,
}

impl User for FakeUser {
    fn account(&self) -> &Account {
        &self.account
    }

    fn profile(&self) -> &Path {
        &self.seat.profile
    }

    fn spawn(&self, command: &UserCommand) -> Result<UserChild, Error> {
        command.command_line()?;
        command.variables()?;
        let session = self.seat.session.id;
        let start = || {
            let (stdin, its_stdin) = io::pipe()?;
            let (stdout, its_stdout) = io::pipe()?;
            let (stderr, its_stderr) = io::pipe()?;
            Ok((
                [stdout, stderr],
                its_stdin,
                Stdio {
                    stdin,
                    stdout: Pen::new(its_stdout),
                    stderr: Pen::new(its_stderr),
                },
            ))
        };
        let ([stdout, stderr], stdin, stdio) = start().map_err(|source| Error::Start {
            program: command.program().clone(),
            source,
        })?;
        let running = Arc::new(Running::new([stdio.stdout.clone(), stdio.stderr.clone()]));
        let mut pc = lock(&self.pc);
        pc.started.push((session, command.clone()));
        pc.running.push((session, Arc::downgrade(&running)));
        drop(pc);

        let (program, its_command) = (Arc::clone(&self.seat.program), command.clone());
        let process = Arc::clone(&running);
        thread::spawn(move || {
            let work = AssertUnwindSafe(|| program(&its_command, stdio));
            process.end(catch_unwind(work).unwrap_or(PANICKED));
        });
        Ok(UserChild {
            program: command.program().clone(),
            stdin,
            stdout,
            stderr,
            process: Arc::new(Job(running)),
        })
    }

    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, Error> {
        match fs::read(path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::refused(format!("read {}", path.display()))(error)),
        }
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), Error> {
        fs::write(path, bytes).map_err(Error::refused(format!("write {}", path.display())))
    }

    fn remove(&self, path: &Path) -> Result<(), Error> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::refused(format!("delete {}", path.display()))(error))
            }
            _ => Ok(()),
        }
    }
}

const KILLED: ExitCode = 1;
/// What Rust's programs give back after a panic.
const PANICKED: ExitCode = 101;

/// The end of a pipe that a program writes to, until it is killed.
#[derive(Clone, Debug)]
pub struct Pen(Arc<Mutex<Option<PipeWriter>>>);

impl Pen {
    fn new(pipe: PipeWriter) -> Self {
        Self(Arc::new(Mutex::new(Some(pipe))))
    }
}

impl Write for Pen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A copy: writing may take its time, and killing must not wait for it.
        let pipe = lock(&self.0).as_ref().map(PipeWriter::try_clone);
        pipe.ok_or(io::ErrorKind::BrokenPipe)??.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug)]
struct Running {
    id: u32,
    code: Mutex<Option<ExitCode>>,
    ended: Condvar,
    outputs: [Pen; 2],
}

impl Running {
    fn new(outputs: [Pen; 2]) -> Self {
        static LAST: AtomicU32 = AtomicU32::new(1000);
        Self {
            // Windows' numbers are multiples of 4.
            id: LAST.fetch_add(4, Ordering::Relaxed),
            code: Mutex::new(None),
            ended: Condvar::new(),
            outputs,
        }
    }

    /// Ends the program, if it hasn't.
    fn end(&self, code: ExitCode) {
        lock(&self.code).get_or_insert(code);
        for pen in &self.outputs {
            *lock(&pen.0) = None;
        }
        self.ended.notify_all();
    }
}

/// What ends the program when it is dropped, as a job does.
#[derive(Debug)]
struct Job(Arc<Running>);

impl Process for Job {
    fn id(&self) -> u32 {
        self.0.id
    }

    fn wait(&self, limit: Option<Duration>) -> io::Result<Option<ExitCode>> {
        let code = lock(&self.0.code);
        let runs = |code: &mut Option<ExitCode>| code.is_none();
        let ended = &self.0.ended;
        let code = match limit {
            Some(limit) => {
                let waited = ended.wait_timeout_while(code, limit, runs);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
            None => ended
                .wait_while(code, runs)
                .unwrap_or_else(PoisonError::into_inner),
        };
        Ok(*code)
    }

    fn kill(&self) -> io::Result<()> {
        self.0.end(KILLED);
        Ok(())
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.0.end(KILLED);
    }
}

/// No panic leaves any of these half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "fake_tests.rs"]
mod tests;
