//! Which rule is broken where what is read is not what was written: one cause has one name. It reports nothing.

use crate::check::case::Case;
use crate::history::{Blob, Key};
use crate::reference::maybe::Denied;
use crate::reference::object::Acting;
use crate::reference::transaction::VoidKind;
use crate::reference::{Row, Whole, Writer};
use crate::rules::Id;

/// Which rule a read breaks that does not show what `writer` wrote. A write of the same instance that it does not see
/// breaks the order of reads (S4), unless a failed run wrote it (R8); what earlier instances wrote is durable.
pub(in crate::check) fn rule_for(
    case: &Case<'_>,
    acting: &Acting<'_>,
    key: &Key,
    seen: Option<&Blob>,
    writer: Option<Writer>,
    is_split: impl FnOnce() -> Option<Whole>,
) -> Id {
    let is_own = writer.is_some_and(|writer| writer.instance == case.by.instance);
    match rule_of(acting.row, key, seen, writer, is_split) {
        rule @ (Id::R8 | Id::S5 | Id::S7 | Id::F4 | Id::R4) => rule,
        _ if is_own => Id::S4,
        rule => rule,
    }
}

/// Which rule is broken where a durable write is not to be seen: S5 or S7 if what is seen was rolled back or refused, R8 if it is missing and a failed run wrote it, S8 if a
/// `delete_all` removed what is seen, S2 if it is missing while another write of its turn is there, else S3.
pub(in crate::check) fn rule_of(
    row: &Row,
    key: &Key,
    seen: Option<&Blob>,
    writer: Option<Writer>,
    is_split: impl FnOnce() -> Option<Whole>,
) -> Id {
    if let Some(void) = row.void_write(key, seen, writer.map(|writer| writer.mark)) {
        return match void.kind {
            VoidKind::Transaction => Id::S5,
            VoidKind::Refused => Id::S7,
        };
    }
    match row.ruled_out(key, seen, writer.map(|writer| writer.mark)) {
        Some(Denied::End) => return Id::F4,
        Some(Denied::Count) => return Id::R4,
        None => {}
    }
    match row.torn_at(key) {
        Some(Whole::Transaction) => return Id::S5,
        Some(Whole::Turn) => return Id::S2,
        None => {}
    }
    let is_missing = row.keys.lacks_last_write(key, seen);
    match writer {
        Some(writer) if is_missing && row.is_of_failed_run(&writer) => Id::R8,
        Some(writer) if writer.clears && seen.is_some() => Id::S8,
        Some(_) if is_missing => match is_split() {
            Some(Whole::Transaction) => Id::S5,
            Some(Whole::Turn) => Id::S2,
            None => Id::S3,
        },
        _ => Id::S3,
    }
}

/// What a rule of [`rule_of`] promises, as the end of a report.
pub(in crate::check) fn why(rule: Id) -> &'static str {
    match rule {
        Id::R8 => " A failed run made that write; what is written before a failure stays.",
        Id::S8 => " delete_all had removed it.",
        Id::F4 => {
            " A run had written that before it ended, and its end is one commit with that; yet its alarm started again."
        }
        Id::R4 => {
            " A failed run had written that, and the record of its failure is one commit with that; yet the next run was not told \
             of it."
        }
        Id::S5 => " A transaction is all or nothing.",
        Id::S7 => " A call that would have made it so was refused; such a call writes nothing.",
        Id::S2 => " Another write of the same turn is there: the writes of a turn are durable together.",
        _ => "",
    }
}

/// S2, S5: whether a list shows another write of the same turn or transaction.
pub(in crate::check) fn shows_part(
    acting: &Acting<'_>,
    writer: &Writer,
    shown: &[(Key, Blob)],
) -> Option<Whole> {
    let keys = &acting.row.keys;
    let shared = shown.iter().filter_map(|(key, value)| {
        keys.get(key).filter(|written| written.value == *value)?.writer.shares(writer)
    });
    shared.max()
}
