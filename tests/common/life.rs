//! What a run says of the objects in it, as plain values: what clients were told, what outside services were sent, when
//! `alarm()` ran. The tests of single rules compare with these by themselves: no checker has a say in it.
//!
//! Every time is one of a wall clock that is exact, in milliseconds since the UNIX epoch: like the times of alarms.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use reveille_model::history::{Delivery, Event, OpResult, Outcome as Ended, RunOutcome, StorageCall, What};
use reveille_sim::clock::WALL_EPOCH_NS;
use reveille_sim::kinds::Crash;
use reveille_sim::plan::{Fault, FaultKind, Plan, Request, Target};
use reveille_sim::run::{self, Code, Outcome, RunEnd};
use serde_json::Value;

use super::{calm, scenario};

/// The one object of most of these tests.
pub(crate) const OBJECT: &str = "Scripted/foo";

/// How late a run may start in calm: 100 ms and two round trips between datacenters that are 10 ms apart (L3).
pub(crate) const LATE_MAX_MS: i64 = 140;

/// A calm plan in which the object is asked this, in milliseconds of the fault phase, by clients of machine 0.
pub(crate) fn asked(asked: &[(u64, &str)]) -> Plan {
    let request = |(at_ms, script): &(u64, &str)| Request {
        at_ms: *at_ms,
        machine: 0,
        object: OBJECT.to_owned(),
        body: (*script).to_owned(),
        ..Request::default()
    };
    Plan { workload: asked.iter().map(request).collect(), ..calm("scripted") }
}

/// The object's machine crashes, and is back only when all faults are over.
pub(crate) fn crash_at(at_ms: u64) -> Fault {
    let target = Target::HolderOf(OBJECT.to_owned());
    Fault { at_ms, kind: FaultKind::Crash(Crash { target, down_ms: 900_000 }) }
}

/// What a run came to.
pub(crate) struct Life {
    pub(crate) outcome: Outcome,
    /// The begin of the fault phase.
    begin_ms: i64,
}

/// One run of `alarm()`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) object: String,
    pub(crate) machine: u16,
    pub(crate) instance: u64,
    pub(crate) started_ms: i64,
    pub(crate) scheduled_ms: i64,
    pub(crate) retry_count: u32,
    /// When and how it ended; none if it was lost with its machine.
    pub(crate) ended: Option<(i64, RunOutcome)>,
}

impl Run {
    /// When it ended. A run that was lost has no end.
    pub(crate) fn ended_ms(&self) -> i64 {
        self.ended.as_ref().expect("the run has an end").0
    }

    pub(crate) fn is_ok(&self) -> bool {
        matches!(self.ended, Some((_, RunOutcome::Ok)))
    }

    /// Whether it started so many milliseconds after a moment.
    pub(crate) fn started(&self, ms: RangeInclusive<i64>, after_ms: i64) -> bool {
        ms.contains(&(self.started_ms - after_ms))
    }

    /// Whether it started as soon as it has to in calm, if it could from this moment on.
    pub(crate) fn is_on_time(&self, from_ms: i64) -> bool {
        self.started(0..=LATE_MAX_MS, from_ms)
    }
}

fn true_ms(at_ns: u64) -> i64 {
    (WALL_EPOCH_NS + i64::try_from(at_ns).expect("a run is short")) / 1_000_000
}

impl Life {
    /// Runs a plan.
    pub(crate) fn of(plan: &Plan) -> Self {
        Self::with_code(plan, &scenario(&plan.scenario).code)
    }

    /// Runs a plan with this code of objects.
    pub(crate) fn with_code(plan: &Plan, code: impl Into<Code>) -> Self {
        let outcome = run::run(plan, code);
        assert_eq!(outcome.end, RunEnd::Completed);
        Self { outcome, begin_ms: true_ms(plan.phases.warm_up_ms * 1_000_000) }
    }

    /// The time of a moment of the fault phase.
    pub(crate) fn at(&self, ms: u32) -> i64 {
        self.begin_ms + i64::from(ms)
    }

    /// What happened, and when.
    pub(crate) fn events(&self) -> impl Iterator<Item = (i64, &Event)> + Clone {
        self.outcome.history.events.iter().map(|event| (true_ms(event.at_ns), event))
    }

    /// When the client of the plan's `index`-th request was told what; none if it got no answer.
    pub(crate) fn answer(&self, index: u64) -> Option<(i64, u16, String)> {
        self.events().find_map(|(at_ms, event)| match &event.what {
            What::Return { request, outcome: Ended::Answered { status, body, .. } } if *request == index => {
                Some((at_ms, *status, body.text().into_owned()))
            }
            _ => None,
        })
    }

    /// What the calls of the plan's `index`-th request gave, as its client was told.
    pub(crate) fn told(&self, index: u64) -> Value {
        match self.answer(index) {
            Some((_, 200, body)) => {
                let said: serde_json::Value =
                    serde_json::from_str(&body).expect("scripts are answered in JSON");
                said["told"].clone()
            }
            other => panic!("request {index} was answered with {other:?}"),
        }
    }

    /// The runs of `alarm()`, of all objects, in the order in which they started.
    pub(crate) fn runs(&self) -> Vec<Run> {
        let started = self.events().filter_map(|(started_ms, event)| {
            let What::RunStart { run, scheduled_ms, retry_count, .. } = event.what else { return None };
            let (by, place) = (event.by.as_ref()?, event.place?);
            let ended = self.events().find_map(|(at_ms, end)| match &end.what {
                What::RunEnd { run: ended, outcome } if *ended == run => {
                    (end.by.as_ref()?.object == by.object).then(|| (at_ms, outcome.clone()))
                }
                _ => None,
            });
            Some(Run {
                object: by.object.to_string(),
                machine: place.machine,
                instance: by.instance,
                started_ms,
                scheduled_ms,
                retry_count,
                ended,
            })
        });
        started.collect()
    }

    /// What the alarm of each run was set for, and how often it had failed before.
    pub(crate) fn runs_told(&self) -> Vec<(i64, u32)> {
        self.runs().iter().map(|run| (run.scheduled_ms, run.retry_count)).collect()
    }

    /// The times that `set_alarm` stored, in the order of the calls.
    pub(crate) fn set_alarms(&self) -> Vec<i64> {
        let set = self.events().filter_map(|(_, event)| match event.what {
            What::Op { call: StorageCall::SetAlarm { scheduled_ms, .. }, .. } => Some(scheduled_ms),
            _ => None,
        });
        set.collect()
    }

    /// What `get_alarm` gave, in the order of the calls.
    pub(crate) fn get_alarms(&self) -> Vec<Option<i64>> {
        let got = self.events().filter_map(|(_, event)| match event.what {
            What::OpResult { result: OpResult::Alarm(time_ms), .. } => Some(time_ms),
            _ => None,
        });
        got.collect()
    }

    /// What left for outside services: when, from which machine, and what it says.
    pub(crate) fn sent(&self) -> Vec<(i64, u16, String)> {
        let sent = self.events().filter_map(|(at_ms, event)| match &event.what {
            What::Outbound { body, .. } => Some((at_ms, event.place?.machine, body.text().into_owned())),
            _ => None,
        });
        sent.collect()
    }

    /// When instances of objects were made.
    pub(crate) fn instances(&self) -> Vec<i64> {
        let started = self.events().filter(|(_, event)| matches!(event.what, What::InstanceStart { .. }));
        started.map(|(at_ms, _)| at_ms).collect()
    }

    /// What the datastore holds of an object at the end: its keys, without those of its programs, and the time of its alarm.
    pub(crate) fn at_rest(&self, of: &str) -> (BTreeMap<String, String>, Option<i64>) {
        let held = self.events().find_map(|(_, event)| match &event.what {
            What::AtRest { object, keys, alarm, .. } if *object.0 == *of => Some((keys, alarm)),
            _ => None,
        });
        let Some((keys, alarm)) = held else { return (BTreeMap::new(), None) };
        let keys = keys.iter().filter(|(key, _)| !["alarm", "construct"].contains(&&***key));
        let keys = keys.map(|(key, value)| (key.to_string(), value.text().into_owned())).collect();
        (keys, alarm.as_ref().map(|alarm| alarm.scheduled_ms))
    }

    /// The names of an object's keys at the end.
    pub(crate) fn keys_at_rest(&self, of: &str) -> Vec<String> {
        self.at_rest(of).0.into_keys().collect()
    }

    /// The first delivery of the plan's `index`-th request to its object.
    pub(crate) fn delivery(&self, index: u64) -> Option<&Event> {
        let delivery = What::Deliver { delivery: Delivery::Request { request: index } };
        self.outcome.history.events.iter().find(|event| event.what == delivery)
    }
}
