//! Histories as files: JSON Lines, the header first and then one event a line, as `HISTORY.md` describes them.
//!
//! ```text
//! bytes ──▶ a line ──▶ Line (what stands there) ──▶ Event ──▶ Order (may it stand there?) ──▶ Checker
//! ```
//!
//! A file comes from a program that we do not know. So the reader is strict where leniency would hide a mistake (a
//! misspelled field would silently be one that the rules never see), says which line is wrong and what was expected,
//! and never panics. It holds one line at a time, and of what it has read only what it needs to know which starts are
//! still without an end.
//!
//! What breaks a promise is no concern of this module: a history that reads well may tell of a broken system.

mod error;
mod line;
mod names;
mod order;
#[cfg(test)]
mod tests;
mod words;

use std::borrow::Borrow;
use std::io::{self, BufRead, Read, Write};

pub use self::error::{Found, Malformed, Problem};
use self::line::Line;
use self::names::Names;
use self::order::Order;
use crate::history::{Event, Header, VERSION};

/// The longest line that is read, in bytes. 128 values of 131,072 bytes, the most that one call may give (S7), take 22
/// MiB in base64.
pub const LINE_BYTES_MAX: usize = 64 << 20;

/// Above this many bytes the room for a line is given back after it.
const LINE_BYTES_KEPT: usize = 1 << 20;

/// Reads a history line by line.
///
/// As an iterator it gives the events in their order and stops at the first thing that is wrong. Event number `n`,
/// counted from 0 as [`crate::Checker::observe`] does, stands in line `n + 2` of the file.
#[derive(Debug)]
pub struct Reader<R> {
    lines: Lines<R>,
    header: Header,
    names: Names,
    order: Order,
    is_over: bool,
}

impl<R: BufRead> Reader<R> {
    /// Reads the header.
    ///
    /// # Errors
    ///
    /// If the first line is no header of this [`VERSION`].
    pub fn new(input: R) -> Result<Self, Malformed> {
        let mut lines = Lines { input, bytes: Vec::new(), number: 0, read: 0, is_whole: true };
        let header = match lines.advance() {
            Ok(true) => lines.text().and_then(header),
            Ok(false) => Err(Problem::Empty),
            Err(problem) => Err(problem),
        };
        let header = header.map_err(|problem| lines.malformed(problem))?;
        let order = Order::new(&header);
        Ok(Reader { lines, header, names: Names::default(), order, is_over: false })
    }

    /// The constants of the run.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// How many bytes were read so far.
    pub fn bytes(&self) -> u64 {
        self.lines.read
    }

    fn read(&mut self) -> Result<Option<Event>, Problem> {
        if !self.lines.advance()? {
            return Ok(None);
        }
        let event = Line::read(self.lines.text()?)?.event(&mut self.names)?;
        self.order.take(&event)?;
        Ok(Some(event))
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Event, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let event = self.read().map_err(|problem| self.lines.malformed(problem)).transpose();
        self.is_over = !matches!(event, Some(Ok(_)));
        event
    }
}

/// Writes a history as [`Reader`] reads it.
///
/// # Errors
///
/// Those of `output`.
pub fn write<E: Borrow<Event>>(
    header: &Header,
    events: impl IntoIterator<Item = E>,
    mut output: impl Write,
) -> io::Result<()> {
    serde_json::to_writer(&mut output, header)?;
    output.write_all(b"\n")?;
    for event in events {
        serde_json::to_writer(&mut output, event.borrow())?;
        output.write_all(b"\n")?;
    }
    output.flush()
}

/// The JSON Schema of a line: the first line of a history is a header, every other one an event. `history.schema.json`
/// is this. It says which fields there are and of what kind they are; which of them an event cannot do without, and in
/// which order lines may stand, only [`Reader`] knows in full.
pub fn schema() -> serde_json::Value {
    /// A line of a history: the first is the header, every other one an event.
    #[derive(schemars::JsonSchema)]
    #[serde(untagged)]
    #[expect(dead_code, reason = "it is there for its schema")]
    enum Line {
        Header(Header),
        Event(Event),
    }
    schemars::schema_for!(Line).to_value()
}

/// The lines of a file, one at a time.
#[derive(Debug)]
struct Lines<R> {
    input: R,
    bytes: Vec<u8>,
    /// The number of the line that was read last, from 1.
    number: u64,
    /// Bytes read.
    read: u64,
    /// Whether the last line had an end.
    is_whole: bool,
}

impl<R: BufRead> Lines<R> {
    /// Goes to the next line; false if there is none.
    fn advance(&mut self) -> Result<bool, Problem> {
        self.bytes.clear();
        self.bytes.shrink_to(LINE_BYTES_KEPT);
        self.number += 1;
        let mut limited = self.input.by_ref().take(LINE_BYTES_MAX as u64 + 1);
        let read = limited.read_until(b'\n', &mut self.bytes).map_err(Problem::Io)?;
        self.read += read as u64;
        self.is_whole = self.bytes.last() == Some(&b'\n');
        if self.is_whole {
            self.bytes.pop();
        } else if read > LINE_BYTES_MAX {
            return Err(Problem::TooLong { bytes_max: LINE_BYTES_MAX });
        }
        Ok(read > 0)
    }

    /// The line, without its end.
    fn text(&self) -> Result<&str, Problem> {
        std::str::from_utf8(&self.bytes).map_err(Problem::utf8)
    }

    /// The problem with the place where it is. Only a line that has no end was cut off; any other is wrong as it is. What is no
    /// JSON object at all is named for what it is.
    fn malformed(&self, problem: Problem) -> Malformed {
        let is_about_json =
            matches!(problem, Problem::Json { .. } | Problem::Truncated { .. } | Problem::NotUtf8 { .. });
        let found = || Found::in_line(&self.bytes, self.is_whole);
        let problem = match (is_about_json.then(found).flatten(), problem) {
            (Some(found), _) => Problem::NoObject { found },
            (None, Problem::Json { .. }) if self.number > 1 && is_header(&self.bytes) => {
                Problem::SecondHeader
            }
            (None, Problem::Truncated { message, column }) if self.is_whole => {
                Problem::Json { message, column }
            }
            (None, problem) => problem,
        };
        Malformed { line: self.number, problem }
    }
}

/// What every header has, of whatever version.
#[derive(serde::Deserialize)]
struct Versioned {
    version: Option<u32>,
}

fn is_header(line: &[u8]) -> bool {
    serde_json::from_slice(line).is_ok_and(|Versioned { version }| version.is_some())
}

/// The version stands alone first: what another version's header looks like is not known.
fn header(text: &str) -> Result<Header, Problem> {
    let Versioned { version } = serde_json::from_str(text).map_err(|error| Problem::json(&error))?;
    let version = version.ok_or(Problem::NoHeader)?;
    if version != VERSION {
        return Err(Problem::Version { version });
    }
    serde_json::from_str(text).map_err(|error| Problem::json(&error))
}
