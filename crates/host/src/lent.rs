//! A setting of Windows' that is another one for a while, and then again as it was. Pure.
//!
//! What was there is written down before it is replaced, so that whoever comes after a crash can put it back.
//! What somebody else sets meanwhile is theirs, and stays.

use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

/// What is written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lent<T> {
    /// What was there.
    pub before: T,
    /// What takes its place.
    pub ours: T,
    /// Whether it certainly has. Else `before` may still be there, or there again.
    pub is_set: bool,
}

/// A setting that can be lent.
pub trait Lendable: Clone + PartialEq {
    /// Whether it is on the way from one to the other, as one of several values may be that a crash came between.
    fn is_between(&self, one: &Self, other: &Self) -> bool {
        self == one || self == other
    }
}

impl Lendable for String {}

/// What is to be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted<T> {
    /// This.
    Ours(T),
    /// What was there before, until ours is wanted again. What somebody else has set stays theirs then, too.
    Paused,
    /// What was there before.
    Gone,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<T> {
    /// Write this down; `None`: forget it.
    Record(Option<Lent<T>>),
    /// Set this.
    Set(T),
}

/// The steps that lead to what is wanted, in this order.
pub fn plan<T: Lendable>(
    wanted: &Wanted<T>,
    current: &T,
    record: Option<&Lent<T>>,
) -> Vec<Step<T>> {
    let Some(record) = record else {
        return lend(wanted, current);
    };
    let is_ours = *current == record.ours;
    let is_on_the_way = !record.is_set && current.is_between(&record.before, &record.ours);
    match wanted {
        Wanted::Gone if !is_ours && !is_on_the_way => vec![Step::Record(None)],
        _ if !is_ours && !is_on_the_way => Vec::new(),
        Wanted::Ours(ours) if *ours == record.ours => match (is_ours, record.is_set) {
            (true, true) => Vec::new(),
            (true, false) => vec![record.with(true)],
            (false, _) => vec![Step::Set(ours.clone()), record.with(true)],
        },
        _ => {
            let mut steps = give_back(record, current);
            steps.extend(lend(wanted, &record.before));
            steps
        }
    }
}

fn lend<T: Lendable>(wanted: &Wanted<T>, current: &T) -> Vec<Step<T>> {
    match wanted {
        Wanted::Ours(ours) if ours != current => {
            let record = Lent {
                before: current.clone(),
                ours: ours.clone(),
                is_set: false,
            };
            vec![
                record.with(false),
                Step::Set(ours.clone()),
                record.with(true),
            ]
        }
        _ => Vec::new(),
    }
}

/// In this order, whoever comes after a crash can tell what was put back from what the user did.
fn give_back<T: Lendable>(record: &Lent<T>, current: &T) -> Vec<Step<T>> {
    match *current == record.before {
        true => vec![Step::Record(None)],
        false => vec![
            record.with(false),
            Step::Set(record.before.clone()),
            Step::Record(None),
        ],
    }
}

impl<T: Lendable> Lent<T> {
    fn with(&self, is_set: bool) -> Step<T> {
        Step::Record(Some(Self {
            is_set,
            ..self.clone()
        }))
    }
}
