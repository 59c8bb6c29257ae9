//! Programs that were started.

use std::fmt;
use std::io::{self, PipeReader, PipeWriter, Read};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use crate::command::Program;
use crate::error::Error;

/// What a program gives back at its end; 0 for success by custom.
pub type ExitCode = u32;

/// A program that runs, with what it started itself. All of them end when the last copy is dropped,
/// and when this process ends in whatever way.
pub trait Process: fmt::Debug + Send + Sync {
    /// The number of the program's process.
    fn id(&self) -> u32;

    /// Waits for the program's end, `None` for ever. Gives `None` if the time was up.
    ///
    /// # Errors
    /// When Windows refuses.
    fn wait(&self, limit: Option<Duration>) -> io::Result<Option<ExitCode>>;

    /// Ends the program and what it started. One that is at its end stays as it was.
    ///
    /// # Errors
    /// When Windows refuses.
    fn kill(&self) -> io::Result<()>;
}

/// A program just started, and what it reads and writes. Pipes block: use a thread for each.
#[derive(Debug)]
pub struct UserChild {
    /// What was started.
    pub program: Program,
    /// What it reads; dropped, it reads the end.
    pub stdin: PipeWriter,
    /// What it writes.
    pub stdout: PipeReader,
    /// What it writes about errors.
    pub stderr: PipeReader,
    /// Itself.
    pub process: Arc<dyn Process>,
}

/// What a program has written until its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// What it gave back.
    pub code: ExitCode,
    /// What it wrote.
    pub stdout: Vec<u8>,
    /// What it wrote about errors.
    pub stderr: Vec<u8>,
}

impl UserChild {
    /// Lets the program read nothing, and waits for its end. What it has started ends with it.
    ///
    /// # Errors
    /// When it takes longer than the limit (it is ended then), or Windows refuses.
    pub fn output(self, limit: Duration) -> Result<Output, Error> {
        let Self {
            program,
            stdin,
            stdout,
            stderr,
            process,
        } = self;
        drop(stdin);
        let (stdout, stderr) = (read_all(stdout), read_all(stderr));
        let refused = || Error::refused(format!("wait for {program}"));
        let code = process.wait(Some(limit)).map_err(refused())?;
        // What it left behind would hold the pipes open.
        process.kill().map_err(refused())?;
        let written = (
            stdout.recv_timeout(LAST_WORDS),
            stderr.recv_timeout(LAST_WORDS),
        );
        let (Some(code), (Ok(stdout), Ok(stderr))) = (code, written) else {
            return Err(Error::TooSlow { program, limit });
        };
        Ok(Output {
            code,
            stdout: stdout.map_err(refused())?,
            stderr: stderr.map_err(refused())?,
        })
    }
}

/// How long the end of a pipe may take after the program's, which closes it.
const LAST_WORDS: Duration = Duration::from_secs(5);

fn read_all(mut pipe: PipeReader) -> mpsc::Receiver<io::Result<Vec<u8>>> {
    let (all, result) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // Nobody may wait any more.
        let _ = all.send(pipe.read_to_end(&mut bytes).map(|_| bytes));
    });
    result
}
