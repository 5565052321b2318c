//! What a call may ask for: one that is over a limit has to be refused and writes nothing (S7), as has `delete_all` in a
//! transaction (S8); one that is not over any is not refused.

use super::Case;
use super::report::Seconds;
use crate::history::{Blob, Constants, Key, ListOptions, OpResult, StorageCall};
use crate::reference::calls::{Calling, Over};
use crate::reference::object::Acting;
use crate::reference::read::{Read, ReadCall};

/// Why a call has to be refused, if it has to.
pub(super) fn over(call: &StorageCall, in_transaction: bool, constants: &Constants) -> Option<Over> {
    let key = |key: &Key| limit("a key, in bytes,", key.len(), constants.key_bytes_max);
    let value = |value: &Blob| limit("a value, in bytes,", value.0.len(), constants.value_bytes_max);
    let batch = |len: usize| limit("the keys of a batch", len, constants.batch_keys_max);
    match call {
        StorageCall::Get { key: it } | StorageCall::Delete { key: it } => key(it),
        StorageCall::Put { key: it, value: is } => key(it).or_else(|| value(is)),
        StorageCall::GetMany { keys } | StorageCall::DeleteMany { keys } => {
            batch(keys.len()).or_else(|| keys.iter().find_map(key))
        }
        StorageCall::PutMany { entries } => {
            batch(entries.len()).or_else(|| entries.iter().find_map(|(it, is)| key(it).or_else(|| value(is))))
        }
        StorageCall::List(ListOptions { limit: Some(0), .. }) => Some(Over::ZeroLimit),
        StorageCall::List(ListOptions { start: Some(_), start_after: Some(_), .. }) => Some(Over::StartTwice),
        StorageCall::DeleteAll { preserve_alarm } if in_transaction => {
            Some(Over::InTransaction { preserve_alarm: *preserve_alarm })
        }
        StorageCall::List(_)
        | StorageCall::DeleteAll { .. }
        | StorageCall::Sync
        | StorageCall::GetAlarm
        | StorageCall::SetAlarm { .. }
        | StorageCall::DeleteAlarm
        | StorageCall::Transaction => None,
    }
}

fn limit(what: &'static str, given: usize, limit: u64) -> Option<Over> {
    let given = given as u64;
    (given > limit).then_some(Over::Limit { what, given, limit })
}

/// A call has its result: was it refused where it had to be, and only there? Returns whether that was wrong.
pub(super) fn judge(
    case: &mut Case<'_>,
    acting: &mut Acting<'_>,
    op: u64,
    read: Option<&Read>,
    result: &OpResult,
) -> bool {
    let write = acting.instance.last_write(op);
    let over = write.and_then(|write| write.over).or_else(|| read.and_then(|read| read.over));
    match (result, over) {
        (OpResult::Error(why), None) => {
            let is_refusable = match (write, read) {
                (Some(write), _) => write.is_refusable,
                (None, Some(read)) => matches!(read.call, ReadCall::Alarm(_) | ReadCall::Sync),
                (None, None) => true,
            };
            if !is_refusable {
                refused(case, why);
            }
            !is_refusable
        }
        (OpResult::Error(_), Some(_)) | (_, None) => false,
        (_, Some(Over::InTransaction { preserve_alarm })) => {
            not_refused(case, "S8", "delete_all in a transaction");
            // It was done, so that there is no transaction any more.
            while acting.instance.transaction().is_some() {
                acting.instance.commit_transaction(case.by.turn);
            }
            let calling = Calling { op, turn: case.by.turn, mark: case.mark, over: None };
            acting.instance.delete_all(acting.row, calling, preserve_alarm);
            true
        }
        (_, Some(Over::Limit { what, given, limit })) => {
            not_refused(
                case,
                "S7",
                &format!("a call in which {what} had a length of {given}; at most {limit} are allowed"),
            );
            true
        }
        (_, Some(Over::ZeroLimit)) => {
            not_refused(case, "S7", "list with a limit of zero");
            true
        }
        (_, Some(Over::StartTwice)) => {
            not_refused(case, "S7", "list with start and start_after");
            true
        }
    }
}

fn not_refused(case: &mut Case<'_>, rule: &'static str, what: &str) {
    let sentences = format!(
        "Instance {} made {what}; it has to be refused. The result at {} is none of a refused call.",
        case.by.instance,
        Seconds(case.mark.at_ns),
    );
    case.report(rule, &[], sentences);
}

fn refused(case: &mut Case<'_>, why: &str) {
    let sentences = format!(
        "A call of instance {} was refused at {} ({why}), yet it is over none of the limits.",
        case.by.instance,
        Seconds(case.mark.at_ns),
    );
    case.report("S7", &[], sentences);
}
