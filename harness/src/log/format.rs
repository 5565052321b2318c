//! How a line of a log looks: virtual time, where, level, concern, and what happened. The host's clock is not asked.

use std::fmt::{self, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Formats events that carry `at_ns` and `place`.
pub(super) struct Virtual;

impl<S, N> FormatEvent<S, N> for Virtual
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut to: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut line = Line::default();
        event.record(&mut line);
        let Line { at_ns, place, text } = line;
        let at = format!("{}.{:06}", at_ns / 1_000_000_000, at_ns / 1_000 % 1_000_000);
        let (level, concern) = (event.metadata().level(), event.metadata().target());
        writeln!(to, "{at:>11}  {place:<16}  {level:>5} {concern:<8} {text}")
    }
}

/// The fields of an event.
#[derive(Default)]
struct Line {
    at_ns: u64,
    place: String,
    text: String,
}

impl Visit for Line {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "at_ns" {
            self.at_ns = value;
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "place" {
            value.clone_into(&mut self.place);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            write!(self.text, "{value:?}").expect("writing to a string succeeds");
        }
    }
}
