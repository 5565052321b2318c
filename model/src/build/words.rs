//! What may happen in a tale, in words that name it: calls and results, runs, starts and ends, faults, and what others do.

use std::collections::BTreeMap;

use super::{Tale, object, wall_ms};
use crate::history::{
    AlarmAtRest, AlarmId, AwaitKind, Blob, By, Cause, Delivery, EndReason, Head, Headers, How, Key,
    ListOptions, ObjectName, OpResult, Phase, ResetCause, RunOutcome, Scope, StorageCall, What,
};

/// The instance of another object.
fn by_other(other: u32, turn: u32) -> Option<By> {
    let object = ObjectName(format!("Batcher/other {other}").as_str().into());
    Some(By { object, instance: 1, epoch: 1, seq: 0, turn })
}

impl Tale {
    /// Something is delivered: this turn of the instance begins.
    pub fn deliver(&mut self, turn: u32, delivery: Delivery) -> &mut Self {
        self.turn(turn).does(What::Deliver { delivery })
    }

    /// A client asks an object.
    pub fn asks(&mut self, request: u64, to: &str) -> &mut Self {
        self.world(What::Call {
            request,
            to: ObjectName(to.into()),
            head: Head::default(),
            body: Blob::default(),
        })
    }

    /// A new instance, woken by a request, and its constructor. Its epoch is its number.
    pub fn start(&mut self, instance: u64) -> &mut Self {
        self.begin(instance, Cause::Request).does(What::ConstructorEnd { failed: None })
    }

    /// A new instance, woken by its alarm, and its constructor.
    pub fn wake(&mut self, instance: u64) -> &mut Self {
        self.begin(instance, Cause::Alarm).does(What::ConstructorEnd { failed: None })
    }

    /// A new instance in the epoch of the one before it: the holder is the same.
    pub fn next_instance(&mut self, instance: u64, cause: Cause) -> &mut Self {
        let epoch = self.epoch.unwrap_or(self.instance);
        self.under_epoch(epoch).begin(instance, cause).does(What::ConstructorEnd { failed: None })
    }

    /// Another object sets an alarm, has it run, and so shows that alarms do run.
    pub fn alarm_elsewhere(&mut self) -> &mut Self {
        let by = |turn| By { object: ObjectName("Batcher/1".into()), instance: 1, epoch: 1, seq: 0, turn };
        let scheduled_ms = wall_ms(self.at_ns as f64 / 1e9);
        let alarm = Some(AlarmId(1));
        self.push(Some(by(1)), What::InstanceStart { cause: Some(Cause::Request), slice: None });
        self.push(Some(by(1)), What::ConstructorEnd { failed: None });
        let call = StorageCall::SetAlarm { time_ms: scheduled_ms, scheduled_ms, alarm };
        self.push(Some(by(1)), What::Op { op: 1, call, allow_concurrency: false });
        self.push(Some(by(1)), What::OpResult { op: 1, result: OpResult::Done });
        self.push(Some(by(1)), What::Commit { ends_run: None });
        let run = What::RunStart { run: 1, alarm, scheduled_ms, retry_count: 0, is_retry: false };
        self.push(Some(by(2)), run).push(Some(by(2)), What::RunEnd { run: 1, outcome: RunOutcome::Ok });
        self.push(Some(by(2)), What::Commit { ends_run: Some(1) })
    }

    /// Another object is idle and leaves memory, and so shows that the ends of instances are told.
    pub fn other_is_evicted(&mut self) -> &mut Self {
        self.push(by_other(0, 1), What::InstanceStart { cause: Some(Cause::Request), slice: None });
        self.push(by_other(0, 1), What::ConstructorEnd { failed: None });
        self.push(by_other(0, 1), What::InstanceEnd { reason: EndReason::Evicted })
    }

    /// So many other objects set an alarm each, durably.
    pub fn others_set(&mut self, count: u32, scheduled: impl Fn(u32) -> f64) -> &mut Self {
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
    pub fn others_run(
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
    pub fn begin(&mut self, instance: u64, cause: Cause) -> &mut Self {
        self.as_instance(instance).turn(1).does(What::InstanceStart { cause: Some(cause), slice: None })
    }

    /// The instance is lost with its machine.
    pub fn lost(&mut self) -> &mut Self {
        self.does(What::InstanceEnd { reason: EndReason::Lost })
    }

    /// The instance is idle and leaves memory.
    pub fn evicted(&mut self) -> &mut Self {
        self.does(What::InstanceEnd { reason: EndReason::Evicted })
    }

    /// The constructor fails, and the instance is discarded.
    pub fn constructor_fails(&mut self) -> &mut Self {
        self.does(What::ConstructorEnd { failed: Some("boom".into()) }).reset(ResetCause::Constructor)
    }

    /// A call that has its result at once.
    pub fn calls(&mut self, call: StorageCall, result: OpResult) -> &mut Self {
        let op = self.call(call);
        self.result(op, result)
    }

    /// A call that is still waiting for its result. Returns its operation.
    pub fn call(&mut self, call: StorageCall) -> u64 {
        self.calls_and_waits(call, false)
    }

    /// The same, with `allow_concurrency`: the input gate stays open.
    pub fn call_with_concurrency(&mut self, call: StorageCall) -> u64 {
        self.calls_and_waits(call, true)
    }

    fn calls_and_waits(&mut self, call: StorageCall, allow_concurrency: bool) -> u64 {
        self.op += 1;
        self.does(What::Op { op: self.op, call, allow_concurrency });
        self.op
    }

    /// Object code begins to wait for that operation of storage.
    pub fn awaits(&mut self, op: u64) -> &mut Self {
        self.does(What::Await { op, kind: AwaitKind::Storage })
    }

    /// The result of a call is known.
    pub fn result(&mut self, op: u64, result: OpResult) -> &mut Self {
        self.does(What::OpResult { op, result })
    }

    /// `put`.
    pub fn put(&mut self, key: &str, value: &str) -> &mut Self {
        self.calls(StorageCall::Put { key: key.into(), value: value.into() }, OpResult::Done)
    }

    /// `delete`, which says whether the key was there.
    pub fn delete(&mut self, key: &str, was_there: bool) -> &mut Self {
        self.calls(StorageCall::Delete { key: key.into() }, OpResult::Deleted(was_there))
    }

    /// `get`, which gives this.
    pub fn get(&mut self, key: &str, shows: Option<&str>) -> &mut Self {
        self.calls(StorageCall::Get { key: key.into() }, OpResult::Value(shows.map(Blob::from)))
    }

    /// `list`, which gives these entries.
    pub fn list(&mut self, options: ListOptions, shows: &[(&str, &str)]) -> &mut Self {
        let entries = shows.iter().map(|(key, value)| (Key::from(*key), Blob::from(*value))).collect();
        self.calls(StorageCall::List(options), OpResult::Entries(entries))
    }

    /// `set_alarm`, which makes the alarm `id`.
    pub fn set_alarm(&mut self, id: u64, seconds: f64) -> &mut Self {
        let (scheduled_ms, alarm) = (wall_ms(seconds), Some(AlarmId(id)));
        self.calls(StorageCall::SetAlarm { time_ms: scheduled_ms, scheduled_ms, alarm }, OpResult::Done)
    }

    /// `delete_alarm`.
    pub fn delete_alarm(&mut self) -> &mut Self {
        self.calls(StorageCall::DeleteAlarm, OpResult::Done)
    }

    /// `get_alarm`, which gives this time, in seconds of the run.
    pub fn get_alarm(&mut self, shows: Option<f64>) -> &mut Self {
        self.calls(StorageCall::GetAlarm, OpResult::Alarm(shows.map(wall_ms)))
    }

    /// `sync`, which returns at once.
    pub fn sync(&mut self) -> &mut Self {
        self.calls(StorageCall::Sync, OpResult::Done)
    }

    /// This turn becomes durable.
    pub fn commit(&mut self) -> &mut Self {
        self.does(What::Commit { ends_run: None })
    }

    /// This turn becomes durable, and the end of the run with it.
    pub fn commit_end(&mut self, run: u64) -> &mut Self {
        self.does(What::Commit { ends_run: Some(run) })
    }

    /// The answer to request 7, made in this turn, leaves.
    pub fn respond(&mut self) -> &mut Self {
        self.does(What::Respond {
            request: 7,
            status: 200,
            headers: Headers::default(),
            body: Blob::default(),
        })
    }

    /// `alarm()` starts and is told the truth.
    pub fn run(&mut self, run: u64, alarm: u64, seconds: f64, retry_count: u32) -> &mut Self {
        self.run_told(run, Some(alarm), seconds, retry_count, retry_count > 0)
    }

    /// `alarm()` starts and is told this, true or not.
    pub fn run_told(
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

    /// The run ends well.
    pub fn run_ok(&mut self, run: u64) -> &mut Self {
        self.does(What::RunEnd { run, outcome: RunOutcome::Ok })
    }

    /// The run returns an error.
    pub fn run_fails(&mut self, run: u64) -> &mut Self {
        self.run_fails_by(run, How::Error)
    }

    /// The run fails in this way.
    pub fn run_fails_by(&mut self, run: u64, how: How) -> &mut Self {
        self.does(What::RunEnd { run, outcome: RunOutcome::Failed { why: "boom".into(), how: Some(how) } })
    }

    /// The instance is reset.
    pub fn reset(&mut self, cause: ResetCause) -> &mut Self {
        self.does(What::InstanceEnd { reason: EndReason::Reset { why: "boom".into(), cause: Some(cause) } })
    }

    /// The platform fails the run.
    pub fn run_is_failed_by_platform(&mut self, run: u64) -> &mut Self {
        self.does(What::RunEnd { run, outcome: RunOutcome::Platform { why: "commit refused".into() } })
    }

    /// Instance 1 sets alarm 1, durably and with an answer.
    pub fn alarm_is_set(&mut self, seconds: f64) -> &mut Self {
        self.set_alarm(1, seconds).commit().respond()
    }

    /// Alarm 1 is set for second 1, and its runs with retry counts up to `last` fail durably, each at the first moment allowed.
    /// It is then the first moment allowed for the next, in turn `last + 3`. Returns how many seconds into the run that is.
    pub fn fails_up_to(&mut self, last: u32) -> f64 {
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
    pub fn alarm_set(&mut self, id: u64, seconds: f64) -> &mut Self {
        self.set_alarm(id, seconds).respond()
    }

    /// A fault of this kind begins on the machine that what follows happens on.
    pub fn fault(&mut self, fault: u32, kind: &str) -> &mut Self {
        let scope = Scope::Machine(self.machine);
        self.world(What::FaultBegin { fault, kind: kind.into(), scope, takes: None })
    }

    /// A fault ends.
    pub fn heal(&mut self, fault: u32) -> &mut Self {
        self.world(What::FaultEnd { fault })
    }

    /// What the datastore holds: keys, and the alarm with its identity, time and counted failures.
    pub fn rests(&mut self, keys: &[(&str, &str)], alarm: Option<(u64, f64, u32)>) -> &mut Self {
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
    pub fn end(&mut self) -> &mut Self {
        self.world(What::Phase { phase: Phase::End })
    }
}
