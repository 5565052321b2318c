//! What a call may ask for: one that is over a limit has to be refused and writes nothing (S7), as has `delete_all` in a
//! transaction (S8), and `set_alarm` for a time that no alarm can have (A7) or without `alarm()` (A8); one that is not over
//! any is not refused.

use crate::check::case::Case;
use crate::check::report::Seconds;
use crate::history::{Blob, Key, ListOptions, OpResult, StorageCall};
use crate::reference::calls::{Calling, Over};
use crate::reference::conduct::Outstanding;
use crate::reference::object::Acting;
use crate::rules::Id;

/// A7: the last time that an alarm can have, in milliseconds: 2^63 ns.
pub(in crate::check) const ALARM_TIME_MAX_MS: i64 = i64::MAX / 1_000_000;

/// Why a call has to be refused, if it has to.
pub(in crate::check) fn over(case: &Case<'_>, call: &StorageCall, in_transaction: bool) -> Option<Over> {
    let constants = case.constants;
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
        StorageCall::SetAlarm { time_ms, .. } if !(1..=ALARM_TIME_MAX_MS).contains(time_ms) => {
            Some(Over::BadTime)
        }
        StorageCall::SetAlarm { .. } if case.declares_alarm() == Some(false) => Some(Over::NoHandler),
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
pub(in crate::check) fn judge(
    case: &mut Case<'_>,
    acting: &mut Acting<'_>,
    call: Outstanding,
    result: &OpResult,
) -> bool {
    match (result, call.over) {
        (OpResult::Error(why), None) if !call.kind.may_be_refused() => {
            refused(case, why);
            true
        }
        (OpResult::Error(_), _) | (_, None) => false,
        // What was done is not known: the alarm is not judged for a while.
        (_, Some(Over::BadTime | Over::NoHandler)) => {
            acting.row.slot.doubtful = true;
            true
        }
        (_, Some(Over::InTransaction { preserve_alarm })) => {
            not_refused(case, Id::S8, "delete_all in a transaction");
            // It was done, so that there is no transaction any more.
            while acting.instance.transaction().is_some() {
                acting.instance.commit_transaction(case.by.turn);
            }
            let calling = Calling { op: call.op, turn: case.by.turn, mark: case.mark };
            acting.instance.delete_all(acting.row, calling, preserve_alarm);
            true
        }
        (_, Some(Over::Limit { what, given, limit })) => {
            not_refused(
                case,
                Id::S7,
                &format!("a call in which {what} had a length of {given}; at most {limit} are allowed"),
            );
            acting.doubtful.extend(acting.row.void_keys(call.mark).cloned());
            true
        }
        (_, Some(Over::ZeroLimit)) => {
            not_refused(case, Id::S7, "list with a limit of zero");
            true
        }
        (_, Some(Over::StartTwice)) => {
            not_refused(case, Id::S7, "list with start and start_after");
            true
        }
    }
}

fn not_refused(case: &mut Case<'_>, rule: Id, what: &str) {
    let sentences = format!(
        "Instance {} made {what}; it has to be refused. The result at {} is not a refusal.",
        case.by.instance,
        Seconds(case.mark.at_ns),
    );
    case.report(rule, &[], sentences);
}

fn refused(case: &mut Case<'_>, why: &str) {
    let sentences = format!(
        "A call of instance {} was refused at {} ({why}), yet it exceeds none of the limits.",
        case.by.instance,
        Seconds(case.mark.at_ns),
    );
    case.report(Id::S7, &[], sentences);
}
