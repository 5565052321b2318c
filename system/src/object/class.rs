//! The seam between the object host and object code in any language.
//!
//! The host delivers events and results and then lets the instance run a turn; the instance makes its calls through its
//! [`Port`]. Gates, commits, epochs and retries stand on the host's side, so that they are the same for every language.

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use bytes::Bytes;

use crate::ids::OpId;
use crate::object::port::Port;
use crate::words::call::Reply;
use crate::words::failure::{Failure, Reset};

/// A class of objects.
pub trait Class {
    /// Its name: the part of an object's name before the slash.
    fn name(&self) -> &str;

    /// Whether it declares `alarm()` (A8).
    fn declares_alarm(&self) -> bool;

    /// Whether the answers of its objects say what their code has read, for whoever watches: the body of each with status 200
    /// is a JSON object whose `read` is a list of keys, each with the value that it was given, or null.
    fn echoes(&self) -> bool {
        false
    }

    /// Makes an instance. Its constructor runs in its first turn (O4).
    fn instantiate(&self, port: Port) -> Box<dyn Instance>;
}

/// An object in memory.
pub trait Instance {
    /// An event begins. Nothing runs before the next turn.
    fn start(&mut self, event: EventId, what: Event);

    /// The result of an operation is there. Nothing runs before the next turn.
    fn settle(&mut self, op: OpId, reply: Reply);

    /// Runs until nothing can go on without the outside world, or until `budget` polls are used up (O7). While a
    /// transaction is open only its own code runs: an event that ends in a turn which leaves one open has ended before
    /// that began (S5).
    fn turn(&mut self, budget: u32) -> TurnEnd;
}

/// An event within its instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId(pub u64);

/// What an instance can be asked to do.
#[derive(Clone, Debug)]
pub enum Event {
    /// `fetch(request)`.
    Fetch(Request),
    /// `alarm(info)`.
    Alarm(AlarmInfo),
}

/// A request to an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its body.
    pub body: Bytes,
}

impl Request {
    /// The body as text; what is not UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// An answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub body: Bytes,
}

impl Response {
    /// An answer with status 200.
    pub fn ok(body: impl Into<Bytes>) -> Self {
        Self { status: 200, body: body.into() }
    }
}

/// F7: what `alarm()` is told about its alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlarmInfo {
    /// The time that the alarm was set for: milliseconds since the UNIX epoch.
    pub scheduled_time: i64,
    /// How often this alarm has run and failed before, counted failures only (R4).
    pub retry_count: u32,
    /// `retry_count > 0`. Not the opposite of "first run": a run that was lost with its machine is not counted (X4).
    pub is_retry: bool,
}

/// An event has ended.
pub type Finished = (EventId, Result<Option<Response>, Failure>);

/// How a turn ended.
#[derive(Debug, Default)]
pub struct TurnEnd {
    /// The events that ended in it, in the order in which they ended.
    pub finished: Vec<Finished>,
    /// Whether the constructor or a `block_concurrency_while` is in progress: no other event is delivered (O3, O4).
    pub blocked: bool,
    /// Why the instance has to be reset: a panic, a failed `block_concurrency_while`, a budget used up (O4, O7, R1).
    pub reset: Option<Reset>,
}

/// The classes that a machine can run, by name.
#[derive(Clone, Default)]
pub struct Classes(BTreeMap<String, Rc<dyn Class>>);

impl Classes {
    /// These classes and one more.
    ///
    /// # Panics
    ///
    /// If there is one of that name.
    #[must_use]
    pub fn with(mut self, class: impl Class + 'static) -> Self {
        let name = class.name().to_owned();
        assert!(self.0.insert(name.clone(), Rc::new(class)).is_none(), "two classes are named {name}");
        self
    }

    /// The class of that name.
    pub fn get(&self, name: &str) -> Option<Rc<dyn Class>> {
        self.0.get(name).cloned()
    }

    /// All of them, by name.
    pub fn all(&self) -> impl Iterator<Item = Rc<dyn Class>> {
        self.0.values().cloned()
    }

    /// The names of those whose objects say what they have read ([`Class::echoes`]).
    pub fn echoing(&self) -> impl Iterator<Item = &str> {
        self.0.values().filter(|class| class.echoes()).map(|class| class.name())
    }

    /// The names of those that declare `alarm()` (A8).
    pub fn declaring_alarm(&self) -> impl Iterator<Item = &str> {
        self.0.values().filter(|class| class.declares_alarm()).map(|class| class.name())
    }
}

impl<C: Class + 'static> From<C> for Classes {
    fn from(class: C) -> Self {
        Self::default().with(class)
    }
}

impl fmt::Debug for Classes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
