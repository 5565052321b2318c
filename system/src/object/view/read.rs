//! Reads: answered from memory where what they ask for is known, else by the datastore, whose answer is laid under the
//! writes that were there when the read was made (S4).

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::{Next, View};
use crate::store::command::{Answer, Query};
use crate::words::call::{Key, List, Reply};

/// A read that waits for the datastore: what it has to remember of the moment at which it was made.
#[derive(Debug)]
pub enum Reading {
    /// A `get`.
    Get(Key),
    /// A `get_many`, with what was known of its keys when it was made.
    GetMany(BTreeMap<Key, Bytes>),
    /// A `delete` that has acted, and wants to know whether the key was there.
    Delete,
    /// A `delete_many` that has acted, with how many of its keys were known to be there.
    DeleteMany(u32),
    /// A `list`, with the unsaved writes in its range as they were when it was made.
    List(List, BTreeMap<Key, Option<Bytes>>),
}

impl View {
    pub(super) fn get(&self, key: &Key) -> Next {
        match self.lookup(key) {
            Some(value) => Next::Now(Reply::Value(value)),
            None => Next::Ask(self.query_get(key), Reading::Get(key.clone())),
        }
    }

    /// The keys that there are, in the order of the keys.
    pub(super) fn get_many(&self, keys: &[Key]) -> Next {
        let mut known = BTreeMap::new();
        let mut unknown = BTreeSet::new();
        for key in keys {
            match self.lookup(key) {
                Some(value) => known.extend(value.map(|value| (key.clone(), value))),
                None => _ = unknown.insert(key.clone()),
            }
        }
        if unknown.is_empty() {
            return Next::Now(Reply::Entries(known.into_iter().collect()));
        }
        Next::Ask(self.query_many(unknown), Reading::GetMany(known))
    }

    pub(super) fn list(&self, list: &List) -> Next {
        let own = self.transaction.iter().flat_map(|transaction| &transaction.keys);
        let own = own.filter(|(key, _)| list.admits(key)).map(copied);
        if self.complete {
            if self.transaction.is_none() {
                return Next::Now(Reply::Entries(select(list, self.known.iter().map(copied))));
            }
            let known = self.known.iter().filter(|(key, _)| list.admits(key));
            let mut all: BTreeMap<Key, Option<Bytes>> = known.map(copied).collect();
            all.extend(own);
            return Next::Now(Reply::Entries(select(list, all.into_iter())));
        }
        let unsaved = self.unsaved.keys().filter(|key| list.admits(key));
        let mut overlay: BTreeMap<Key, Option<Bytes>> =
            unsaved.map(|key| (key.clone(), self.known.get(key).cloned().flatten())).collect();
        overlay.extend(own);
        let mut asked = list.clone();
        // Each unsaved removal may hide one of the entries that the datastore gives.
        let extra = u32::try_from(overlay.len()).unwrap_or(u32::MAX);
        asked.limit = asked.limit.map(|limit| limit.saturating_add(extra));
        let query = Query::List { object: self.object.clone(), list: asked };
        Next::Ask(query, Reading::List(list.clone(), overlay))
    }

    /// What a key holds, if that is known.
    pub(super) fn lookup(&self, key: &Key) -> Option<Option<Bytes>> {
        let own = self.transaction.as_ref().and_then(|transaction| transaction.keys.get(key));
        match own.or_else(|| self.known.get(key)) {
            Some(value) => Some(value.clone()),
            None => self.complete.then_some(None),
        }
    }

    pub(super) fn query_get(&self, key: &Key) -> Query {
        Query::Get { object: self.object.clone(), key: key.clone() }
    }

    pub(super) fn query_many(&self, keys: BTreeSet<Key>) -> Query {
        Query::GetMany { object: self.object.clone(), keys: keys.into_iter().collect() }
    }

    /// The datastore answered a read: the reply for object code.
    ///
    /// # Panics
    ///
    /// If the answer is not of the reading's kind.
    pub fn answered(&mut self, reading: Reading, answer: Answer) -> Reply {
        match (reading, answer) {
            (Reading::Get(key), Answer::Value(value)) => {
                self.learn(&key, value.as_ref());
                Reply::Value(value)
            }
            (Reading::GetMany(mut found), Answer::Entries(entries)) => {
                for (key, value) in entries {
                    self.learn(&key, Some(&value));
                    found.insert(key, value);
                }
                Reply::Entries(found.into_iter().collect())
            }
            (Reading::Delete, Answer::Value(value)) => Reply::Deleted(value.is_some()),
            (Reading::DeleteMany(known), Answer::Entries(entries)) => {
                Reply::DeletedCount(known.saturating_add(u32::try_from(entries.len()).unwrap_or(u32::MAX)))
            }
            (Reading::List(list, overlay), Answer::Entries(entries)) => {
                for (key, value) in &entries {
                    self.learn(key, Some(value));
                }
                if list == List::default() || list == (List { reverse: true, ..List::default() }) {
                    self.complete = true;
                }
                let mut merged: BTreeMap<Key, Option<Bytes>> =
                    entries.into_iter().map(|(key, value)| (key, Some(value))).collect();
                merged.extend(overlay);
                Reply::Entries(select(&list, merged.into_iter()))
            }
            (reading, answer) => panic!("{answer:?} is no answer to {reading:?}"),
        }
    }

    /// What the datastore held when it was asked. What was written since is known already, and so is that a key was
    /// removed with all others: then the view is complete.
    fn learn(&mut self, key: &Key, value: Option<&Bytes>) {
        if !self.complete {
            self.known.entry(key.clone()).or_insert_with(|| value.cloned());
        }
    }
}

fn copied((key, value): (&Key, &Option<Bytes>)) -> (Key, Option<Bytes>) {
    (key.clone(), value.clone())
}

/// Orders and cuts entries as `list` asks (S6).
fn select(
    list: &List,
    ascending: impl DoubleEndedIterator<Item = (Key, Option<Bytes>)>,
) -> Vec<(Key, Bytes)> {
    let present = ascending.filter_map(|(key, value)| Some((key, value?)));
    let admitted = present.filter(|(key, _)| list.admits(key));
    let limit = list.limit.map_or(usize::MAX, |limit| limit as usize);
    if list.reverse { admitted.rev().take(limit).collect() } else { admitted.take(limit).collect() }
}
