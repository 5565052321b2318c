//! Literal histories that read like the story they tell. One object; times in seconds of the run; wall clocks are
//! right unless the story says otherwise.

#![expect(dead_code, reason = "each test file tells its stories with some of these words")]

use std::collections::BTreeMap;

use reveille_model::Profile;
use reveille_model::history::{
    AlarmAtRest, AlarmId, Blob, By, Cause, Constants, Delivery, EndReason, Event, Header, History, How, Key,
    ListOptions, ObjectName, Omission, OpResult, Phase, Place, ResetCause, RunOutcome, Scope, StorageCall,
    VERSION, What,
};
use reveille_model::verdict::{Verdict, Violation};

/// The wall clock at the begin of the run.
const WALL_MS: i64 = 1_700_000_000_000;

/// E of these histories.
pub(crate) const WALL_ERROR_MAX_MS: u64 = 500;

/// A history that is being told.
pub(crate) struct Tale {
    events: Vec<Event>,
    at_ns: u64,
    machine: u16,
    clock_off_ms: i64,
    instance: u64,
    epoch: Option<u64>,
    turn: u32,
    op: u64,
    omits: Vec<Omission>,
    datacenter_of: Vec<u16>,
    alarm_classes: Vec<&'static str>,
    wall_error_max_ms: u64,
    rebuild_ms: Option<u64>,
    queue_bound: Option<u64>,
    outbound_limit_ms: Option<u64>,
    echoes: bool,
}

/// The wall time that many seconds into the run.
pub(crate) fn wall_ms(seconds: f64) -> i64 {
    WALL_MS + (seconds * 1_000.0).round() as i64
}

pub(crate) fn object() -> ObjectName {
    ObjectName("Batcher/0".into())
}

/// The instance of another object.
fn by_other(other: u32, turn: u32) -> Option<By> {
    let object = ObjectName(format!("Batcher/other {other}").as_str().into());
    Some(By { object, instance: 1, epoch: 1, seq: 0, turn })
}

impl Tale {
    /// Machine 0, instance 1, turn 1, at the begin of the run.
    pub(crate) fn new() -> Self {
        let mut tale = Tale::of_machines();
        tale.start(1);
        tale
    }

    /// The same, told by somebody who does not know when what is durable.
    pub(crate) fn without_commits() -> Self {
        Tale { omits: vec![Omission::Commits], ..Tale::new() }
    }

    /// No object yet.
    pub(crate) fn of_machines() -> Self {
        Tale {
            events: Vec::new(),
            at_ns: 0,
            machine: 0,
            clock_off_ms: 0,
            instance: 1,
            epoch: None,
            turn: 1,
            op: 0,
            datacenter_of: vec![0, 1, 2],
            alarm_classes: vec!["Batcher"],
            wall_error_max_ms: WALL_ERROR_MAX_MS,
            rebuild_ms: None,
            queue_bound: None,
            outbound_limit_ms: None,
            echoes: false,
            omits: Vec::new(),
        }
    }

    /// Where each machine stands. Without this each of three has a datacenter of its own.
    pub(crate) fn datacenters(&mut self, datacenter_of: &[u16]) -> &mut Self {
        self.datacenter_of = datacenter_of.to_vec();
        self
    }

    /// The object's class declares no `alarm()`.
    pub(crate) fn declares_no_alarm(&mut self) -> &mut Self {
        self.alarm_classes.clear();
        self
    }

    /// Wall clocks err by at most so much. Without this by [`WALL_ERROR_MAX_MS`].
    pub(crate) fn clocks_err_by(&mut self, ms: u64) -> &mut Self {
        self.wall_error_max_ms = ms;
        self
    }

    /// A replica that is built anew needs at most so long.
    pub(crate) fn rebuilds_within(&mut self, ms: u64) -> &mut Self {
        self.rebuild_ms = Some(ms);
        self
    }

    /// So many requests may wait on a machine.
    pub(crate) fn queue_bound(&mut self, requests: u64) -> &mut Self {
        self.queue_bound = Some(requests);
        self
    }

    /// A call to an outside service fails after so long.
    pub(crate) fn calls_last(&mut self, ms: u64) -> &mut Self {
        self.outbound_limit_ms = Some(ms);
        self
    }

    /// The answers of the object say what its code was given.
    pub(crate) fn echoes(&mut self) -> &mut Self {
        self.echoes = true;
        self
    }

    /// It is now so many seconds into the run.
    pub(crate) fn at(&mut self, seconds: f64) -> &mut Self {
        self.at_ns = (seconds * 1e9).round() as u64;
        self
    }

    /// What follows happens on this machine.
    pub(crate) fn on(&mut self, machine: u16) -> &mut Self {
        self.machine = machine;
        self
    }

    /// The wall clock of what follows is ahead by so much.
    pub(crate) fn clock_off_ms(&mut self, clock_off_ms: i64) -> &mut Self {
        self.clock_off_ms = clock_off_ms;
        self
    }

    /// What follows is done by this instance.
    pub(crate) fn as_instance(&mut self, instance: u64) -> &mut Self {
        self.instance = instance;
        self
    }

    /// The instances that follow run under this epoch. Without this an instance's epoch is its number.
    pub(crate) fn under_epoch(&mut self, epoch: u64) -> &mut Self {
        self.epoch = Some(epoch);
        self
    }

    /// What follows happens in this turn.
    pub(crate) fn turn(&mut self, turn: u32) -> &mut Self {
        self.turn = turn;
        self
    }

    /// Something that an instance does.
    pub(crate) fn does(&mut self, what: What) -> &mut Self {
        let (instance, turn) = (self.instance, self.turn);
        let epoch = self.epoch.unwrap_or(instance);
        let by = Some(By { object: object(), instance, epoch, seq: 0, turn });
        self.push(by, what)
    }

    /// Something that no instance does.
    pub(crate) fn world(&mut self, what: What) -> &mut Self {
        self.push(None, what)
    }

    /// What happens next. Where it stands in its instance's order follows from where it stands here.
    pub(crate) fn push(&mut self, by: Option<By>, what: What) -> &mut Self {
        let by = by.map(|by| By { seq: self.events.len() as u32, ..by });
        let wall_ns = (WALL_MS + self.clock_off_ms) * 1_000_000 + self.at_ns as i64;
        let place = by.as_ref().map(|_| Place { machine: self.machine, wall_ns });
        self.events.push(Event { at_ns: self.at_ns, place, by, what });
        self
    }

    /// Something that a machine says about itself.
    pub(crate) fn on_machine(&mut self, machine: u16, what: What) -> &mut Self {
        let wall_ns = WALL_MS * 1_000_000 + self.at_ns as i64;
        let place = Some(Place { machine, wall_ns });
        self.events.push(Event { at_ns: self.at_ns, place, by: None, what });
        self
    }

    /// Something is delivered: this turn of the instance begins.
    pub(crate) fn deliver(&mut self, turn: u32, delivery: Delivery) -> &mut Self {
        self.turn(turn).does(What::Deliver { delivery })
    }

    /// A client asks an object.
    pub(crate) fn asks(&mut self, request: u64, to: &str) -> &mut Self {
        self.world(What::Call { request, to: ObjectName(to.into()), body: Blob::default() })
    }

    /// A new instance, woken by a request, and its constructor. Its epoch is its number.
    pub(crate) fn start(&mut self, instance: u64) -> &mut Self {
        self.begin(instance, Cause::Request).does(What::ConstructorEnd { failed: None })
    }

    /// A new instance, woken by its alarm, and its constructor.
    pub(crate) fn wake(&mut self, instance: u64) -> &mut Self {
        self.begin(instance, Cause::Alarm).does(What::ConstructorEnd { failed: None })
    }

    /// A new instance in the epoch of the one before it: the holder is the same.
    pub(crate) fn next_instance(&mut self, instance: u64, cause: Cause) -> &mut Self {
        let epoch = self.epoch.unwrap_or(self.instance);
        self.under_epoch(epoch).begin(instance, cause).does(What::ConstructorEnd { failed: None })
    }

    /// Another object sets an alarm, has it run, and so shows that alarms do run.
    pub(crate) fn alarm_elsewhere(&mut self) -> &mut Self {
        let by = |turn| By { object: ObjectName("Batcher/1".into()), instance: 1, epoch: 1, seq: 0, turn };
        let scheduled_ms = wall_ms(self.at_ns as f64 / 1e9);
        let alarm = Some(AlarmId(1));
        self.push(Some(by(1)), What::InstanceStart { cause: Cause::Request, slice: None });
        self.push(Some(by(1)), What::ConstructorEnd { failed: None });
        let call = StorageCall::SetAlarm { time_ms: scheduled_ms, scheduled_ms, alarm };
        self.push(Some(by(1)), What::Op { op: 1, call, allow_concurrency: false });
        self.push(Some(by(1)), What::OpResult { op: 1, result: OpResult::Done });
        self.push(Some(by(1)), What::Commit { ends_run: None });
        let run = What::RunStart { run: 1, alarm, scheduled_ms, retry_count: 0, is_retry: false };
        self.push(Some(by(2)), run).push(Some(by(2)), What::RunEnd { run: 1, outcome: RunOutcome::Ok });
        self.push(Some(by(2)), What::Commit { ends_run: Some(1) })
    }

    /// So many other objects set an alarm each, durably.
    pub(crate) fn others_set(&mut self, count: u32, scheduled: impl Fn(u32) -> f64) -> &mut Self {
        for other in 0..count {
            let time_ms = wall_ms(scheduled(other));
            let call = StorageCall::SetAlarm { time_ms, scheduled_ms: time_ms, alarm: Some(AlarmId(1)) };
            self.push(by_other(other, 1), What::Op { op: 1, call, allow_concurrency: false });
            self.push(by_other(other, 1), What::OpResult { op: 1, result: OpResult::Done });
            self.push(by_other(other, 1), What::Commit { ends_run: None });
        }
        self
    }

    /// Those alarms run, one each `gap` from `from` on.
    pub(crate) fn others_run(
        &mut self,
        count: u32,
        scheduled: impl Fn(u32) -> f64,
        from: f64,
        gap: f64,
    ) -> &mut Self {
        for other in 0..count {
            let (alarm, scheduled_ms) = (Some(AlarmId(1)), wall_ms(scheduled(other)));
            let run = What::RunStart { run: 1, alarm, scheduled_ms, retry_count: 0, is_retry: false };
            self.at(from + gap * f64::from(other)).push(by_other(other, 2), run);
            self.push(by_other(other, 2), What::RunEnd { run: 1, outcome: RunOutcome::Ok });
            self.push(by_other(other, 2), What::Commit { ends_run: Some(1) });
        }
        self
    }

    /// A new instance, whose constructor has just started.
    pub(crate) fn begin(&mut self, instance: u64, cause: Cause) -> &mut Self {
        self.as_instance(instance).turn(1).does(What::InstanceStart { cause, slice: None })
    }

    /// The instance is lost with its machine.
    pub(crate) fn lost(&mut self) -> &mut Self {
        self.does(What::InstanceEnd { reason: EndReason::Lost })
    }

    /// The instance is idle and leaves memory.
    pub(crate) fn evicted(&mut self) -> &mut Self {
        self.does(What::InstanceEnd { reason: EndReason::Evicted })
    }

    /// The constructor fails, and the instance is discarded.
    pub(crate) fn constructor_fails(&mut self) -> &mut Self {
        self.does(What::ConstructorEnd { failed: Some("boom".into()) }).reset(ResetCause::Constructor)
    }

    /// A call that has its result at once.
    pub(crate) fn calls(&mut self, call: StorageCall, result: OpResult) -> &mut Self {
        let op = self.call(call);
        self.result(op, result)
    }

    /// A call that is still waiting for its result.
    pub(crate) fn call(&mut self, call: StorageCall) -> u64 {
        self.op += 1;
        self.does(What::Op { op: self.op, call, allow_concurrency: false });
        self.op
    }

    pub(crate) fn result(&mut self, op: u64, result: OpResult) -> &mut Self {
        self.does(What::OpResult { op, result })
    }

    pub(crate) fn put(&mut self, key: &str, value: &str) -> &mut Self {
        self.calls(StorageCall::Put { key: key.into(), value: value.into() }, OpResult::Done)
    }

    pub(crate) fn delete(&mut self, key: &str, was_there: bool) -> &mut Self {
        self.calls(StorageCall::Delete { key: key.into() }, OpResult::Deleted(was_there))
    }

    pub(crate) fn get(&mut self, key: &str, shows: Option<&str>) -> &mut Self {
        self.calls(StorageCall::Get { key: key.into() }, OpResult::Value(shows.map(Blob::from)))
    }

    pub(crate) fn list(&mut self, options: ListOptions, shows: &[(&str, &str)]) -> &mut Self {
        let entries = shows.iter().map(|(key, value)| (Key::from(*key), Blob::from(*value))).collect();
        self.calls(StorageCall::List(options), OpResult::Entries(entries))
    }

    /// `set_alarm`, which makes the alarm `id`.
    pub(crate) fn set_alarm(&mut self, id: u64, seconds: f64) -> &mut Self {
        let (scheduled_ms, alarm) = (wall_ms(seconds), Some(AlarmId(id)));
        self.calls(StorageCall::SetAlarm { time_ms: scheduled_ms, scheduled_ms, alarm }, OpResult::Done)
    }

    pub(crate) fn delete_alarm(&mut self) -> &mut Self {
        self.calls(StorageCall::DeleteAlarm, OpResult::Done)
    }

    pub(crate) fn get_alarm(&mut self, shows: Option<f64>) -> &mut Self {
        self.calls(StorageCall::GetAlarm, OpResult::Alarm(shows.map(wall_ms)))
    }

    pub(crate) fn sync(&mut self) -> &mut Self {
        self.calls(StorageCall::Sync, OpResult::Done)
    }

    /// This turn becomes durable.
    pub(crate) fn commit(&mut self) -> &mut Self {
        self.does(What::Commit { ends_run: None })
    }

    /// This turn becomes durable, and the end of the run with it.
    pub(crate) fn commit_end(&mut self, run: u64) -> &mut Self {
        self.does(What::Commit { ends_run: Some(run) })
    }

    /// The answer to request 7, made in this turn, leaves.
    pub(crate) fn respond(&mut self) -> &mut Self {
        self.does(What::Respond { request: 7, status: 200, body: Blob::default() })
    }

    /// `alarm()` starts and is told the truth.
    pub(crate) fn run(&mut self, run: u64, alarm: u64, seconds: f64, retry_count: u32) -> &mut Self {
        self.run_told(run, Some(alarm), seconds, retry_count, retry_count > 0)
    }

    pub(crate) fn run_told(
        &mut self,
        run: u64,
        alarm: Option<u64>,
        seconds: f64,
        retry_count: u32,
        is_retry: bool,
    ) -> &mut Self {
        let (alarm, scheduled_ms) = (alarm.map(AlarmId), wall_ms(seconds));
        self.does(What::RunStart { run, alarm, scheduled_ms, retry_count, is_retry })
    }

    pub(crate) fn run_ok(&mut self, run: u64) -> &mut Self {
        self.does(What::RunEnd { run, outcome: RunOutcome::Ok })
    }

    pub(crate) fn run_fails(&mut self, run: u64) -> &mut Self {
        self.run_fails_by(run, How::Error)
    }

    pub(crate) fn run_fails_by(&mut self, run: u64, how: How) -> &mut Self {
        self.does(What::RunEnd { run, outcome: RunOutcome::Failed { why: "boom".into(), how: Some(how) } })
    }

    /// The instance is reset.
    pub(crate) fn reset(&mut self, cause: ResetCause) -> &mut Self {
        self.does(What::InstanceEnd { reason: EndReason::Reset { why: "boom".into(), cause: Some(cause) } })
    }

    pub(crate) fn run_is_failed_by_platform(&mut self, run: u64) -> &mut Self {
        self.does(What::RunEnd { run, outcome: RunOutcome::Platform { why: "commit refused".into() } })
    }

    /// Instance 1 sets alarm 1, durably and with an answer.
    pub(crate) fn alarm_is_set(&mut self, seconds: f64) -> &mut Self {
        self.set_alarm(1, seconds).commit().respond()
    }

    /// Alarm 1 is set for second 1, and its runs with retry counts up to `last` fail durably, each at the first moment allowed.
    /// It is then the first moment allowed for the next, in turn `last + 3`. Returns how many seconds into the run that is.
    pub(crate) fn fails_up_to(&mut self, last: u32) -> f64 {
        self.alarm_is_set(1.0);
        let mut at = 1.0;
        for count in 0..=last {
            let run = u64::from(count) + 1;
            self.at(at).turn(count + 2).run(run, 1, 1.0, count).run_fails(run).commit_end(run);
            at += 2.0 * f64::from(1 << count);
        }
        self.at(at).turn(last + 3);
        at
    }

    /// Instance 1 sets alarm `id`, and its answer is heard.
    pub(crate) fn alarm_set(&mut self, id: u64, seconds: f64) -> &mut Self {
        self.set_alarm(id, seconds).respond()
    }

    pub(crate) fn fault(&mut self, fault: u32, kind: &str) -> &mut Self {
        let scope = Scope::Machine(self.machine);
        self.world(What::FaultBegin { fault, kind: kind.into(), scope, takes: None })
    }

    pub(crate) fn heal(&mut self, fault: u32) -> &mut Self {
        self.world(What::FaultEnd { fault })
    }

    /// What the datastore holds: keys, and the alarm with its identity, time and counted failures.
    pub(crate) fn rests(&mut self, keys: &[(&str, &str)], alarm: Option<(u64, f64, u32)>) -> &mut Self {
        let keys: BTreeMap<Key, Blob> =
            keys.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        let alarm = alarm.map(|(id, seconds, retry_count)| AlarmAtRest {
            alarm: Some(AlarmId(id)),
            scheduled_ms: wall_ms(seconds),
            retry_count: Some(retry_count),
        });
        self.world(What::AtRest { object: object(), keys, alarm, slice: None })
    }

    /// The run is over.
    pub(crate) fn end(&mut self) -> &mut Self {
        self.world(What::Phase { phase: Phase::End })
    }

    pub(crate) fn verdict(&self) -> Verdict {
        self.verdict_by(Profile::Strict)
    }

    pub(crate) fn verdict_by(&self, profile: Profile) -> Verdict {
        reveille_model::check(&History { header: self.header(), events: self.events.clone() }, profile)
    }

    /// The constants of the run that it tells of.
    pub(crate) fn header(&self) -> Header {
        let alarm_classes = self.alarm_classes.iter().map(|class| (*class).into()).collect();
        Header {
            datacenter_of: self.datacenter_of.clone(),
            alarm_classes: Some(alarm_classes),
            echoes: if self.echoes { vec!["Batcher".into()] } else { Vec::new() },
            omits: self.omits.clone(),
            constants: Constants {
                rebuild_ms: self.rebuild_ms,
                queue_bound: self.queue_bound,
                outbound_limit_ms: self.outbound_limit_ms,
                ..Constants::of_the_contract(self.wall_error_max_ms, 50)
            },
            ..header()
        }
    }

    pub(crate) fn events(&self) -> &[Event] {
        &self.events
    }

    /// The contract allows this history.
    #[track_caller]
    pub(crate) fn is_accepted(&self) {
        assert_eq!(self.verdict().violations, [], "a legal history was refused");
    }

    /// The history breaks this rule, once, and no other. Returns the violation.
    #[track_caller]
    pub(crate) fn is_refused(&self, rule: &str) -> Violation {
        let violations = self.verdict().violations;
        let rules: Vec<&str> = violations.iter().map(|violation| violation.rule.0).collect();
        assert_eq!(rules, [rule], "{violations:#?}");
        let violation = violations.into_iter().next().expect("one was just counted");
        let evidence = &violation.evidence;
        assert!(evidence.is_sorted() && !evidence.is_empty(), "evidence ascends: {evidence:?}");
        assert!(evidence.iter().all(|index| *index < self.events.len()), "evidence exists: {evidence:?}");
        violation
    }
}

/// What the checkers say to these events.
pub(crate) fn verdict(events: Vec<Event>) -> Verdict {
    reveille_model::check(&History { header: header(), events }, Profile::Strict)
}

fn header() -> Header {
    Header {
        version: VERSION,
        product: "a tale".to_owned(),
        scenario: String::new(),
        seed: None,
        datacenter_of: vec![0, 1, 2],
        wall_zero_ns: None,
        system_group: None,
        alarm_classes: Some(vec!["Batcher".into()]),
        echoes: Vec::new(),
        omits: Vec::new(),
        constants: Constants::of_the_contract(WALL_ERROR_MAX_MS, 50),
    }
}

/// A history told by `tell`, which begins as [`Tale::new`] does.
pub(crate) fn told(tell: impl FnOnce(&mut Tale)) -> Tale {
    let mut tale = Tale::new();
    tell(&mut tale);
    tale
}
