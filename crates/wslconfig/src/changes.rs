//! What was changed in a file, kept to be put back.

use serde::{Deserialize, Serialize};

use crate::encoding::Encoding;
use crate::key::Key;
use crate::value::Value;

/// What [`crate::Document::set`] has changed, in that order, each with what was there before. To be
/// kept in a file, and written down before the changed `.wslconfig` is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Changes(Vec<Change>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Change {
    pub key: Key,
    /// What was set, the newest last. Each of them is ours, should one be in the file: it may not have
    /// been written before the program was killed.
    pub ours: Vec<Value>,
    pub former: Former,
}

/// What was there in place of our value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Former {
    /// Another value.
    Value(Written),
    /// No line.
    NoLine,
    /// No line, and the file ended here. This was put before and behind our line.
    NoLineAtEnd { before: String, after: String },
}

/// A piece of a file: the text if it is one, so that it outlives a change of the file's encoding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Written {
    Text(String),
    Bytes(Vec<u8>),
}

/// What became of a change when it was taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restored {
    /// What was there before is there again.
    Back,
    /// The user has set another value since. It stays.
    Theirs,
    /// The user has taken the setting out. It stays out.
    Gone,
}

impl Changes {
    /// Whether nothing was changed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut Change> {
        self.0.iter_mut().find(|change| change.key == key)
    }

    pub(crate) fn push(&mut self, change: Change) {
        self.0.push(change);
    }

    /// Takes a key's change out if it is not as asked.
    pub(crate) fn take_unless(
        &mut self,
        key: Key,
        is_fine: impl Fn(&Change) -> bool,
    ) -> Option<Change> {
        let is_meant = |change: &Change| change.key == key && !is_fine(change);
        let place = self.0.iter().position(is_meant)?;
        Some(self.0.remove(place))
    }

    pub(crate) fn newest_first(self) -> impl Iterator<Item = Change> {
        self.0.into_iter().rev()
    }
}

impl Change {
    pub fn new(key: Key, value: Value, former: Former) -> Self {
        let ours = vec![value];
        Self { key, ours, former }
    }

    /// Another value takes the place of the one that was set.
    pub fn renew(&mut self, value: Value) {
        self.ours.retain(|it| *it != value);
        self.ours.push(value);
    }
}

impl Written {
    pub fn new(bytes: &[u8], encoding: Encoding) -> Self {
        let text = encoding.decode(bytes).map(Self::Text);
        text.unwrap_or_else(|| Self::Bytes(bytes.to_vec()))
    }

    pub fn bytes(self, encoding: Encoding) -> Vec<u8> {
        match self {
            Self::Text(text) => encoding.encode(&text),
            Self::Bytes(bytes) => bytes,
        }
    }
}
