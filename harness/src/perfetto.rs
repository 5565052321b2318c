//! A run for ui.perfetto.dev, and for whatever else reads Chrome's trace events: a process a machine, threads for consensus, holder
//! and objects, virtual time, flows from requests to answers and from `set_alarm` to runs of `alarm()`, counters.
//!
//! The format asks two things of a trace that a history does not keep by itself. Slices of one thread have to nest: what overlaps
//! without nesting is given another thread of the same name (`perfetto/threads.rs`). And a flow has to be bound to slices at both
//! ends: a flow is written only where there are two or more (`perfetto/flows.rs`).

mod counters;
mod flows;
mod lives;
mod threads;
mod world;

use std::io::{self, Write};

use reveille_model::history::History;
use serde::Serialize;
use serde_json::{Map, Value, json};

use self::flows::Flows;
use self::threads::{Slice, Threads};

/// Whom a process of the trace stands for. Machine `m` is [`Process::Machine`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Process {
    /// Phases, faults, quorums.
    World,
    /// Requests of clients.
    Clients,
    /// Calls to outside services.
    Services,
    Machine(u16),
}

impl Process {
    /// Its number in the trace; that is their order, too.
    fn pid(self) -> u32 {
        match self {
            Self::World => 1,
            Self::Clients => 2,
            Self::Services => 3,
            Self::Machine(machine) => 10 + u32::from(machine),
        }
    }

    fn name(self, history: &History) -> String {
        match self {
            Self::World => "world".to_owned(),
            Self::Clients => "clients".to_owned(),
            Self::Services => "outside services".to_owned(),
            Self::Machine(machine) => crate::story::machine_text(&history.header, machine),
        }
    }
}

/// A counter from a moment on.
#[derive(Debug)]
struct Counted {
    process: Process,
    name: &'static str,
    at_ns: u64,
    value: i64,
}

/// The trace of a history: objects with `traceEvents`, as the format has it.
///
/// # Errors
///
/// Those of `output`.
pub fn write(history: &History, title: &str, output: &mut dyn Write) -> io::Result<()> {
    let (slices, counted) = trace(history);
    let (threads, placed) = Threads::of(slices);
    write!(
        output,
        "{{\"displayTimeUnit\":\"ns\",\"otherData\":{},\"traceEvents\":[",
        json!({ "title": title })
    )?;
    let mut first = true;
    let mut put = |event: &Value| -> io::Result<()> {
        output.write_all(if std::mem::take(&mut first) { b"\n" } else { b",\n" })?;
        serde_json::to_writer(&mut *output, event)?;
        Ok(())
    };
    for process in threads.processes() {
        let pid = process.pid();
        put(&meta("process_name", pid, None, json!({ "name": process.name(history) })))?;
        put(&meta("process_sort_index", pid, None, json!({ "sort_index": pid })))?;
    }
    for (process, tid, name) in threads.names() {
        put(&meta("thread_name", process.pid(), Some(tid), json!({ "name": name })))?;
        put(&meta("thread_sort_index", process.pid(), Some(tid), json!({ "sort_index": tid })))?;
    }
    for (slice, tid) in &placed {
        put(&slice_event(slice, *tid))?;
    }
    for Counted { process, name, at_ns, value } in &counted {
        put(&json!({
            "ph": "C", "pid": process.pid(), "name": name, "ts": micros(*at_ns), "args": { *name: value },
        }))?;
    }
    output.write_all(b"\n]}\n")?;
    output.flush()
}

/// All slices and counters of a history; flows are bound.
fn trace(history: &History) -> (Vec<Slice>, Vec<Counted>) {
    let end_ns = history.events.last().map_or(0, |event| event.at_ns);
    let mut flows = Flows::default();
    let mut slices = world::slices(history, end_ns, &mut flows);
    lives::slices(history, end_ns, &mut slices, &mut flows);
    flows.bind(&mut slices);
    (slices, counters::of(history))
}

/// Microseconds, of which the format has fractions: three digits of them are nanoseconds.
fn micros(ns: u64) -> Value {
    let text = format!("{}.{:03}", ns / 1_000, ns % 1_000);
    Value::Number(text.parse().expect("digits with a point are a number"))
}

fn meta(what: &str, pid: u32, tid: Option<u32>, args: Value) -> Value {
    let mut event = json!({ "ph": "M", "name": what, "pid": pid, "args": args });
    if let Some(tid) = tid {
        event["tid"] = tid.into();
    }
    event
}

fn slice_event(slice: &Slice, tid: u32) -> Value {
    /// As the format has it.
    #[derive(Serialize)]
    struct Event<'a> {
        ph: &'static str,
        cat: &'static str,
        name: &'a str,
        pid: u32,
        tid: u32,
        ts: Value,
        dur: Value,
        #[serde(skip_serializing_if = "Map::is_empty")]
        args: &'a Map<String, Value>,
        #[serde(skip_serializing_if = "Option::is_none")]
        bind_id: Option<String>,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        flow_in: bool,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        flow_out: bool,
    }
    let flow = slice.flow;
    let event = Event {
        ph: "X",
        cat: slice.kind,
        name: &slice.name,
        pid: slice.thread.process.pid(),
        tid,
        ts: micros(slice.from_ns),
        dur: micros(slice.to_ns - slice.from_ns),
        args: &slice.args,
        bind_id: flow.map(|flow| format!("0x{:x}", flow.id)),
        flow_in: flow.is_some_and(|flow| flow.comes_in),
        flow_out: flow.is_some_and(|flow| flow.goes_out),
    };
    serde_json::to_value(event).expect("a slice is JSON")
}

#[cfg(test)]
mod tests;
