//! Who is logged on, and what is done in their name.

use std::fmt;
use std::path::Path;

use crate::child::UserChild;
use crate::command::UserCommand;
use crate::error::Error;
use crate::session::{Account, Session, SessionId};

/// The users of this PC.
pub trait Users: fmt::Debug + Send + Sync {
    /// All sessions: the one at the PC first, then the others that are in use, then the rest.
    ///
    /// # Errors
    /// When Windows refuses; [`Error::NotSystem`] unless this runs as LocalSystem.
    fn sessions(&self) -> Result<Vec<Session>, Error>;

    /// The user of a session.
    ///
    /// # Errors
    /// [`Error::NobodyThere`]; else as [`Users::sessions`].
    fn user(&self, session: SessionId) -> Result<Box<dyn User>, Error>;
}

/// A user who is logged on. Whatever this does is done with that user's rights and no others.
pub trait User: fmt::Debug + Send + Sync {
    /// Who it is.
    fn account(&self) -> &Account;

    /// The directory that the user's files are in: `C:\Users\ada`.
    fn profile(&self) -> &Path;

    /// Starts a program, in the user's environment and on the user's desktop, without a window.
    ///
    /// # Errors
    /// When the command can't be passed on, or the program does not start.
    fn spawn(&self, command: &UserCommand) -> Result<UserChild, Error>;

    /// Reads a file; `None` if there is none.
    ///
    /// # Errors
    /// When Windows refuses.
    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, Error>;

    /// Writes a file, as a whole or not at all. One that is there keeps its access list and attributes;
    /// a link stays, and what it names is written.
    ///
    /// # Errors
    /// When Windows refuses, as it does for a moment while another program has the file open: repeat it.
    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), Error>;

    /// Deletes a file, if it is there.
    ///
    /// # Errors
    /// When Windows refuses.
    fn remove(&self, path: &Path) -> Result<(), Error>;
}
