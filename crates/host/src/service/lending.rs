//! Settings of Windows' that are ours for a while: the records in memory and on disk, and the steps.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::causes::with_causes;
use crate::lent::{Lendable, Lent, Step, Wanted, plan};
use crate::store::{Setting, Store, StoreError};

/// What is lent of one kind of settings.
#[derive(Debug)]
pub(super) struct Lending<T> {
    store: Store,
    setting: Setting,
    records: BTreeMap<String, Lent<T>>,
}

impl<T: Lendable + Serialize + DeserializeOwned> Lending<T> {
    /// With what a service before has written down.
    pub(super) fn load(store: &Store, setting: Setting) -> Result<Self, StoreError> {
        Ok(Self {
            records: store.lent(setting)?,
            store: store.clone(),
            setting,
        })
    }

    /// What the setting of this is, without us.
    pub(super) fn before(&self, whose: &str) -> Option<&T> {
        self.records.get(whose).map(|record| &record.before)
    }

    /// Those that something is written down of.
    pub(super) fn known(&self) -> Vec<String> {
        self.records.keys().cloned().collect()
    }

    /// Has the setting be what is wanted. Gives whether it was changed.
    pub(super) fn bring(
        &mut self,
        whose: &str,
        wanted: &Wanted<T>,
        current: &T,
        set: impl Fn(&T) -> Result<(), String>,
    ) -> Result<bool, String> {
        let mut is_changed = false;
        for step in plan(wanted, current, self.records.get(whose)) {
            match step {
                Step::Record(record) => self.record(whose, record).map_err(with_causes)?,
                Step::Set(value) => {
                    set(&value)?;
                    is_changed = true;
                }
            }
        }
        Ok(is_changed)
    }

    fn record(&mut self, whose: &str, record: Option<Lent<T>>) -> Result<(), StoreError> {
        let mut records = self.records.clone();
        match record {
            Some(record) => drop(records.insert(whose.to_owned(), record)),
            None => drop(records.remove(whose)),
        }
        self.store.set_lent(self.setting, &records)?;
        self.records = records;
        Ok(())
    }
}
