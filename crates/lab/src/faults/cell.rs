//! The matrix: which fault, under which traffic, with which links.

use std::fmt;
use std::str::FromStr;

use super::round::Fault;
use crate::traffic::Direction;

/// One combination that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    pub(super) layout: Layout,
    pub(super) traffic: Traffic,
    pub(super) fault: Fault,
    pub(super) failing: Failing,
}

/// What the uplinks are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Layout {
    /// Both carry.
    Aggregate,
    /// The first carries and the second waits.
    FirstActive,
    /// The other way round.
    SecondActive,
}

/// What runs while the link fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Traffic {
    Bulk(Direction),
    /// Small ones, in a steady stream.
    Messages(Direction),
}

/// Which link fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Failing {
    First,
    Second,
    /// The one that carries the messages, whichever it is.
    Busier,
}

/// A word that chooses cells: `carrier`, `upload`, `backup`, `second` and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    /// Its place in [`DIMENSIONS`].
    dimension: usize,
    word: &'static str,
}

/// No cell has that word.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no cell is {0:?}; the words are {list}", list = DIMENSIONS.concat().join(", "))]
pub struct UnknownWord(String);

/// The words of [`Cell::words`], place by place.
const DIMENSIONS: [&[&str]; 4] = [
    &["carrier", "silence"],
    &["download", "upload", "messages-down", "messages-up"],
    &["aggregate", "backup"],
    &["first", "second", "busier"],
];

impl Cell {
    /// All of them. Those of one layout are next to each other.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let mut cells = Vec::new();
        for layout in [Layout::Aggregate, Layout::FirstActive, Layout::SecondActive] {
            for traffic in Traffic::ALL {
                for fault in [Fault::Carrier, Fault::Silence] {
                    let cell = |&failing| Self {
                        layout,
                        traffic,
                        fault,
                        failing,
                    };
                    cells.extend(layout.failing(traffic).iter().map(cell));
                }
            }
        }
        cells
    }

    /// Those that fit the words: of several words for the same thing one has to fit.
    #[must_use]
    pub fn only(words: &[Word]) -> Vec<Self> {
        let mut cells = Self::all();
        cells.retain(|cell| cell.fits(words));
        cells
    }

    fn fits(&self, words: &[Word]) -> bool {
        self.words().iter().enumerate().all(|(dimension, own)| {
            let mut wanted = words.iter().filter(|word| word.dimension == dimension);
            wanted.clone().next().is_none() || wanted.any(|word| word.word == *own)
        })
    }

    /// Fault, traffic, mode and failing link.
    pub(super) const fn words(&self) -> [&'static str; 4] {
        [
            match self.fault {
                Fault::Carrier => "carrier",
                Fault::Silence => "silence",
            },
            match self.traffic {
                Traffic::Bulk(Direction::Down) => "download",
                Traffic::Bulk(Direction::Up) => "upload",
                Traffic::Messages(Direction::Down) => "messages-down",
                Traffic::Messages(Direction::Up) => "messages-up",
            },
            match self.layout {
                Layout::Aggregate => "aggregate",
                Layout::FirstActive | Layout::SecondActive => "backup",
            },
            match self.failing {
                Failing::First => "first",
                Failing::Second => "second",
                Failing::Busier => "busier",
            },
        ]
    }
}

impl Layout {
    /// The links that are to fail in turn: of a backup's pair the active one. Messages use one link at
    /// a time, and no other is worth failing.
    const fn failing(self, traffic: Traffic) -> &'static [Failing] {
        match (self, traffic) {
            (Self::Aggregate, Traffic::Bulk(_)) => &[Failing::First, Failing::Second],
            (Self::Aggregate, Traffic::Messages(_)) => &[Failing::Busier],
            (Self::FirstActive, _) => &[Failing::First],
            (Self::SecondActive, _) => &[Failing::Second],
        }
    }
}

impl Traffic {
    const ALL: [Self; 4] = [
        Self::Bulk(Direction::Down),
        Self::Bulk(Direction::Up),
        Self::Messages(Direction::Down),
        Self::Messages(Direction::Up),
    ];

    /// Where the payload goes.
    pub(super) const fn direction(self) -> Direction {
        match self {
            Self::Bulk(direction) | Self::Messages(direction) => direction,
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.words().join(" "))
    }
}

impl FromStr for Word {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let words = DIMENSIONS.iter().enumerate();
        let mut words = words
            .flat_map(|(dimension, words)| words.iter().map(move |word| Self { dimension, word }));
        let word = words.find(|word| word.word == text);
        word.ok_or_else(|| UnknownWord(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(words: &str) -> Vec<String> {
        let words: Vec<Word> = words
            .split_terminator(',')
            .map(|word| word.parse().unwrap())
            .collect();
        let cells = Cell::only(&words);
        cells.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_cell_is_there_once_and_layouts_are_together() {
        let cells = Cell::all();
        // Bulk: 2 faults, 2 ways, 2 modes, 2 links. Messages: 2, 2, and 3 for the modes together.
        assert_eq!(cells.len(), 16 + 12);
        assert!(cells.is_sorted_by(|one, other| one.layout <= other.layout));
        let mut names = only("");
        names.sort();
        names.dedup();
        assert_eq!(names.len(), cells.len());
    }

    #[test]
    fn words_of_one_kind_add_up_and_those_of_several_kinds_must_all_fit() {
        assert_eq!(
            only("carrier,download,aggregate,first"),
            ["carrier download aggregate first"]
        );
        assert_eq!(only("upload,download,silence,aggregate").len(), 4);
        assert_eq!(only("messages-up").len(), 6);
        assert_eq!(
            only("messages-down,carrier,backup"),
            [
                "carrier messages-down backup first",
                "carrier messages-down backup second"
            ]
        );
        assert!(only("messages-up,aggregate,first").is_empty());
    }

    #[test]
    fn an_unknown_word_is_refused_with_the_list() {
        let error = "cable".parse::<Word>().unwrap_err().to_string();
        assert!(
            error.starts_with("no cell is \"cable\"; the words are carrier, silence, download,")
        );
    }

    #[test]
    fn the_active_link_of_a_backups_pair_is_the_one_that_fails() {
        let backups = Cell::all().into_iter();
        for cell in backups.filter(|cell| cell.layout != Layout::Aggregate) {
            let active = match cell.layout {
                Layout::SecondActive => Failing::Second,
                _ => Failing::First,
            };
            assert_eq!(cell.failing, active);
        }
    }
}
