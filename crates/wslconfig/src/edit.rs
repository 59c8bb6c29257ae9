//! Sets values in a file, and puts back what was there.

use std::ops::Range;

use crate::changes::{Change, Changes, Former, Restored, Written};
use crate::document::Document;
use crate::grammar::{Entry, Tail};
use crate::key::Key;
use crate::setting::Setting;
use crate::value::Value;

const CR: u16 = b'\r' as u16;
const LF: u16 = b'\n' as u16;

impl Document {
    /// Makes WSL use a setting, and adds to `changes` what was there before. May be repeated, with other
    /// values too: what was there before the first time counts, unless the user has set another value since.
    ///
    /// Where the key is, its value is replaced. Else a line is put right below the first header of its
    /// section, or a section at the end of the file.
    ///
    /// A value that is there already is left alone, as it may be the user's own. Not so a kernel: a path
    /// to our files was left by a run whose `changes` are lost, and would keep the VM from starting when
    /// they are gone. It is taken out by [`Document::restore`].
    pub fn set(&mut self, setting: &Setting, changes: &mut Changes) {
        for (key, value) in setting.entries() {
            self.set_one(key, value, setting.is_surely_ours(), changes);
        }
    }

    fn set_one(&mut self, key: Key, value: Value, is_surely_ours: bool, changes: &mut Changes) {
        self.take_back_what_is_idle(key, changes);
        let Some(entry) = self.entries(key).next() else {
            let former = self.insert(key, &value);
            changes.push(Change::new(key, value, former));
            return;
        };
        let is_there = is_value(entry, &value);
        let span = self.span(&entry.value_place);
        let written = value.written();
        if let Some(change) = changes.get_mut(key) {
            change.renew(value);
        } else if !is_there {
            let former = Written::new(&self.bytes[span.clone()], self.encoding);
            changes.push(Change::new(key, value, Former::Value(former)));
        } else if is_surely_ours {
            changes.push(Change::new(key, value, Former::NoLine));
        }
        if !is_there {
            self.splice(span, self.encoding.encode(&written));
        }
    }

    /// Takes back a change of ours that doesn't count any more: the user has put another value above ours,
    /// or in its place.
    fn take_back_what_is_idle(&mut self, key: Key, changes: &mut Changes) {
        let first = self.entries(key).next();
        let counts = |change: &Change| first.is_some_and(|entry| is_of(change, entry));
        if let Some(idle) = changes.take_unless(key, counts) {
            self.restore_one(idle);
        }
    }

    fn insert(&mut self, key: Key, value: &Value) -> Former {
        let line = format!("{}={}", key.name(), value.written());
        let mut headers = self.outline.headers.iter();
        let Some(header) = headers.find(|it| it.section.eq_ignore_ascii_case(key.section())) else {
            return self.append_section(key.section(), &line);
        };
        let line_break = self.text.line_break(header.line_break, &self.bytes);
        if header.line_break == self.text.units.len() {
            return self.append(line_break.to_owned(), &line, String::new());
        }
        let at = self.text.offset(header.line_break + 1);
        self.splice(at..at, self.encoding.encode(&(line + line_break)));
        Former::NoLine
    }

    fn append_section(&mut self, section: &str, line: &str) -> Former {
        let line_break = self.text.first_line_break(&self.bytes);
        let mut before = String::new();
        // Behind a backslash, a blank keeps the line as wrong as it was. A line break would make it count.
        if self.outline.tail == Tail::Backslash {
            before.push(' ');
        }
        if self.outline.tail != Tail::LineStart {
            before += line_break;
        }
        if !self.text.units.is_empty() {
            before += line_break;
        }
        before += &format!("[{section}]{line_break}");
        self.append(before, line, line_break.to_owned())
    }

    fn append(&mut self, before: String, line: &str, after: String) -> Former {
        let end = self.text.end;
        let text = format!("{before}{line}{after}");
        self.splice(end..end, self.encoding.encode(&text));
        Former::NoLineAtEnd { before, after }
    }

    /// Takes changes back, the newest first, and says what became of each. A file that nobody else has
    /// changed is byte for byte what it was.
    ///
    /// Ours is what WSL reads as our value, also if it is written in another way now or in another place:
    /// a kernel of ours that stayed behind would keep the VM from starting. Another value is the user's.
    pub fn restore(&mut self, changes: Changes) -> Vec<(Key, Restored)> {
        let changes = changes.newest_first();
        changes.map(|it| (it.key, self.restore_one(it))).collect()
    }

    fn restore_one(&mut self, change: Change) -> Restored {
        let ours = self.entries(change.key).find(|entry| is_of(&change, entry));
        let Some(ours) = ours else {
            return match self.get(change.key) {
                Some(_) => Restored::Theirs,
                None => Restored::Gone,
            };
        };
        match change.former {
            Former::Value(written) => {
                let span = self.span(&ours.value_place);
                self.splice(span, written.bytes(self.encoding));
            }
            Former::NoLine => self.take_out(ours.place.clone()),
            Former::NoLineAtEnd { before, after } => {
                self.take_out_at_end(ours.place.clone(), &before, &after);
            }
        }
        Restored::Back
    }

    /// Takes an entry out with its line, unless there is a comment behind it.
    fn take_out(&mut self, place: Range<usize>) {
        let units = &self.text.units;
        let is_blank = |code| code == u16::from(b' ') || code == u16::from(b'\t');
        let before = units[..place.start].iter().rev();
        let behind = units[place.end..].iter();
        let start = place.start - before.take_while(|unit| is_blank(unit.code)).count();
        let end = place.end + behind.take_while(|unit| is_blank(unit.code)).count();
        let span = match units.get(end).map(|unit| unit.code) {
            None => start..end,
            Some(CR | LF) => start..end + 1,
            Some(_) => place,
        };
        self.splice(self.span(&span), Vec::new());
    }

    /// Takes out all that was put at the end of the file, or the line alone if something has come behind it.
    fn take_out_at_end(&mut self, place: Range<usize>, before: &str, after: &str) {
        let span = self.span(&place);
        let before = self.encoding.encode(before);
        let is_last = self.bytes[span.end..self.text.end] == self.encoding.encode(after);
        if is_last && self.bytes[..span.start].ends_with(&before) {
            self.splice(span.start - before.len()..self.text.end, Vec::new());
        } else {
            self.take_out(place);
        }
    }
}

fn is_value(entry: &Entry, value: &Value) -> bool {
    entry.value == value.as_str().as_bytes()
}

fn is_of(change: &Change, entry: &Entry) -> bool {
    change.ours.iter().any(|value| is_value(entry, value))
}

#[cfg(test)]
#[path = "edit_tests.rs"]
mod tests;
