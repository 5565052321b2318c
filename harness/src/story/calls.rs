//! Calls of object code and what they gave, as they stand in a line of a story.

use reveille_model::history::{Blob, Key, OpResult, StorageCall};

/// Lists longer than this are cut in a line of a story.
const ENTRIES_SHOWN: usize = 12;

pub(super) fn call_text(call: &StorageCall) -> String {
    match call {
        StorageCall::Get { key } => format!("get({key:?})"),
        StorageCall::GetMany { keys } => format!("get_many({})", cut(keys, |key| format!("{key:?}"))),
        StorageCall::Put { key, value } => format!("put({key:?}, {value:?})"),
        StorageCall::PutMany { entries } => format!("put_many({{{}}})", cut(entries, entry_text)),
        StorageCall::Delete { key } => format!("delete({key:?})"),
        StorageCall::DeleteMany { keys } => format!("delete_many({})", cut(keys, |key| format!("{key:?}"))),
        StorageCall::List(options) => {
            let mut parts = Vec::new();
            let bounds = [
                ("prefix", &options.prefix),
                ("start", &options.start),
                ("start_after", &options.start_after),
                ("end", &options.end),
            ];
            parts
                .extend(bounds.iter().filter_map(|(name, key)| Some(format!("{name}: {:?}", key.as_ref()?))));
            parts.extend(options.reverse.then(|| "reverse".to_owned()));
            parts.extend(options.limit.map(|limit| format!("limit: {limit}")));
            format!("list({})", parts.join(", "))
        }
        StorageCall::DeleteAll { preserve_alarm: false } => "delete_all()".into(),
        StorageCall::DeleteAll { preserve_alarm: true } => "delete_all(preserve_alarm)".into(),
        StorageCall::Sync => "sync()".into(),
        StorageCall::GetAlarm => "get_alarm()".into(),
        StorageCall::SetAlarm { time_ms, .. } => format!("set_alarm({time_ms})"),
        StorageCall::DeleteAlarm => "delete_alarm()".into(),
        StorageCall::Transaction => {
            "transaction: it begins, and every call up to its result is part of it".into()
        }
    }
}

pub(super) fn result_text(result: &OpResult) -> String {
    match result {
        OpResult::Done => "nothing: it is done".into(),
        OpResult::Value(None) => "no value".into(),
        OpResult::Value(Some(value)) => format!("{value:?}"),
        OpResult::Deleted(true) => "true: the key was there".into(),
        OpResult::Deleted(false) => "false: the key was not there".into(),
        OpResult::DeletedCount(count) => format!("{count}: so many of the keys were there"),
        OpResult::Entries(entries) => format!("{{{}}}", cut(entries, entry_text)),
        OpResult::Alarm(None) => "no alarm".into(),
        OpResult::Alarm(Some(time_ms)) => format!("an alarm at {time_ms}"),
        OpResult::Answer { status, .. } => format!("the answer {status}"),
        OpResult::Error(why) => format!("an error: {why}"),
    }
}

fn entry_text((key, value): &(Key, Blob)) -> String {
    format!("{key:?}: {value:?}")
}

/// The first of these, and how many more there are.
fn cut<T>(all: &[T], text: impl Fn(&T) -> String) -> String {
    let mut texts: Vec<_> = all.iter().take(ENTRIES_SHOWN).map(text).collect();
    texts.extend((all.len() > ENTRIES_SHOWN).then(|| format!("and {} more", all.len() - ENTRIES_SHOWN)));
    texts.join(", ")
}
