//! The history of a run: what was seen outside and what the wrapper told, put into the words of `model/HISTORY.md`. Commits are not
//! told: the runtime does not say when a turn is durable.
//!
//! What the wrapper tells of an answer and of a call becomes an event where the driver sees it leave. A request that no object was
//! given has no place in a history.

use std::collections::{BTreeMap, BTreeSet};

use reveille_model::history::History;
use reveille_model::jsonl::{Malformed, Reader};
use serde_json::{Map, Value, json};

use crate::plan::{Plan, WALL_ZERO_MS};
use crate::rest::Rest;
use crate::world::{Told, What};

/// A history and what it leaves out.
#[derive(Debug)]
pub struct Written {
    /// The history.
    pub history: History,
    /// The same as a file.
    pub text: String,
    /// Why the wrapper told no more of some object, if that was so.
    pub blind: BTreeSet<String>,
}

/// What was told of a run, as a history.
///
/// # Errors
///
/// If the wrapper told something that has no place in a history, which is a fault of the wrapper.
pub fn write(plan: &Plan, told: &[Told], rest: Option<&Rest>) -> Result<Written, Malformed> {
    let mut writer = Writer::new(plan, told);
    told.iter().for_each(|told| writer.see(told));
    // A storm has no end: what comes after it nobody knows.
    if told.last().is_none_or(|told| told.what != What::Storm) {
        let end_ns = told.last().map_or(0, |told| told.at_ns).max(plan.end_ms * 1_000_000);
        writer.end(end_ns, rest);
    }
    let mut text = writer.header().to_string();
    text.push('\n');
    for line in &writer.lines {
        text.push_str(&line.to_string());
        text.push('\n');
    }
    let mut reader = Reader::new(text.as_bytes())?;
    let events = reader.by_ref().collect::<Result<_, _>>()?;
    let history = History { header: reader.header().clone(), events };
    Ok(Written { history, text, blind: writer.blind })
}

/// Who did something: the fields of a line that name an instance.
#[derive(Clone, Debug)]
struct By {
    object: String,
    instance: u64,
    turn: u64,
}

struct Writer<'a> {
    plan: &'a Plan,
    lines: Vec<Value>,
    /// The object that each request was given to first.
    targets: BTreeMap<u64, String>,
    /// What the first delivery to each instance shows: whether it was made for an alarm.
    causes: BTreeMap<u64, &'static str>,
    alarm_classes: BTreeSet<String>,
    /// The name of each object, by class and id.
    names: BTreeMap<(String, String), String>,
    seqs: BTreeMap<u64, u64>,
    /// The living instance of each object, and its last turn.
    living: BTreeMap<String, By>,
    /// Answers that were made, by request.
    answers: BTreeMap<u64, By>,
    /// Calls that were made, as the wrapper knows them, with the operation that waits.
    calls: BTreeMap<String, (By, u64)>,
    /// Calls that have left and have no answer yet, by the number of the driver.
    open: BTreeSet<u64>,
    blind: BTreeSet<String>,
    boot: u64,
    faults: u32,
}

impl<'a> Writer<'a> {
    fn new(plan: &'a Plan, told: &[Told]) -> Self {
        let mut writer = Self {
            plan,
            lines: Vec::new(),
            targets: BTreeMap::new(),
            causes: BTreeMap::new(),
            alarm_classes: BTreeSet::new(),
            names: BTreeMap::new(),
            seqs: BTreeMap::new(),
            living: BTreeMap::new(),
            answers: BTreeMap::new(),
            calls: BTreeMap::new(),
            open: BTreeSet::new(),
            blind: BTreeSet::new(),
            boot: 1,
            faults: 0,
        };
        told.iter().filter_map(account).for_each(|line| writer.look_ahead(&line));
        writer
    }

    /// What has to be known before the line stands there.
    fn look_ahead(&mut self, line: &Map<String, Value>) {
        let by = by(line);
        match line["event"].as_str() {
            Some("deliver") => {
                let alarm = line["delivery"].get("alarm").is_some();
                self.causes.entry(by.instance).or_insert(if alarm { "alarm" } else { "request" });
                if let Some(request) = line["delivery"]["request"]["request"].as_u64() {
                    self.targets.entry(request).or_insert(by.object);
                }
            }
            Some("instance_start") => {
                let (class, _) = by.object.split_once('/').unwrap_or((&by.object, ""));
                if line["has_alarm"] == true {
                    self.alarm_classes.insert(class.to_owned());
                }
                if let Some(id) = line["id"].as_str() {
                    self.names.insert((class.to_owned(), id.to_owned()), by.object.clone());
                }
            }
            _ => {}
        }
    }

    fn see(&mut self, told: &Told) {
        let at_ns = told.at_ns;
        match &told.what {
            What::Up => self.up(at_ns),
            What::Down { .. } => self.down(at_ns),
            What::Asked { request } => self.asked(at_ns, *request),
            What::Answered { request, status, body } => {
                let outcome = json!({"answered": {"status": status, "body": body}});
                match self.answers.remove(request) {
                    Some(by) => {
                        let respond =
                            json!({"event": "respond", "request": request, "status": status, "body": body});
                        self.by(at_ns, &by, respond);
                        let leave = json!({"event": "answer_leave", "request": request, "outcome": outcome});
                        self.here(at_ns, leave);
                        self.returned(at_ns, *request, outcome);
                    }
                    // The runtime has answered in the object's place.
                    None => self.returned(at_ns, *request, json!("unknown")),
                }
            }
            What::Unanswered { request } => {
                self.answers.remove(request);
                self.returned(at_ns, *request, json!("unknown"));
            }
            What::Called { call, known_as, service, method, path, body } => {
                let made = known_as.as_ref().and_then(|known_as| self.calls.remove(known_as));
                let Some((by, op)) = made else { return };
                self.open.insert(*call);
                let said =
                    json!({"call": call, "service": service, "method": method, "path": path, "body": body});
                let mut account = said.clone();
                account["event"] = json!("outbound");
                account["op"] = json!(op);
                self.by(at_ns, &by, account);
                for event in ["outbound_leave", "outbound_arrive"] {
                    let mut witness = said.clone();
                    witness["event"] = json!(event);
                    if event == "outbound_leave" {
                        self.here(at_ns, witness)
                    } else {
                        self.line(at_ns, witness)
                    }
                }
            }
            What::Returned { call, status } => {
                if self.open.remove(call) {
                    self.line(at_ns, json!({"event": "outbound_answer", "call": call, "status": status}));
                    self.here(at_ns, json!({"event": "outbound_return", "call": call, "status": status}));
                }
            }
            What::Account { .. } => {
                if let Some(line) = account(told) {
                    self.account(at_ns, line);
                }
            }
            What::Said { .. } | What::Storm => {}
        }
    }

    fn line(&mut self, at_ns: u64, mut line: Value) {
        line["at_ns"] = json!(at_ns);
        self.lines.push(line);
    }

    /// A line of the one machine that there is.
    fn here(&mut self, at_ns: u64, mut line: Value) {
        line["machine"] = json!(0);
        line["wall_ns"] = json!(WALL_ZERO_MS * 1_000_000 + at_ns.cast_signed());
        self.line(at_ns, line);
    }

    /// A line of an instance.
    fn by(&mut self, at_ns: u64, by: &By, mut line: Value) {
        let seq = self.seqs.entry(by.instance).or_default();
        line["seq"] = json!(*seq);
        *seq += 1;
        line["object"] = json!(by.object);
        line["instance"] = json!(by.instance);
        line["epoch"] = json!(by.instance / 1_000_000);
        line["turn"] = json!(by.turn);
        self.here(at_ns, line);
    }

    fn up(&mut self, at_ns: u64) {
        if self.faults > 0 {
            self.line(at_ns, json!({"event": "fault_end", "fault": self.faults}));
        }
        self.here(at_ns, json!({"event": "process", "state": "up"}));
    }

    fn down(&mut self, at_ns: u64) {
        for call in std::mem::take(&mut self.open) {
            self.line(at_ns, json!({"event": "outbound_lost", "call": call}));
        }
        self.calls.clear();
        self.living.clear();
        self.boot += 1;
        self.faults += 1;
        let fault = json!({"event": "fault_begin", "fault": self.faults, "kind": "kill", "scope": {"machine": 0},
            "takes": ["memory", "reachability"]});
        self.line(at_ns, fault);
        self.here(at_ns, json!({"event": "process", "state": "down"}));
    }

    fn asked(&mut self, at_ns: u64, request: u64) {
        let Some(to) = self.targets.get(&request) else { return };
        let ask = &self.plan.requests[usize::try_from(request - 1).expect("requests are few")];
        let call = json!({"event": "call", "request": request, "to": to, "method": ask.method, "path": ask.path,
            "body": ask.body});
        self.line(at_ns, call);
        self.here(at_ns, json!({"event": "request_arrive", "request": request}));
    }

    fn returned(&mut self, at_ns: u64, request: u64, outcome: Value) {
        if self.targets.contains_key(&request) {
            self.line(at_ns, json!({"event": "return", "request": request, "outcome": outcome}));
        }
    }

    /// A line that the wrapper told.
    fn account(&mut self, at_ns: u64, mut line: Map<String, Value>) {
        let by = by(&line);
        for own in ["object", "instance", "seq", "turn", "wall_ms"] {
            line.remove(own);
        }
        if let Some(living) = self.living.get_mut(&by.object).filter(|living| living.instance == by.instance)
        {
            living.turn = by.turn;
        }
        let event = line["event"].as_str().unwrap_or_default().to_owned();
        match event.as_str() {
            "answer" => {
                self.answers.insert(line["request"].as_u64().unwrap_or_default(), by);
            }
            "calling" => {
                let call = line["call"].as_str().unwrap_or_default().to_owned();
                self.calls.insert(call, (by, line["op"].as_u64().unwrap_or_default()));
            }
            "blind" => {
                let why = line["why"].as_str().unwrap_or_default();
                self.blind.insert(format!("{} used {why}", by.object));
            }
            "instance_start" => {
                line.remove("id");
                line.remove("has_alarm");
                let cause = self.causes.get(&by.instance).copied();
                line.insert("cause".to_owned(), json!(cause));
                self.replaced(at_ns, &by.object);
                self.living.insert(by.object.clone(), by.clone());
                self.by(at_ns, &by, Value::Object(line));
            }
            _ => {
                if event == "instance_end" {
                    self.living.remove(&by.object);
                }
                self.by(at_ns, &by, Value::Object(line));
            }
        }
    }

    /// Another instance is made within the life of a process: the one before was idle and is gone.
    fn replaced(&mut self, at_ns: u64, object: &str) {
        if let Some(before) = self.living.remove(object) {
            self.by(at_ns, &before, json!({"event": "instance_end", "reason": "evicted"}));
        }
    }

    /// What the datastore holds, if all of it has words, and the end.
    fn end(&mut self, at_ns: u64, rest: Option<&Rest>) {
        let named = rest.and_then(|rest| {
            let objects = rest
                .objects
                .iter()
                .map(|(id, object)| Some((self.names.get(id)?, object.keys.as_ref()?, object)));
            objects.collect::<Option<Vec<_>>>()
        });
        let lines: Vec<Value> = named
            .filter(|_| self.blind.is_empty())
            .unwrap_or_default()
            .into_iter()
            .map(|(name, keys, object)| {
                let alarm = object.alarm_ns.map(|alarm_ns| json!({"scheduled_ms": alarm_ns / 1_000_000}));
                json!({"event": "at_rest", "of": name, "keys": keys, "alarm": alarm})
            })
            .collect();
        lines.into_iter().for_each(|line| self.line(at_ns, line));
        self.line(at_ns, json!({"event": "phase", "phase": "end"}));
    }

    fn header(&self) -> Value {
        json!({
            "version": 1, "product": "workerd in virtual time", "scenario": "", "seed": self.plan.seed,
            "datacenter_of": [0], "wall_zero_ns": WALL_ZERO_MS * 1_000_000,
            "alarm_classes": self.alarm_classes, "omits": ["commits"],
            "constants": {
                "retry_start_ms": 2_000, "retry_exponent_max": 9, "retry_jitter_percent": 25, "retries_max": 6,
                "wall_error_max_ms": 0, "drift_max_ppm": 500, "lateness_calm_ms": 100,
                "lateness_one_failure_ms": 30_000, "lateness_failures_ms": 60_000,
                // The runtime's own limits are its own affair here: locally it enforces none of those that are documented.
                "key_bytes_max": 1 << 30, "value_bytes_max": 1 << 30, "batch_keys_max": 1 << 20,
            },
        })
    }
}

fn account(told: &Told) -> Option<Map<String, Value>> {
    let What::Account { line } = &told.what else { return None };
    serde_json::from_str(line).ok()
}

/// Whose line it is.
fn by(line: &Map<String, Value>) -> By {
    let number = |name: &str| line.get(name).and_then(Value::as_u64).unwrap_or_default();
    let object = line.get("object").and_then(Value::as_str).unwrap_or_default().to_owned();
    By { object, instance: number("instance"), turn: number("turn") }
}
