//! Kernels that were installed by `manypath kernel install`: a [`shelf`] of them beside the program, a
//! [`trial`] before one is kept, and a [`check`] of what runs against what is wanted.

use kernelpack::FileName;
use serde::{Deserialize, Serialize};

pub mod check;
pub mod shelf;
pub mod trial;
pub mod web;

/// Which of the installed kernels are in use. Each is named by its folder on the shelf.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Record {
    /// The one that has proved to work.
    pub current: Option<FileName>,
    /// The one before it.
    pub previous: Option<FileName>,
    /// The one that is being tried. Found at the service's start, its trial was broken off: it goes.
    pub trying: Option<FileName>,
}

impl Record {
    /// The one that WSL is to start.
    pub fn wanted(&self) -> Option<&FileName> {
        self.trying.as_ref().or(self.current.as_ref())
    }

    /// With another one to be tried.
    #[must_use]
    pub fn with_trial(&self, of: FileName) -> Self {
        Self {
            trying: Some(of),
            ..self.clone()
        }
    }

    /// The one that was tried works: it stays, and the one before it, too.
    #[must_use]
    pub fn kept(self) -> Self {
        match self.trying {
            Some(tried) if self.current.as_ref() != Some(&tried) => Self {
                current: Some(tried),
                previous: self.current,
                trying: None,
            },
            _ => Self {
                trying: None,
                ..self
            },
        }
    }

    /// The one that was tried does not work.
    #[must_use]
    pub fn rolled_back(self) -> Self {
        Self {
            trying: None,
            ..self
        }
    }

    /// Those that must not be deleted.
    pub fn in_use(&self) -> impl Iterator<Item = &FileName> {
        [&self.current, &self.previous, &self.trying]
            .into_iter()
            .flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> FileName {
        text.parse().unwrap()
    }

    #[test]
    fn the_one_before_is_kept() {
        let first = Record::default().with_trial(name("a"));
        assert_eq!(first.wanted(), Some(&name("a")));
        let first = first.kept();
        assert_eq!(
            first,
            Record {
                current: Some(name("a")),
                ..Record::default()
            }
        );
        let second = first.with_trial(name("b"));
        assert_eq!(second.wanted(), Some(&name("b")));
        assert_eq!(second.clone().rolled_back(), first);
        let second = second.kept();
        assert_eq!(
            (second.current.clone(), second.previous.clone()),
            (Some(name("b")), Some(name("a")))
        );
        let again = second.with_trial(name("b")).kept();
        assert_eq!(
            again, second,
            "the same one again does not push the other out"
        );
        let back = second.with_trial(name("a")).kept();
        assert_eq!(
            (back.current, back.previous),
            (Some(name("a")), Some(name("b")))
        );
    }
}
