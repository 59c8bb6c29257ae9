//! Collects the errors of one file while it is read.

use std::cell::RefCell;
use std::fmt::Display;
use std::fs;
use std::path::Path;

use crate::errors::{Error, Errors, Other, Place, Problem};

/// The text of a file and what was found wrong with it so far.
pub(crate) struct Report<'t> {
    file: &'t str,
    text: &'t str,
    errors: RefCell<Vec<Error>>,
}

/// A value with the key it has and the byte at which it starts.
#[derive(Clone, Debug)]
pub(crate) struct Placed<T> {
    pub value: T,
    pub key: String,
    pub at: usize,
}

impl<'t> Report<'t> {
    pub fn new(file: &'t str, text: &'t str) -> Self {
        Self {
            file,
            text,
            errors: RefCell::default(),
        }
    }

    /// Notes an error about the text at byte `at`.
    pub fn add(&self, at: usize, key: &str, problem: impl Into<Problem>) {
        self.errors.borrow_mut().push(Error {
            file: self.file.to_owned(),
            place: Some(self.place(at)),
            key: key.to_owned(),
            problem: problem.into(),
        });
    }

    /// Notes the values of a list that stand in it already.
    pub fn repetitions<T: PartialEq + Display>(&self, list: &[Placed<T>]) {
        for_each_pair(list, |earlier, later| {
            let is_twice = earlier.value == later.value;
            if is_twice {
                let value = format!("{:?}", later.value.to_string());
                self.add(later.at, &later.key, Problem::Twice { value });
            }
            is_twice
        });
    }

    /// How an error about one value names another, by the other's key.
    pub fn other<T>(&self, placed: &Placed<T>) -> Other {
        Other {
            key: placed.key.clone(),
            line: self.place(placed.at).line,
        }
    }

    /// `value`, unless an error was found. There is one when `value` is absent.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Errors> {
        let errors = self.errors.into_inner();
        match value {
            Some(value) if errors.is_empty() => Ok(value),
            _ => Err(Errors::new(errors)),
        }
    }

    fn place(&self, at: usize) -> Place {
        // A span may end up behind the text, or (after an error) within a character.
        let at = self.text.floor_char_boundary(at);
        let before = &self.text[..at];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        // No editor counts a byte order mark.
        let line = before[line_start..].trim_start_matches('\u{feff}');
        Place {
            line: before.matches('\n').count() + 1,
            column: line.chars().count() + 1,
        }
    }
}

impl<T> Placed<T> {
    /// The place without the value.
    pub fn place(&self) -> Placed<()> {
        Placed {
            value: (),
            key: self.key.clone(),
            at: self.at,
        }
    }
}

/// Reads a file and hands its text and name to `parse`.
pub(crate) fn load<T>(
    path: &Path,
    parse: impl FnOnce(&str, &str) -> Result<T, Errors>,
) -> Result<T, Errors> {
    let file = path.display().to_string();
    let whole = |problem| {
        Errors::new(vec![Error {
            file: file.clone(),
            place: None,
            key: String::new(),
            problem,
        }])
    };
    let bytes = fs::read(path).map_err(|error| whole(Problem::Unreadable(error)))?;
    let text = String::from_utf8(bytes).map_err(|_| whole(Problem::NotUtf8))?;
    parse(&text, &file)
}

/// Calls `clash` for each value that does not go with an earlier one.
pub(crate) fn for_each_pair<T>(list: &[T], mut clash: impl FnMut(&T, &T) -> bool) {
    for (i, later) in list.iter().enumerate() {
        // One error per value is enough.
        let _found = list[..i].iter().any(|earlier| clash(earlier, later));
    }
}
