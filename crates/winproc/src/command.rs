//! Commands: what to start, with what.

use std::fmt;

use crate::quoting;

/// The most UTF-16 units that a command line can have, with its end (`CreateProcessW`).
const LONGEST: usize = 32_767;

/// The whole path of an executable: `C:\Program Files\WSL\wsl.exe`.
///
/// It must be whole, because Windows would look for a mere name where others may have put something,
/// and an `.exe`, because batch files are run by `cmd.exe`, which takes arguments apart by rules that
/// no quoting satisfies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program(String);

impl Program {
    /// Reads a path.
    ///
    /// # Errors
    /// When it is not whole, not of an `.exe`, or can't be a path.
    pub fn new(path: impl Into<String>) -> Result<Self, InvalidCommand> {
        let path = path.into();
        let whole = matches!(path.as_bytes(), [drive, b':', b'\\', ..] if drive.is_ascii_alphabetic())
            || path.starts_with(r"\\");
        let executable = path.to_ascii_lowercase().ends_with(".exe");
        if !whole || !executable || path.contains(['"', '\0']) {
            return Err(InvalidCommand::Program(path));
        }
        Ok(Self(path))
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A program to be started without a window, its arguments, and what is added to its environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserCommand {
    program: Program,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
}

impl UserCommand {
    /// Starts a program without arguments.
    pub fn new(program: Program) -> Self {
        Self {
            program,
            arguments: Vec::new(),
            variables: Vec::new(),
        }
    }

    /// Adds arguments. Each reaches the program as it is.
    #[must_use]
    pub fn arguments<S: Into<String>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Sets a variable of its environment, in place of the one of that name.
    #[must_use]
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// What is started.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Its arguments.
    pub fn given_arguments(&self) -> &[String] {
        &self.arguments
    }

    /// What is added to its environment.
    ///
    /// # Errors
    /// When one holds a character that ends a text for Windows: another variable would follow.
    pub fn variables(&self) -> Result<&[(String, String)], InvalidCommand> {
        for (name, value) in &self.variables {
            without_null(name)?;
            without_null(value)?;
        }
        Ok(&self.variables)
    }

    /// The arguments in one text, quoted, as Windows passes them.
    ///
    /// # Errors
    /// When one holds a character that ends a text for Windows, or all are too long.
    pub fn parameters(&self) -> Result<String, InvalidCommand> {
        let mut line = String::new();
        for argument in &self.arguments {
            without_null(argument)?;
            if !line.is_empty() {
                line.push(' ');
            }
            quoting::argument(&mut line, argument);
        }
        within_limit(line)
    }

    /// The same with the program before them.
    ///
    /// # Errors
    /// As [`UserCommand::parameters`].
    pub fn command_line(&self) -> Result<String, InvalidCommand> {
        let parameters = self.parameters()?;
        let mut line = String::new();
        quoting::program(&mut line, self.program.as_str());
        if !parameters.is_empty() {
            line.extend([" ", &parameters]);
        }
        within_limit(line)
    }
}

fn without_null(text: &str) -> Result<(), InvalidCommand> {
    if text.contains('\0') {
        return Err(InvalidCommand::Null(text.to_owned()));
    }
    Ok(())
}

fn within_limit(line: String) -> Result<String, InvalidCommand> {
    let length = line.encode_utf16().count();
    if length >= LONGEST {
        return Err(InvalidCommand::TooLong(length));
    }
    Ok(line)
}

/// A command that Windows can't be given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCommand {
    /// No whole path of an executable.
    #[error(
        "{0:?} cannot be started: give the whole path of an .exe, as in C:\\Windows\\notepad.exe"
    )]
    Program(String),
    /// Windows' texts end at a null character.
    #[error("the argument or variable {0:?} holds a null character")]
    Null(String),
    /// More than a command line can hold.
    #[error("a command line of {0} characters is too long: Windows takes 32,766")]
    TooLong(usize),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command() -> UserCommand {
        UserCommand::new(Program::new(r"C:\Program Files\WSL\wsl.exe").unwrap())
    }

    #[test]
    fn programs() {
        for whole in [r"c:\a.EXE", r"\\server\share\a b.exe", r"\\?\C:\a.exe"] {
            assert_eq!(Program::new(whole).unwrap().as_str(), whole);
        }
        for path in [
            "wsl.exe",
            r"dir\wsl.exe",
            r"C:wsl.exe",
            r"\Windows\a.exe",
            "C:/Windows/a.exe",
            r"C:\a.bat",
            r"C:\a",
            "C:\\a\"b.exe",
            "C:\\a\0.exe",
            "",
        ] {
            let refused = Err(InvalidCommand::Program(path.to_owned()));
            assert_eq!(Program::new(path), refused, "{path}");
        }
    }

    #[test]
    fn a_command_line() {
        assert_eq!(
            command().command_line().unwrap(),
            r#""C:\Program Files\WSL\wsl.exe""#
        );
        let with = command().arguments(["-d", "My Linux", ""]);
        assert_eq!(with.parameters().unwrap(), r#"-d "My Linux" """#);
        assert_eq!(
            with.command_line().unwrap(),
            r#""C:\Program Files\WSL\wsl.exe" -d "My Linux" """#
        );
    }

    #[test]
    fn what_windows_cannot_be_given() {
        let null = command().arguments(["a\0b"]).command_line();
        assert_eq!(null, Err(InvalidCommand::Null("a\0b".to_owned())));
        let variable = command().variable("A", "1\0PATH=evil");
        let null = InvalidCommand::Null("1\0PATH=evil".to_owned());
        assert_eq!(variable.variables(), Err(null));
        // The program takes 30 characters, the blank one; a character beyond U+FFFF counts twice.
        let room = LONGEST - 1 - 31;
        let fits = command().arguments(["𐍈".repeat(room / 2)]);
        assert_eq!(room % 2, 1);
        assert!(fits.command_line().is_ok());
        let longer = command().arguments(["𐍈".repeat(room / 2 + 1)]);
        assert_eq!(longer.command_line(), Err(InvalidCommand::TooLong(LONGEST)));
    }
}
