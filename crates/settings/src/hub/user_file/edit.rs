//! Changes of a users file. What they are not about stays as it was, byte by byte: people write comments.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml_edit::Document;

use super::{User, UserFile, UserName};
use crate::errors::Errors;
use crate::file::{FolderLock, create_file, replace_file};
use crate::hub::DEFAULT_MAX_CONNECTIONS;
use crate::report::load;

/// What a new users file begins with.
const HEADER: &str = "\
# Who may use this hub: a table [[user]] for each. `manypath hub user` adds, removes and lists users; the file
# can be edited by hand too. A comment right above a [[user]] goes with the user.
# Beside name and key a user may have:
#   max_connections = 4096                      connections at once
#   rate = \"50 Mbit/s\"                          how fast, in each direction; kbit/s and Gbit/s too
#   allow = [\"203.0.113.0/24\", \"0.0.0.0/0:443\"] where it may connect to, with or without ports
#   deny = [\"[2001:db8::/32]:80-90\"]            where it may not, even if it is in allow
";

/// Why a users file was not changed.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// It is not there, or something is wrong with it.
    #[error(transparent)]
    File(#[from] Errors),
    /// There is a user of that name.
    #[error(
        "{}: there is a user {name} already; choose another name, or run first: manypath hub user remove {name}",
        file.display()
    )]
    SameName {
        /// The users file.
        file: PathBuf,
        /// The user's name.
        name: UserName,
    },
    /// There is no user of that name.
    #[error("{}: there is no user {name}; {}", file.display(), known(users))]
    NoSuchUser {
        /// The users file.
        file: PathBuf,
        /// The name that was asked for.
        name: UserName,
        /// The names that there are.
        users: Vec<UserName>,
    },
    /// The users are not in tables of their own.
    #[error(
        "{}: the users are in one list, user = [ … ], which only people can edit; write a table [[user]] for each of them",
        file.display()
    )]
    InlineList {
        /// The users file.
        file: PathBuf,
    },
    /// The kernel's reason.
    #[error("{}: cannot be written; run this as root, or as the owner of the file", file.display())]
    Write {
        /// The users file.
        file: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

fn known(users: &[UserName]) -> String {
    match users {
        [] => "there is none at all".to_owned(),
        [only] => format!("the only user is {only}"),
        several => {
            let names: Vec<&str> = several.iter().map(UserName::as_str).collect();
            format!("the users are {}", names.join(", "))
        }
    }
}

impl UserFile {
    /// Makes a users file with one user, readable by its owner and group.
    ///
    /// # Errors
    /// When there is a file, which stays as it is.
    pub fn create(path: &Path, user: &User) -> Result<(), EditError> {
        let text = format!("{HEADER}\n{}", table(user, "\n"));
        create_file(path, &text, 0o640).map_err(|source| write_error(path, source))
    }

    /// Adds a user at the end of a users file.
    ///
    /// # Errors
    /// When the file is not there or wrong, has a user of that name, or can't be written. It then stays as it is.
    pub fn add(path: &Path, user: &User) -> Result<(), EditError> {
        edit(path, |old, text| {
            if old.by_name(&user.name).is_some() {
                let (file, name) = (path.to_owned(), user.name.clone());
                return Err(EditError::SameName { file, name });
            }
            Ok(with(text, user))
        })
    }

    /// Takes a user out of a users file.
    ///
    /// # Errors
    /// When the file is not there or wrong, has no user of that name, or can't be written. It then stays as it is.
    pub fn remove(path: &Path, name: &UserName) -> Result<(), EditError> {
        edit(path, |old, text| {
            let Some(index) = old.iter().position(|user| user.name == *name) else {
                return Err(EditError::NoSuchUser {
                    file: path.to_owned(),
                    name: name.clone(),
                    users: old.iter().map(|user| user.name.clone()).collect(),
                });
            };
            Ok(without(text, index))
        })
    }
}

/// Has `change` make a new text of the file's, or `None` if it is not written in tables.
fn edit(
    path: &Path,
    change: impl FnOnce(&UserFile, &str) -> Result<Option<String>, EditError>,
) -> Result<(), EditError> {
    let lock = FolderLock::around(path);
    let (text, old) = load(path, |text, file_name| {
        Ok((text.to_owned(), UserFile::parse(text, file_name)?))
    })?;
    let write_error = |source| write_error(path, source);
    let _lock = lock.map_err(write_error)?;
    let file = path.to_owned();
    let text = change(&old, &text)?.ok_or(EditError::InlineList { file })?;
    // What was changed must never keep a hub from starting.
    UserFile::parse(&text, &path.display().to_string())?;
    replace_file(path, &text).map_err(write_error)
}

fn write_error(path: &Path, source: io::Error) -> EditError {
    let file = path.to_owned();
    EditError::Write { file, source }
}

/// The text with one user more.
fn with(text: &str, user: &User) -> Option<String> {
    tables(text)?;
    let newline = newline(text);
    let mut text = text.to_owned();
    if !text.is_empty() {
        let ends = text.ends_with('\n');
        text.push_str(if ends { "" } else { newline });
        text.push_str(newline);
    }
    Some(text + &table(user, newline))
}

/// The text without the user of that index and the comments right above it.
fn without(text: &str, index: usize) -> Option<String> {
    let Range { mut start, mut end } = tables(text)?.get(index)?.clone();
    let (before, after) = (&text[..start], &text[end..]);
    let blank = |line: &str| line.trim().is_empty();
    // The blank line that kept the user apart goes too: that behind it, or for the last one that above.
    if let Some(line) = after.split_inclusive('\n').next() {
        let apart = before.split_inclusive('\n').next_back().is_none_or(blank);
        end += if apart && blank(line) { line.len() } else { 0 };
    } else if let Some(line) = before.split_inclusive('\n').next_back()
        && blank(line)
    {
        start -= line.len();
    }
    Some(format!("{}{}", &text[..start], &text[end..]))
}

/// Where each table `[[user]]` stands: from the comments right above it to the end of its last value's line.
fn tables(text: &str) -> Option<Vec<Range<usize>>> {
    let document = Document::parse(text).ok()?;
    let tables = match document.get("user") {
        None => return Some(Vec::new()),
        Some(item) => item.as_array_of_tables()?,
    };
    let ranges = tables.iter().map(|table| {
        let header = table.span()?;
        let values = table.iter().filter_map(|(_, value)| value.span());
        let end = values.map(|value| value.end).fold(header.end, usize::max);
        Some(above(text, header.start)..end_of_line(text, end))
    });
    ranges.collect()
}

/// The start of the comments that stand right above the line of `at`.
fn above(text: &str, at: usize) -> usize {
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let lines = text[..start].split_inclusive('\n').rev();
    let comments = lines.take_while(|line| line.trim_start().starts_with('#'));
    start - comments.map(str::len).sum::<usize>()
}

fn end_of_line(text: &str, at: usize) -> usize {
    text[at..]
        .find('\n')
        .map_or(text.len(), |newline| at + newline + 1)
}

fn newline(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

/// The table of a user, without what has its default value.
fn table(user: &User, newline: &str) -> String {
    let mut lines = vec![
        "[[user]]".to_owned(),
        format!("name = \"{}\"", user.name),
        format!("key = \"{}\"", user.key),
    ];
    if user.max_connections != DEFAULT_MAX_CONNECTIONS {
        lines.push(format!("max_connections = {}", user.max_connections));
    }
    if let Some(rate) = user.rate {
        lines.push(format!("rate = \"{rate}\""));
    }
    for (key, rules) in [("allow", &user.allow), ("deny", &user.deny)] {
        if !rules.is_empty() {
            let rules: Vec<String> = rules.iter().map(|rule| format!("\"{rule}\"")).collect();
            lines.push(format!("{key} = [{}]", rules.join(", ")));
        }
    }
    lines.push(String::new());
    lines.join(newline)
}
