//! What a call may ask for (S7). Whoever asks for more is told the limit and what was given, and nothing is written.

use bytes::Bytes;

use crate::words::call::{Call, Key, List, StorageError};

/// S7: the longest key, in bytes.
pub const KEY_LEN_MAX: usize = 2_048;
/// S7: the longest value, in bytes.
pub const VALUE_LEN_MAX: usize = 131_072;
/// S7: the most keys in a batch.
pub const BATCH_LEN_MAX: usize = 128;

/// Refuses a call that is over a limit.
pub(super) fn check(call: &Call) -> Result<(), StorageError> {
    match call {
        Call::Get(key) | Call::Delete(key) => check_key(key),
        Call::Put(key, value) => check_entry(key, value),
        Call::GetMany(keys) | Call::DeleteMany(keys) => {
            check_batch(keys.len())?;
            keys.iter().try_for_each(check_key)
        }
        Call::PutMany(entries) => {
            check_batch(entries.len())?;
            entries.iter().try_for_each(|(key, value)| check_entry(key, value))
        }
        Call::List(list) => check_list(list),
        Call::DeleteAll { .. }
        | Call::Sync
        | Call::GetAlarm
        | Call::SetAlarm { .. }
        | Call::DeleteAlarm
        | Call::Transaction => Ok(()),
    }
}

fn check_batch(len: usize) -> Result<(), StorageError> {
    if len > BATCH_LEN_MAX {
        return Err(StorageError::BatchTooLong { limit: BATCH_LEN_MAX, len });
    }
    Ok(())
}

fn check_key(key: &Key) -> Result<(), StorageError> {
    if key.len() > KEY_LEN_MAX {
        return Err(StorageError::KeyTooLong { limit: KEY_LEN_MAX, len: key.len() });
    }
    Ok(())
}

fn check_entry(key: &Key, value: &Bytes) -> Result<(), StorageError> {
    check_key(key)?;
    if value.len() > VALUE_LEN_MAX {
        return Err(StorageError::ValueTooLong { limit: VALUE_LEN_MAX, len: value.len() });
    }
    Ok(())
}

fn check_list(list: &List) -> Result<(), StorageError> {
    if list.limit == Some(0) {
        return Err(StorageError::ZeroLimit);
    }
    if list.start.is_some() && list.start_after.is_some() {
        return Err(StorageError::StartTwice);
    }
    Ok(())
}
