//! Reads that have been called and have no result yet.
//!
//! A read shows what its instance saw at the moment of the call. Most results follow at once, so nothing is copied
//! at the call: a pending read is *frozen* only when its instance is about to write while it is pending.

use std::collections::BTreeSet;

use super::keys::{Overlay, View};
use super::{Mark, Row, Writer};
use crate::history::{Blob, Key, ListOptions};

/// A call whose result the model can foretell.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) op: u64,
    pub(crate) turn: u32,
    pub(crate) mark: Mark,
    pub(crate) call: ReadCall,
    /// What it has to show, if its instance has written since.
    pub(crate) frozen: Option<Frozen>,
}

#[derive(Debug)]
pub(crate) enum ReadCall {
    Get(Key),
    GetMany(BTreeSet<Key>),
    /// `delete`, which says whether the key was there.
    Delete {
        key: Key,
        was_there: bool,
        writer: Option<Writer>,
        /// Whether that depends on what may or may not be durable.
        is_unsure: bool,
    },
    /// `delete_many`, which says how many of the keys were there.
    DeleteMany {
        keys: Vec<Key>,
        there: usize,
        /// Keys that are not counted, because it depends on what may or may not be durable.
        unsure: Vec<Key>,
    },
    List(Box<ListOptions>),
    Alarm(AlarmView),
    Sync,
}

/// What `get_alarm` has to show (A3, A4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AlarmView {
    pub(crate) scheduled_ms: Option<i64>,
    /// Another answer that the contract leaves open: an alarm that R7 spares, or that is being given up (R2).
    pub(crate) tolerated_ms: Option<i64>,
    /// Whether a run was in progress in the instance (A4).
    pub(crate) in_run: bool,
    /// Whether it depends on what may or may not be durable.
    pub(crate) is_unsure: bool,
}

#[derive(Debug)]
pub(crate) enum Frozen {
    Value(Option<Blob>, Option<Writer>),
    Entries(Vec<(Key, Blob)>),
}

impl Read {
    /// Whether it depends on what may or may not be durable.
    pub(super) fn is_unsure(&self, row: &Row, overlay: &Overlay) -> bool {
        let is_open = |key: &Key| !overlay.decides(key) && row.is_unsure_of(key);
        match &self.call {
            ReadCall::Get(key) => is_open(key),
            ReadCall::GetMany(keys) => keys.iter().any(is_open),
            ReadCall::List(options) => {
                !overlay.decides_all()
                    && row
                        .unsure_keys(std::iter::empty())
                        .iter()
                        .any(|key| options.admits(key) && is_open(key))
            }
            ReadCall::Delete { .. } | ReadCall::DeleteMany { .. } | ReadCall::Alarm(_) | ReadCall::Sync => {
                false
            }
        }
    }

    /// Fixes what the read has to show: its instance is about to write.
    pub(crate) fn freeze(&mut self, view: View<'_>) {
        if self.frozen.is_some() {
            return;
        }
        self.frozen = match &self.call {
            ReadCall::Get(key) => Some(Frozen::Value(view.value(key).cloned(), view.writer(key))),
            ReadCall::GetMany(keys) => Some(Frozen::Entries(owned(view.entries_of(keys)))),
            ReadCall::List(options) => Some(Frozen::Entries(owned(view.entries(options)))),
            ReadCall::Delete { .. } | ReadCall::DeleteMany { .. } | ReadCall::Alarm(_) | ReadCall::Sync => {
                None
            }
        };
    }
}

/// What a read shows, copied.
pub(crate) fn owned<'a>(entries: impl Iterator<Item = (&'a Key, &'a Blob)>) -> Vec<(Key, Blob)> {
    entries.map(|(key, value)| (key.clone(), value.clone())).collect()
}
