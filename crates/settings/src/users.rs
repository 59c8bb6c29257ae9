//! Who may use a proxy.

use std::path::Path;

use crate::errors::{Errors, Problem};
use crate::report::{Placed, Report, for_each_pair, load};
use crate::secret::{Credentials, Secret};

/// Users with their passwords; no name twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Users(Vec<Credentials>);

impl Users {
    /// Reads a users file's text: a line `name:password` for each user. Empty lines and lines that start with
    /// `#` say nothing. Everything behind the first `:` is the password, blanks too. `file_name` is for the errors.
    pub fn parse(text: &str, file_name: &str) -> Result<Self, Errors> {
        let report = Report::new(file_name, text);
        let users = users(&report, text);
        report.finish(Some(users))
    }

    /// Reads a users file.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Errors> {
        load(path.as_ref(), Self::parse)
    }

    /// Each user, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Credentials> {
        self.0.iter()
    }
}

fn users(report: &Report<'_>, text: &str) -> Users {
    let mut at = 0;
    let mut lines = Vec::new();
    for whole in text.split_inclusive('\n') {
        let line = whole.strip_suffix('\n').unwrap_or(whole);
        let line = line.strip_suffix('\r').unwrap_or(line);
        if !line.trim().is_empty() && !line.starts_with('#') {
            lines.push((at, line));
        }
        at += whole.len();
    }
    if lines.is_empty() {
        report.add(0, "", Problem::NoUser);
    }
    let known: Vec<_> = lines
        .iter()
        .filter_map(|(at, line)| user(report, *at, line))
        .collect();
    for_each_pair(&known, |earlier, later| {
        let clash = earlier.value.name() == later.value.name();
        if clash {
            let name = later.value.name().to_owned();
            let problem = Problem::SameUser {
                name,
                other: report.other(earlier),
            };
            report.add(later.at, "", problem);
        }
        clash
    });
    Users(known.into_iter().map(|placed| placed.value).collect())
}

fn user(report: &Report<'_>, at: usize, line: &str) -> Option<Placed<Credentials>> {
    let Some((name, password)) = line.split_once(':') else {
        report.add(at, "", Problem::NoColon);
        return None;
    };
    let credentials = Credentials::new(name.to_owned(), Secret::new(password));
    let credentials = credentials
        .inspect_err(|error| report.add(at, "", error.clone()))
        .ok()?;
    Some(Placed {
        value: credentials,
        key: "the user".to_owned(),
        at,
    })
}
