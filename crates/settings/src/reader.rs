//! Reads typed values out of a TOML document, key by key, and goes on after an error.
//!
//! serde would stop at the first wrong value. Here every method notes what is wrong in the [`Report`]
//! and returns nothing, so that the rest of the file is looked at as well.

use std::cell::RefCell;
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::errors::Problem;
use crate::report::{Placed, Report};

/// What belongs under a key such as `host`.
pub(crate) const TABLE: &str = "a table, with its name in brackets and a line for each key,";

/// A table of the document, or the place where one is missing.
pub(crate) struct Table<'a> {
    report: &'a Report<'a>,
    entries: Option<&'a DeTable<'a>>,
    path: String,
    at: usize,
    asked: RefCell<Vec<&'static str>>,
}

/// A value of the document.
pub(crate) struct Item<'a> {
    report: &'a Report<'a>,
    value: &'a DeValue<'a>,
    key: String,
    at: usize,
}

/// Parses the text as TOML and has `read` make a value of it.
pub(crate) fn document<T>(
    report: &Report<'_>,
    text: &str,
    read: impl FnOnce(Table<'_>) -> T,
) -> Option<T> {
    match DeTable::parse(text) {
        Ok(document) => Some(read(Table {
            report,
            entries: Some(document.get_ref()),
            path: String::new(),
            at: 0,
            asked: RefCell::default(),
        })),
        Err(error) => {
            let span = error.span().unwrap_or_default();
            // The only error whose span is a key and nothing else, so that it can be shown.
            if error.message() == "duplicate key" {
                let key = text.get(span.clone()).unwrap_or_default();
                report.add(span.start, key, Problem::DuplicateKey);
            } else {
                report.add(span.start, "", Problem::Syntax(error.message().to_owned()));
            }
            None
        }
    }
}

impl<'a> Table<'a> {
    pub fn report(&self) -> &'a Report<'a> {
        self.report
    }

    pub fn path(&self) -> &str {
        &self.path
    }

    /// The table itself, to say where something is missing.
    pub fn placed<T>(&self, value: T) -> Placed<T> {
        Placed {
            value,
            key: self.path.clone(),
            at: self.at,
        }
    }

    /// The value of a key. What is never asked for is unknown to [`Table::finish`].
    pub fn get(&self, key: &'static str) -> Option<Item<'a>> {
        self.asked.borrow_mut().push(key);
        let value: &'a Spanned<DeValue<'a>> = self.entries?.get(key)?;
        Some(Item::new(self.report, value, self.path_of(key)))
    }

    /// The table under a key; when there is none, one without entries.
    pub fn table(&self, key: &'static str) -> Table<'a> {
        let found = self.get(key).and_then(|item| item.table(TABLE));
        found.unwrap_or_else(|| Table {
            report: self.report,
            entries: None,
            path: self.path_of(key),
            at: self.at,
            asked: RefCell::default(),
        })
    }

    /// A text that `parse` makes a value of.
    pub fn value<T, E: Into<Problem>>(
        &self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        self.get(key)?.value(parse).map(|placed| placed.value)
    }

    /// A text for a type that has one way to be written.
    pub fn parsed<T: FromStr<Err: Into<Problem>>>(&self, key: &'static str) -> Option<T> {
        self.value(key, T::from_str)
    }

    /// One of some words.
    pub fn word<T: Copy>(&self, key: &'static str, words: &[(&'static str, T)]) -> Option<T> {
        self.get(key)?.word(words)
    }

    pub fn boolean(&self, key: &'static str) -> Option<bool> {
        self.get(key)?.boolean()
    }

    /// A whole number from `min` to `max`.
    pub fn integer<T: TryFrom<u32>>(&self, key: &'static str, min: u32, max: u32) -> Option<T> {
        self.get(key)?
            .integer(min, max)
            .and_then(|number| T::try_from(number).ok())
    }

    /// A list, each item read by `read`; `None` when the key is not there.
    pub fn list<T>(
        &self,
        key: &'static str,
        read: impl FnMut(Item<'a>) -> Option<T>,
    ) -> Option<Vec<T>> {
        Some(
            self.get(key)?
                .list("a list in brackets")?
                .filter_map(read)
                .collect(),
        )
    }

    /// Notes the keys that nobody asked for.
    pub fn finish(self) {
        let known = self.asked.take();
        let Some(entries) = self.entries else { return };
        for key in entries.keys() {
            let name: &str = key.get_ref();
            if !known.contains(&name) {
                let nearest = nearest(name, &known);
                let problem = Problem::UnknownKey {
                    nearest,
                    known: known.clone(),
                };
                self.report
                    .add(key.span().start, &self.path_of(name), problem);
            }
        }
    }

    fn path_of(&self, key: &str) -> String {
        let bare = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        let dot = if self.path.is_empty() { "" } else { "." };
        if !key.is_empty() && key.bytes().all(bare) {
            format!("{}{dot}{key}", self.path)
        } else {
            format!("{}{dot}{key:?}", self.path)
        }
    }
}

impl<'a> Item<'a> {
    fn new(report: &'a Report<'a>, value: &'a Spanned<DeValue<'a>>, key: String) -> Self {
        Self {
            report,
            value: value.get_ref(),
            key,
            at: value.span().start,
        }
    }

    pub fn add(&self, problem: impl Into<Problem>) {
        self.report.add(self.at, &self.key, problem);
    }

    pub fn placed<T>(&self, value: T) -> Placed<T> {
        Placed {
            value,
            key: self.key.clone(),
            at: self.at,
        }
    }

    /// A text that `parse` makes a value of.
    pub fn value<T, E: Into<Problem>>(
        &self,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<Placed<T>> {
        match parse(self.text()?) {
            Ok(value) => Some(self.placed(value)),
            Err(error) => {
                self.add(error);
                None
            }
        }
    }

    pub fn text(&self) -> Option<&'a str> {
        match self.value {
            DeValue::String(text) => Some(text),
            _ => self.wrong_type("text in quotes"),
        }
    }

    pub fn word<T: Copy>(&self, words: &[(&'static str, T)]) -> Option<T> {
        let text = self.text()?;
        let found = words.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let allowed = words.iter().map(|(word, _)| *word).collect();
            self.add(Problem::UnknownWord {
                found: text.to_owned(),
                allowed,
            });
        }
        found.map(|(_, value)| *value)
    }

    pub fn boolean(&self) -> Option<bool> {
        match self.value {
            DeValue::Boolean(value) => Some(*value),
            _ => self.wrong_type("true or false"),
        }
    }

    pub fn integer(&self, min: u32, max: u32) -> Option<u32> {
        let DeValue::Integer(written) = self.value else {
            return self.wrong_type("a whole number");
        };
        let number = u32::from_str_radix(written.as_str(), written.radix()).ok();
        let fits = number.filter(|number| (min..=max).contains(number));
        if fits.is_none() {
            self.add(Problem::OutOfRange {
                found: written.to_string(),
                min,
                max,
            });
        }
        fits
    }

    pub fn is_integer(&self) -> bool {
        self.value.is_integer()
    }

    pub fn is_text(&self) -> bool {
        self.value.is_str()
    }

    pub fn is_list(&self) -> bool {
        self.value.is_array()
    }

    /// The items of a list, which `expected` describes for the case that it is none.
    pub fn list(&self, expected: &'static str) -> Option<impl Iterator<Item = Item<'a>> + use<'a>> {
        let DeValue::Array(items) = self.value else {
            return self.wrong_type(expected);
        };
        let (report, key) = (self.report, self.key.clone());
        let items = items.iter().enumerate();
        Some(items.map(move |(i, value)| Item::new(report, value, format!("{key}[{i}]"))))
    }

    /// The item as a table, which `expected` describes for the case that it is none.
    pub fn table(self, expected: &'static str) -> Option<Table<'a>> {
        let DeValue::Table(entries) = self.value else {
            return self.wrong_type(expected);
        };
        Some(Table {
            report: self.report,
            entries: Some(entries),
            path: self.key,
            at: self.at,
            asked: RefCell::default(),
        })
    }

    pub fn wrong_type<T>(&self, expected: &'static str) -> Option<T> {
        let found = match self.value {
            DeValue::String(_) => "text",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number with a fraction",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.add(Problem::WrongType { found, expected });
        None
    }
}

/// The known key that `key` was most likely meant to be.
fn nearest(key: &str, known: &[&'static str]) -> Option<&'static str> {
    let folded = key.to_lowercase().replace('-', "_");
    let near = known.iter().map(|&one| (distance(&folded, one), one));
    let (distance, one) = near.min()?;
    (distance <= 1 + one.len() / 4).then_some(one)
}

/// Levenshtein's distance: how many characters have to be changed, put in or taken out.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let changed = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
