//! What can be wrong with a file, in words for somebody who writes one.

use std::fmt;
use std::io;

use serde::de::IgnoredAny;
use thiserror::Error;

use crate::history::{ObjectName, VERSION};

/// A file that is no history.
#[derive(Debug, Error)]
#[error("line {line}{}: {problem}", Column(.problem.column()))]
pub struct Malformed {
    /// The line, from 1.
    pub line: u64,
    /// What is wrong there.
    #[source]
    pub problem: Problem,
}

/// What is wrong with a line.
#[derive(Debug, Error)]
pub enum Problem {
    /// The input could not be read.
    #[error("cannot be read: {0}")]
    Io(io::Error),
    /// There is no line at all.
    #[error("the file is empty; its first line is the header, a JSON object with version {VERSION}")]
    Empty,
    /// The line is too long.
    #[error("longer than {bytes_max} bytes; one line is one event")]
    TooLong {
        /// The most that is read.
        bytes_max: usize,
    },
    /// The line is not UTF-8.
    #[error("invalid UTF-8; a history is UTF-8, and other bytes are written as {{\"base64\": ...}}")]
    NotUtf8 {
        /// So many bytes of the line are valid.
        after_bytes: usize,
    },
    /// The line holds no JSON object.
    #[error("{found}; a history is JSON Lines: each line is one whole JSON object")]
    NoObject {
        /// What it holds instead.
        found: Found,
    },
    /// The first line is not a header.
    #[error("the first line has no `version`; it has to be the header of the history")]
    NoHeader,
    /// A header stands where an event is expected.
    #[error("a second header; a history has one, in its first line")]
    SecondHeader,
    /// The line is not the JSON that it should be, or a field is unknown, of another type than expected, or missing.
    #[error("{message}")]
    Json {
        /// What was found and what was expected.
        message: String,
        /// The byte of the line, from 1.
        column: usize,
    },
    /// The last line has no end and stops in the middle of something: the file was cut off.
    #[error("the last line is cut off ({message}); a line is one whole JSON object")]
    Truncated {
        /// What is wrong with the line as it stands.
        message: String,
        /// The byte of the line, from 1.
        column: usize,
    },
    /// A history of another version of the vocabulary.
    #[error("the history has version {version}, and this is a reader of version {VERSION}")]
    Version {
        /// Its version.
        version: u32,
    },
    /// A field that the event needs is not there.
    #[error("event `{event}` needs `{field}` here")]
    Missing {
        /// The field.
        field: &'static str,
        /// The event.
        event: String,
    },
    /// A field that the event does not have.
    #[error("`{field}` has no place here in event `{event}`")]
    Foreign {
        /// The field.
        field: &'static str,
        /// The event.
        event: String,
    },
    /// A name that nothing has.
    #[error("unknown {field} `{found}`; expected one of {expected}")]
    Unknown {
        /// `event` or `call`.
        field: &'static str,
        /// The name.
        found: String,
        /// The names that there are.
        expected: &'static str,
    },
    /// A field whose value does not suit the event.
    #[error("`{field}`: {message}")]
    Field {
        /// The field.
        field: &'static str,
        /// What was found and what was expected.
        message: String,
    },
    /// Time goes backwards.
    #[error(
        "`at_ns` is {at_ns}, and was {before_ns} in the line before; events stand in the order in which they happened"
    )]
    TimeBackwards {
        /// The time of this event.
        at_ns: u64,
        /// The time of the one before.
        before_ns: u64,
    },
    /// A machine that the header does not know.
    #[error("there is no machine {machine}: `datacenter_of` in the header knows {machines}, numbered from 0")]
    UnknownMachine {
        /// The machine.
        machine: u16,
        /// How many there are.
        machines: usize,
    },
    /// A datacenter that the header does not know.
    #[error("there is no datacenter {datacenter}: `datacenter_of` in the header puts no machine there")]
    UnknownDatacenter {
        /// The datacenter.
        datacenter: u16,
    },
    /// The events of an instance are not in its own order.
    #[error(
        "`seq` of instance {instance} of {object} is {now}, after {before}; it has to rise from event to event"
    )]
    SeqBackwards {
        /// The object.
        object: ObjectName,
        /// The instance.
        instance: u64,
        /// Its position here.
        now: u32,
        /// Its position before.
        before: u32,
    },
    /// An instance has changed its epoch.
    #[error(
        "`epoch` of instance {instance} of {object} is {now}, and was {before}; an instance has one epoch"
    )]
    OtherEpoch {
        /// The object.
        object: ObjectName,
        /// The instance.
        instance: u64,
        /// Its epoch here.
        now: u64,
        /// Its epoch before.
        before: u64,
    },
    /// Something ends that did not start, or has ended already.
    #[error("{what} {number} ends here, but no {start} for it is open")]
    EndWithoutStart {
        /// What ends.
        what: &'static str,
        /// Its number.
        number: u64,
        /// The event that would be its start.
        start: &'static str,
    },
    /// Something starts a second time.
    #[error("{what} {number} starts here, but it has started before; {unique}")]
    StartedTwice {
        /// What starts.
        what: &'static str,
        /// Its number.
        number: u64,
        /// How far its number is unique.
        unique: &'static str,
    },
}

/// What a line may hold in the place of a JSON object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Found {
    /// Three bytes that some editors put before UTF-8.
    #[error("a byte order mark before the text; save the file without one")]
    ByteOrderMark,
    /// UTF-16, by its byte order mark.
    #[error("text in UTF-16; a history is UTF-8")]
    Utf16,
    /// Nothing but white space.
    #[error("a blank line")]
    Blank,
    /// All events in one list, or a line of a list.
    #[error("a JSON array")]
    Array,
    /// A number, a string, `null` or the like.
    #[error("a JSON value that is not an object")]
    Value,
    /// An object that goes on in the next line.
    #[error("the begin of a JSON object that goes on in another line")]
    Begin,
    /// Anything else, another line of a spread object among it.
    #[error("plain text, not JSON")]
    Text,
}

impl Found {
    /// What the bytes of a line are, if they are not a whole JSON object that is merely wrong. `is_whole` is whether the line has
    /// an end.
    pub(super) fn in_line(bytes: &[u8], is_whole: bool) -> Option<Self> {
        if bytes.starts_with(b"\xEF\xBB\xBF") {
            return Some(Found::ByteOrderMark);
        }
        if bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF") {
            return Some(Found::Utf16);
        }
        let text = std::str::from_utf8(bytes).ok()?.trim_ascii();
        let parsed = serde_json::from_str::<IgnoredAny>(text);
        match (text.as_bytes().first(), parsed) {
            (None, _) => Some(Found::Blank),
            (Some(b'['), _) => Some(Found::Array),
            (Some(b'{'), Err(error)) if error.is_eof() && is_whole => Some(Found::Begin),
            (Some(b'{'), _) => None,
            (Some(_), Ok(_)) => Some(Found::Value),
            (Some(_), Err(_)) => Some(Found::Text),
        }
    }
}

impl Problem {
    /// What `serde_json` found, without its own place: it knows one line alone.
    pub(super) fn json(error: &serde_json::Error) -> Self {
        let text = error.to_string();
        let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message).to_owned();
        let column = error.column();
        if error.is_eof() {
            Problem::Truncated { message, column }
        } else {
            Problem::Json { message, column }
        }
    }

    /// What keeps a line from being text.
    pub(super) fn utf8(error: std::str::Utf8Error) -> Self {
        let after_bytes = error.valid_up_to();
        match error.error_len() {
            Some(_) => Problem::NotUtf8 { after_bytes },
            None => {
                let message = "it ends within a character".to_owned();
                Problem::Truncated { message, column: after_bytes + 1 }
            }
        }
    }

    /// The byte of the line, from 1, where that is known.
    pub fn column(&self) -> Option<usize> {
        match self {
            Problem::Json { column, .. } | Problem::Truncated { column, .. } => Some(*column),
            Problem::NotUtf8 { after_bytes } => Some(after_bytes + 1),
            _ => None,
        }
    }
}

/// A column, if there is one.
struct Column(Option<usize>);

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |column| write!(f, ", column {column}"))
    }
}
