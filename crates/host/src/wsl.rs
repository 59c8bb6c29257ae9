//! What `wsl.exe` does for us, always in the name of the logged-on user: it refuses LocalSystem
//! (WSL `src/windows/service/exe/LxssUserSessionFactory.cpp:203-205`).

use std::path::Path;
use std::time::Duration;

use winproc::{Program, User, UserCommand};

use crate::setup::Distribution;

/// How long a command may take. A cold VM needs some ten seconds.
const LIMIT: Duration = Duration::from_secs(90);

/// How long an import may take, which writes a file system.
const IMPORT_LIMIT: Duration = Duration::from_secs(300);

/// Where the edge is in the image.
const EDGE: &str = "/usr/bin/manypath";

/// Where `wsl.exe` is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wsl {
    program: Program,
}

/// Why `wsl.exe` did not do it.
#[derive(Debug, thiserror::Error)]
pub enum WslError {
    /// It did not start, or not end.
    #[error("wsl.exe could not {task}")]
    Run {
        /// What it was to do.
        task: String,
        /// Why.
        source: winproc::Error,
    },
    /// It said no.
    #[error("wsl.exe could not {task}: {words} (exit code {code:#x})")]
    Refused {
        /// What it was to do.
        task: String,
        /// What it said.
        words: String,
        /// What it gave back.
        code: u32,
    },
}

impl Wsl {
    /// By the full path of `wsl.exe`.
    pub fn new(program: Program) -> Self {
        Self { program }
    }

    /// The command that runs the edge; it goes on for as long as the edge does. Nothing in between: no
    /// shell, and no other user than root.
    pub fn edge(&self, distribution: &str) -> UserCommand {
        self.command(&[
            "-d",
            distribution,
            "-u",
            "root",
            "--exec",
            EDGE,
            "edge",
            "--stdio",
        ])
    }

    /// Makes a distribution from an image, in a folder for its disk.
    ///
    /// # Errors
    /// When it can't.
    pub fn import(
        &self,
        user: &dyn User,
        name: &str,
        folder: &Path,
        image: &Path,
    ) -> Result<(), WslError> {
        let (folder, image) = (folder.to_string_lossy(), image.to_string_lossy());
        let arguments = ["--import", name, &folder, &image, "--version", "2"];
        let task = format!("import the distribution {name:?} from {image}");
        self.run(user, task, &arguments, IMPORT_LIMIT).map(drop)
    }

    /// Takes a distribution away, with all that is in it.
    ///
    /// # Errors
    /// When it can't.
    pub fn unregister(&self, user: &dyn User, name: &str) -> Result<(), WslError> {
        let task = format!("unregister the distribution {name:?}");
        self.run(user, task, &["--unregister", name], LIMIT)
            .map(drop)
    }

    /// Makes a distribution the default.
    ///
    /// # Errors
    /// When it can't.
    pub fn set_default(&self, user: &dyn User, other: &Distribution) -> Result<(), WslError> {
        let task = format!("make {:?} the default distribution", other.name);
        self.run(user, task, &["--set-default", &other.name], LIMIT)
            .map(drop)
    }

    /// Ends a distribution, and the edge in it. The user's others go on.
    ///
    /// # Errors
    /// When it can't.
    pub fn terminate(&self, user: &dyn User, name: &str) -> Result<(), WslError> {
        let task = format!("end the distribution {name:?}");
        self.run(user, task, &["--terminate", name], LIMIT)
            .map(drop)
    }

    /// Ends the user's VM, and all that runs in it.
    ///
    /// # Errors
    /// When it can't.
    pub fn shutdown(&self, user: &dyn User) -> Result<(), WslError> {
        self.run(user, "end its VM".to_owned(), &["--shutdown"], LIMIT)
            .map(drop)
    }

    fn command(&self, arguments: &[&str]) -> UserCommand {
        UserCommand::new(self.program.clone())
            .arguments(arguments.iter().copied())
            // Else it writes UTF-16 (`WslClient.cpp:1848-1881`).
            .variable("WSL_UTF8", "1")
            .variable("WSL_DISABLE_WARNINGS", "1")
    }

    fn run(
        &self,
        user: &dyn User,
        task: String,
        arguments: &[&str],
        limit: Duration,
    ) -> Result<String, WslError> {
        let child = user.spawn(&self.command(arguments));
        let output = child.and_then(|child| child.output(limit));
        let output = match output {
            Ok(output) => output,
            Err(source) => return Err(WslError::Run { task, source }),
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        let said = text(&output.stdout);
        if output.code == 0 {
            return Ok(said);
        }
        // It tells errors on either of the two.
        let words = [said, text(&output.stderr)]
            .into_iter()
            .find(|it| !it.is_empty());
        Err(WslError::Refused {
            task,
            words: words.unwrap_or_else(|| "it does not say why".to_owned()),
            code: output.code,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use uuid::Uuid;
    use winproc::fake::FakeUsers;
    use winproc::{Account, Session, SessionId, SessionState, Users};

    use super::*;

    /// A user whose `wsl.exe` says these words and ends with this code.
    fn user(words: &'static str, code: u32) -> (FakeUsers, Box<dyn User>) {
        let users = FakeUsers::default();
        let session = Session {
            id: SessionId(1),
            console: true,
            state: SessionState::Active,
            user: Some(Account {
                sid: "S-1-5-21-1-2-3-1001".parse().unwrap(),
                name: r"PC\ann".to_owned(),
            }),
        };
        users.log_on(session, r"C:\Users\ann", move |_, mut stdio| {
            stdio.stdout.write_all(words.as_bytes()).unwrap();
            code
        });
        let user = users.user(SessionId(1)).unwrap();
        (users, user)
    }

    fn wsl() -> Wsl {
        Wsl::new(Program::new(r"C:\Program Files\WSL\wsl.exe").unwrap())
    }

    #[test]
    fn names_and_paths_arrive_as_they_are() {
        let (users, user) = user("", 0);
        let folder = Path::new(r"C:\Users\ann\it's & here");
        wsl()
            .import(&*user, "My \"paths\"", folder, Path::new("guest.wsl"))
            .unwrap();
        let other = Distribution {
            id: Uuid::nil(),
            name: "Ubuntu 24".to_owned(),
        };
        wsl().set_default(&*user, &other).unwrap();
        let started = users.started();
        let arguments = |at: usize| started[at].1.given_arguments();
        assert_eq!(
            arguments(0)[1..3],
            ["My \"paths\"", r"C:\Users\ann\it's & here"]
        );
        assert_eq!(arguments(1), ["--set-default", "Ubuntu 24"]);
        assert!(
            started[0]
                .1
                .variables()
                .unwrap()
                .contains(&("WSL_UTF8".into(), "1".into()))
        );
    }

    #[test]
    fn what_wsl_says_is_in_the_error() {
        let (_users, user) = user(
            "There is no distribution with the supplied name.\r\n",
            0xffff_ffff,
        );
        let error = wsl().terminate(&*user, "Manypath").unwrap_err().to_string();
        assert!(
            error.contains("no distribution with the supplied name. (exit code 0xffffffff)"),
            "{error}"
        );
    }

    #[test]
    fn the_edge_is_started_without_a_shell() {
        let command = wsl().edge("Manypath");
        let arguments = command.given_arguments();
        assert_eq!(arguments[..2], ["-d", "Manypath"]);
        assert!(arguments.contains(&"--exec".to_owned()));
    }
}
