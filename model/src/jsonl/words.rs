//! Values that mean one thing in one event and another in the next, read before it is known which event it is.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::value::{Error as WordError, MapAccessDeserializer, SeqAccessDeserializer, StrDeserializer};
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::error::Problem;
use crate::history::{AlarmAtRest, AlarmId, Blob, Headers, How, Key, Outcome, RunOutcome};

/// A string, borrowed from its line unless it has an escape in it.
#[derive(Debug)]
pub(super) struct Text<'a>(Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(TextVisitor)
    }
}

/// One of a few words, in a field that is free text in other events.
pub(super) fn word<'de, T: Deserialize<'de>>(field: &'static str, text: &'de str) -> Result<T, Problem> {
    let read = T::deserialize(StrDeserializer::<WordError>::new(text));
    read.map_err(|error| Problem::Field { field, message: error.to_string() })
}

/// `call`: the number of a call to an outside service, or the name of a storage call. `state`: a hash of what a replica holds, or
/// what a process is at.
#[derive(Debug)]
pub(super) enum NumberOrWord<'a> {
    Number(u64),
    Word(Text<'a>),
}

impl<'a> NumberOrWord<'a> {
    pub(super) fn number(self) -> Result<u64, Problem> {
        self.number_of("call")
    }

    pub(super) fn number_of(self, field: &'static str) -> Result<u64, Problem> {
        match self {
            NumberOrWord::Number(number) => Ok(number),
            NumberOrWord::Word(word) => Err(wrong(field, &format!("{:?}", &*word), "a number")),
        }
    }

    pub(super) fn word(self) -> Result<Text<'a>, Problem> {
        self.word_of("call", "the name of a storage call")
    }

    pub(super) fn word_of(self, field: &'static str, expected: &str) -> Result<Text<'a>, Problem> {
        match self {
            NumberOrWord::Word(word) => Ok(word),
            NumberOrWord::Number(number) => Err(wrong(field, &number.to_string(), expected)),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for NumberOrWord<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EitherVisitor;

        impl<'de> Visitor<'de> for EitherVisitor {
            type Value = NumberOrWord<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number or a word")
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
                Ok(NumberOrWord::Number(number))
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(NumberOrWord::Word(Text(Cow::Borrowed(text))))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(NumberOrWord::Word(Text(Cow::Owned(text.to_owned()))))
            }
        }

        deserializer.deserialize_any(EitherVisitor)
    }
}

/// `alarm`: the identity of an alarm, or the whole alarm as the datastore holds it.
#[derive(Debug)]
pub(super) enum IdOrAtRest {
    Id(AlarmId),
    AtRest(AlarmAtRest),
}

impl IdOrAtRest {
    pub(super) fn id(self) -> Result<AlarmId, Problem> {
        match self {
            IdOrAtRest::Id(id) => Ok(id),
            IdOrAtRest::AtRest(_) => Err(wrong("alarm", "an object", "the number of an alarm")),
        }
    }

    pub(super) fn at_rest(self) -> Result<AlarmAtRest, Problem> {
        match self {
            IdOrAtRest::AtRest(alarm) => Ok(alarm),
            IdOrAtRest::Id(AlarmId(id)) => {
                Err(wrong("alarm", &id.to_string(), "an object with `scheduled_ms`"))
            }
        }
    }
}

impl<'de> Deserialize<'de> for IdOrAtRest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EitherVisitor;

        impl<'de> Visitor<'de> for EitherVisitor {
            type Value = IdOrAtRest;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the number of an alarm, or an object that describes it")
            }

            fn visit_u64<E: Error>(self, id: u64) -> Result<Self::Value, E> {
                Ok(IdOrAtRest::Id(AlarmId(id)))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                AlarmAtRest::deserialize(MapAccessDeserializer::new(map)).map(IdOrAtRest::AtRest)
            }
        }

        deserializer.deserialize_any(EitherVisitor)
    }
}

/// `keys`: those that a call names, or all keys of an object with their values.
#[derive(Debug)]
pub(super) enum Keys {
    Listed(Vec<Key>),
    WithValues(BTreeMap<Key, Blob>),
}

impl Keys {
    pub(super) fn listed(self) -> Result<Vec<Key>, Problem> {
        match self {
            Keys::Listed(keys) => Ok(keys),
            Keys::WithValues(_) => Err(wrong("keys", "an object", "a list of keys")),
        }
    }

    pub(super) fn with_values(self) -> Result<BTreeMap<Key, Blob>, Problem> {
        match self {
            Keys::WithValues(keys) => Ok(keys),
            Keys::Listed(_) => Err(wrong("keys", "a list", "an object: keys with their values")),
        }
    }
}

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EitherVisitor;

        impl<'de> Visitor<'de> for EitherVisitor {
            type Value = Keys;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of keys, or an object: keys with their values")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(Keys::Listed)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut keys = BTreeMap::new();
                while let Some((key, value)) = map.next_entry::<Key, Blob>()? {
                    if keys.insert(key, value).is_some() {
                        return Err(A::Error::custom("a key stands there twice"));
                    }
                }
                Ok(Keys::WithValues(keys))
            }
        }

        deserializer.deserialize_any(EitherVisitor)
    }
}

/// `outcome`: how a request ended for its client, or how a run of `alarm()` ended.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum AnyOutcome {
    Answered {
        status: u16,
        #[serde(default)]
        headers: Headers,
        body: Blob,
    },
    Refused {
        reason: Arc<str>,
    },
    Unknown,
    Ok,
    Failed {
        why: Arc<str>,
        how: Option<How>,
    },
    Platform {
        why: Arc<str>,
    },
}

impl AnyOutcome {
    pub(super) fn of_a_request(self) -> Result<Outcome, Problem> {
        match self {
            AnyOutcome::Answered { status, headers, body } => Ok(Outcome::Answered { status, headers, body }),
            AnyOutcome::Refused { reason } => Ok(Outcome::Refused { reason }),
            AnyOutcome::Unknown => Ok(Outcome::Unknown),
            AnyOutcome::Ok | AnyOutcome::Failed { .. } | AnyOutcome::Platform { .. } => {
                Err(wrong("outcome", "that of a run", "`answered`, `refused` or `unknown`"))
            }
        }
    }

    /// What a machine says to a client.
    pub(super) fn that_leaves(self) -> Result<Outcome, Problem> {
        match self.of_a_request()? {
            Outcome::Unknown => Err(wrong("outcome", "`unknown`", "`answered` or `refused`")),
            outcome => Ok(outcome),
        }
    }

    pub(super) fn of_a_run(self) -> Result<RunOutcome, Problem> {
        match self {
            AnyOutcome::Ok => Ok(RunOutcome::Ok),
            AnyOutcome::Failed { why, how } => Ok(RunOutcome::Failed { why, how }),
            AnyOutcome::Platform { why } => Ok(RunOutcome::Platform { why }),
            AnyOutcome::Answered { .. } | AnyOutcome::Refused { .. } | AnyOutcome::Unknown => {
                Err(wrong("outcome", "that of a request", "`ok`, `failed` or `platform`"))
            }
        }
    }
}

fn wrong(field: &'static str, found: &str, expected: &str) -> Problem {
    Problem::Field { field, message: format!("{found}, expected {expected}") }
}
