//! Typed bodies and values: JSON through serde, in answers and in storage. Those of requests and of services' answers are read where
//! these are ([`crate::words::http`]).

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Response, Storage, Thrown};
use crate::words::http::{CONTENT_TYPE, JSON, of_json, to_json};

impl Response {
    /// An answer with status 200, this value as its body, as JSON, and a `content-type` that says so.
    ///
    /// # Errors
    ///
    /// If the value cannot be written as JSON.
    pub fn json<T: Serialize + ?Sized>(value: &T) -> Result<Self, Thrown> {
        Ok(Self::ok(to_json("answer", value)?).with_header(CONTENT_TYPE, JSON))
    }
}

impl Storage<'_> {
    /// The value of a key, read as JSON: [`Storage::get`], which acts at once.
    ///
    /// # Errors
    ///
    /// If the call is refused (S7), or what is there is not JSON of this type.
    #[track_caller]
    pub fn get_json<T: DeserializeOwned>(
        &self,
        key: &str,
    ) -> impl Future<Output = Result<Option<T>, Thrown>> + use<T> {
        let got = self.get(key);
        async move {
            let Some(value) = got.await? else { return Ok(None) };
            Ok(Some(of_json("value of the key", &value)?))
        }
    }

    /// Sets a key to a value as JSON: [`Storage::put`], which acts at once and need not be awaited.
    ///
    /// # Errors
    ///
    /// If the call is refused (S7), or the value cannot be written as JSON: then nothing is written.
    #[track_caller]
    pub fn put_json<T: Serialize + ?Sized>(
        &self,
        key: &str,
        value: &T,
    ) -> impl Future<Output = Result<(), Thrown>> + use<T> {
        // No closure: what it called would seem to be called from here.
        let put = match to_json("value of the key", value) {
            Ok(json) => Ok(self.put(key, json)),
            Err(error) => Err(error),
        };
        async move { Ok(put?.await?) }
    }
}
