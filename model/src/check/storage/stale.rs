//! S3 or S4: a read that does not show what is durable. Whether that was lost, or the read was stale, shows later: in another read,
//! or in what the datastore holds in the end. Until then it counts as lost.

use std::collections::BTreeMap;

use crate::check::report::{Reports, Seconds};
use crate::history::{Blob, Key, ObjectName};
use crate::reference::Mark;
use crate::rules::Id;

/// So many reads are remembered. Of one that is forgotten what it did not show stays lost.
const REMEMBERED_MAX: usize = 256;

/// A read that did not show what was durable.
#[derive(Debug)]
struct Read {
    /// What it should have shown.
    value: Option<Blob>,
    /// When it was seen. Since then the key has not been written, as long as the model knows nothing later of it.
    mark: Mark,
    /// Where the report stands.
    report: usize,
}

/// The reads of which it is not known whether they were stale.
#[derive(Debug, Default)]
pub(in crate::check) struct Stale(BTreeMap<(ObjectName, Key), Read>);

/// It was just reported that a key of an object was not shown as it was.
pub(in crate::check) fn may_be_stale(
    reports: &mut Reports,
    object: &ObjectName,
    key: &Key,
    value: Option<&Blob>,
    mark: Mark,
) {
    let Some(report) = reports.told_last(Id::S3, mark.at_ns) else { return };
    let known = &mut reports.stale.0;
    if known.len() < REMEMBERED_MAX {
        known.insert((object.clone(), key.clone()), Read { value: value.cloned(), mark, report });
    }
}

/// What a key holds is seen again. `written` is when the model knows it to have been changed last.
pub(in crate::check) fn shows(
    reports: &mut Reports,
    object: &ObjectName,
    key: &Key,
    written: Option<Mark>,
    seen: Option<&Blob>,
    now: Mark,
) {
    if reports.stale.0.is_empty() {
        return;
    }
    let Some(Read { value, mark, report }) = reports.stale.0.remove(&(object.clone(), key.clone())) else {
        return;
    };
    if value.as_ref() != seen || written != Some(mark) {
        return;
    }
    let why =
        format!(" It was not lost: it was there at {}. A read sees every earlier write.", Seconds(now.at_ns));
    reports.recast(report, Id::S4, now, &why);
}
