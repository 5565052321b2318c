//! One object as its caller sees it, in the fewest words: a map of keys, a slot with an alarm, and a clock. Nothing is ever
//! lost, late or in parallel here, so there is nothing to be clever about.
//!
//! The one thing that the contract leaves open without faults is when exactly a retry runs (R3). So time counts from the
//! last run, the *anchor*; how late that was, only the system knows.

use std::collections::BTreeMap;

use scenarios::scripted::script::{Call, Keys, Range, Script, Step, Text, When};

/// S7, A7: the limits.
const KEY_MAX: usize = 2_048;
const BATCH_MAX: usize = 128;
const TIME_MAX_MS: i64 = i64::MAX / 1_000_000;
/// R2, R3.
const RETRIES_MAX: u32 = 6;
const BACKOFF_MS: i64 = 2_000;

/// A moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Time {
    /// So many milliseconds after the `anchor`-th run started; the 0th is the begin of the test.
    After { anchor: usize, ms: i64 },
    /// Milliseconds since the UNIX epoch; far in the future.
    At(i64),
}

/// What a call gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Gives {
    Done,
    AlarmSet(Time),
    Value(Option<String>),
    Deleted(bool),
    DeletedCount(u32),
    Entries(Vec<(String, String)>),
    Alarm(Option<Time>),
    Refused,
    RolledBack,
}

/// The alarm in the slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Alarm {
    /// What `get_alarm` gives.
    pub(crate) at: Time,
    pub(crate) failures: u32,
    /// When it runs, in milliseconds since the anchor: not before, and not after.
    pub(crate) due_ms: (i64, i64),
}

/// Why a program did not come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    Failed,
    Panicked,
}

/// The object.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    keys: BTreeMap<String, String>,
    alarm: Option<Alarm>,
    /// How many runs there were.
    pub(crate) runs: usize,
    /// Milliseconds since the last of them started.
    pub(crate) elapsed_ms: i64,
    /// A4: in a run, whether the alarm was replaced since it started.
    in_run: Option<bool>,
    in_transaction: bool,
    /// What the calls of the last event gave, in the order in which they were made.
    pub(crate) gave: Vec<Gives>,
    /// How that event ended.
    pub(crate) stopped: Option<Stop>,
}

impl Model {
    /// The alarm in the slot.
    pub(crate) fn alarm(&self) -> Option<Alarm> {
        self.alarm
    }

    /// How long nothing happens of itself, in milliseconds; none if for ever.
    pub(crate) fn calm_ms(&self) -> Option<i64> {
        self.alarm.map(|alarm| alarm.due_ms.0.saturating_sub(self.elapsed_ms))
    }

    /// The present.
    pub(crate) fn now(&self) -> Time {
        Time::After { anchor: self.runs, ms: self.elapsed_ms }
    }

    pub(crate) fn wait(&mut self, ms: i64) {
        self.elapsed_ms += ms;
        self.gave.clear();
        self.stopped = None;
    }

    /// A request comes.
    pub(crate) fn request(&mut self, script: &Script) {
        self.gave.clear();
        if !script.alarm.is_empty() {
            let kept = serde_json::to_string(&script.alarm).expect("programs can be written");
            self.keys.insert("alarm".into(), kept);
            self.gave.push(Gives::Done);
        }
        self.stopped = self.steps(&script.steps).err();
    }

    /// The alarm runs (A4, F4, F5, R1 to R6).
    pub(crate) fn run(&mut self) {
        let alarm = self.alarm.expect("only what is in the slot runs");
        (self.runs, self.elapsed_ms) = (self.runs + 1, 0);
        self.in_run = Some(false);
        let kept = self.keys.get("alarm").cloned();
        self.gave = vec![Gives::Value(kept.clone())];
        let programs: Vec<Vec<Step>> =
            kept.map(|kept| serde_json::from_str(&kept).expect("only programs are kept")).unwrap_or_default();
        let steps = programs.get(alarm.failures as usize).cloned().unwrap_or_default();
        self.stopped = self.steps(&steps).err();
        if self.in_run.take() == Some(true) {
            return;
        }
        let backoff_ms = BACKOFF_MS << alarm.failures;
        let again = self.stopped.is_some() && alarm.failures < RETRIES_MAX;
        self.alarm = again.then_some(Alarm {
            failures: alarm.failures + 1,
            due_ms: (backoff_ms, backoff_ms + backoff_ms / 4),
            ..alarm
        });
    }

    fn steps(&mut self, steps: &[Step]) -> Result<(), Stop> {
        for step in steps {
            match step {
                Step::Do(call) | Step::Start(call) => self.call(call),
                Step::Together(calls) => calls.iter().for_each(|call| self.call(call)),
                Step::Transaction(steps) => self.transaction(steps)?,
                Step::Fail => return Err(Stop::Failed),
                Step::Panic => return Err(Stop::Panicked),
                other => unreachable!("{other:?} is not asked for here"),
            }
        }
        Ok(())
    }

    /// S5: all or nothing, the alarm too.
    fn transaction(&mut self, steps: &[Step]) -> Result<(), Stop> {
        let at = self.gave.len();
        if self.in_transaction {
            self.gave.push(Gives::Refused);
            return Ok(());
        }
        let before = (self.keys.clone(), self.alarm, self.in_run);
        self.gave.push(Gives::Done);
        self.in_transaction = true;
        let stopped = self.steps(steps).err();
        self.in_transaction = false;
        if stopped.is_some() {
            (self.keys, self.alarm, self.in_run) = before;
            self.gave[at] = Gives::RolledBack;
        }
        // An error is the closure's; a panic is everybody's.
        stopped.filter(|stop| *stop == Stop::Panicked).map_or(Ok(()), Err)
    }

    fn call(&mut self, call: &Call) {
        let gives = if is_over_a_limit(call) { Gives::Refused } else { self.gives(call) };
        self.gave.push(gives);
    }

    fn gives(&mut self, call: &Call) -> Gives {
        match call {
            Call::Get(key) => Gives::Value(self.keys.get(&text(key)).cloned()),
            Call::GetMany(keys) => {
                let wanted = texts(keys);
                let found = self.keys.iter().filter(|(key, _)| wanted.contains(key));
                Gives::Entries(found.map(|(key, value)| (key.clone(), value.clone())).collect())
            }
            Call::Put(key, value) => {
                self.keys.insert(text(key), text(value));
                Gives::Done
            }
            Call::PutMany(keys, value) => {
                self.keys.extend(texts(keys).into_iter().map(|key| (key, text(value))));
                Gives::Done
            }
            Call::Delete(key) => Gives::Deleted(self.keys.remove(&text(key)).is_some()),
            Call::DeleteMany(keys) => {
                let gone = texts(keys).iter().filter_map(|key| self.keys.remove(key)).count();
                Gives::DeletedCount(u32::try_from(gone).expect("a batch is small"))
            }
            Call::List(range) => Gives::Entries(self.list(range)),
            Call::DeleteAll | Call::DeleteAllPreservingAlarm if self.in_transaction => Gives::Refused,
            Call::DeleteAll => {
                self.keys.clear();
                self.replace(None);
                Gives::Done
            }
            Call::DeleteAllPreservingAlarm => {
                self.keys.clear();
                Gives::Done
            }
            Call::Sync => Gives::Done,
            Call::GetAlarm => Gives::Alarm(self.alarm.filter(|_| self.in_run != Some(false)).map(|a| a.at)),
            Call::SetAlarm(when) => self.set_alarm(*when),
            Call::DeleteAlarm => {
                self.replace(None);
                Gives::Done
            }
        }
    }

    /// S6.
    fn list(&self, range: &Range) -> Vec<(String, String)> {
        let Range { prefix, start, start_after, end, reverse, limit } = range;
        let mut found: Vec<_> = self.keys.clone().into_iter().collect();
        found.retain(|(key, _)| {
            let key = key.as_str();
            prefix.as_deref().is_none_or(|prefix| key.starts_with(prefix))
                && start.as_deref().is_none_or(|start| key >= start)
                && start_after.as_deref().is_none_or(|after| key > after)
                && end.as_deref().is_none_or(|end| key < end)
        });
        if *reverse {
            found.reverse();
        }
        found.truncate(limit.map_or(usize::MAX, |limit| limit as usize));
        found
    }

    /// A2, A6, A10.
    fn set_alarm(&mut self, when: When) -> Gives {
        let in_ms = match when {
            When::InMs(in_ms) => in_ms.max(0),
            // Long ago, or for ever ahead: the tests use no others.
            When::AtMs(1) => 0,
            When::AtMs(at_ms) => {
                let (at, due_ms) = (Time::At(at_ms), (i64::MAX, i64::MAX));
                self.replace(Some(Alarm { at, failures: 0, due_ms }));
                return Gives::AlarmSet(at);
            }
        };
        let ms = self.elapsed_ms + in_ms;
        let at = Time::After { anchor: self.runs, ms };
        self.replace(Some(Alarm { at, failures: 0, due_ms: (ms, ms) }));
        Gives::AlarmSet(at)
    }

    fn replace(&mut self, alarm: Option<Alarm>) {
        self.alarm = alarm;
        self.in_run = self.in_run.map(|_| true);
    }
}

/// S7, A7.
fn is_over_a_limit(call: &Call) -> bool {
    let is_long = |key: &Text| text(key).len() > KEY_MAX;
    match call {
        Call::Get(key) | Call::Put(key, _) | Call::Delete(key) => is_long(key),
        Call::GetMany(keys) | Call::PutMany(keys, _) | Call::DeleteMany(keys) => match keys {
            Keys::These(keys) => keys.len() > BATCH_MAX || keys.iter().any(is_long),
            Keys::Count { count } => *count > BATCH_MAX,
        },
        Call::List(range) => range.limit == Some(0) || range.start.is_some() && range.start_after.is_some(),
        Call::SetAlarm(When::AtMs(at_ms)) => !(1..=TIME_MAX_MS).contains(at_ms),
        _ => false,
    }
}

fn text(text: &Text) -> String {
    match text {
        Text::Short(text) => text.clone(),
        Text::Long { bytes } => "k".repeat(*bytes),
    }
}

fn texts(keys: &Keys) -> Vec<String> {
    match keys {
        Keys::These(keys) => keys.iter().map(text).collect(),
        Keys::Count { count } => (0..*count).map(|number| number.to_string()).collect(),
    }
}
