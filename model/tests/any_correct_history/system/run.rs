//! Requests and runs of `alarm()`.

use reveille_model::build::{object, wall_ms};
use reveille_model::history::{
    AlarmId, AwaitKind, Blob, Cause, Delivery, Head, Headers, How, OpResult, Outcome, ResetCause, RunOutcome,
    What,
};

use super::{AHEAD_MS, Alarm, System, headers, said};

impl System {
    pub(super) fn request(&mut self) {
        self.messages += 1;
        let request = self.messages;
        let asks = Head::new(None, Some(format!("/{request}").into()), Headers::default());
        let body = Blob::from("what now?");
        let (head, to) = (asks.clone(), object());
        self.push(None, What::Call { request, to, head, body: body.clone() });
        self.seen(What::RequestArrive { request });
        if !self.wakes(Cause::Request) {
            // Whatever the constructor did: the client does not wait.
            return self.push(None, What::Return { request, outcome: Outcome::Unknown });
        }
        let it = self.it();
        it.turn += 1;
        it.given.clear();
        self.does(What::Deliver { delivery: Delivery::Request { request } });
        self.does(What::RequestStart { request, head: asks, body: Some(body) });
        self.acts();
        self.does(What::RequestEnd { request });
        let it = self.it();
        let read = it.given.iter().map(|(key, value)| (&**key, value.as_ref().map(Blob::text)));
        let body = serde_json::json!({ "read": read.collect::<Vec<_>>() }).to_string();
        it.leaves.push(What::Respond {
            request,
            status: 200,
            headers: Headers::default(),
            body: Blob::from(&*body),
        });
        self.end_turn(None);
    }

    /// F2, R3: when the alarm may run, in milliseconds of the run.
    pub(super) fn due_ms(&self) -> Option<u64> {
        let alarm = self.durable.alarm.as_ref()?;
        let due_ms = alarm.scheduled_ms - wall_ms(0.0) - AHEAD_MS[usize::from(self.machine)];
        Some((due_ms.max(0) as u64).max(alarm.not_before_ms))
    }

    /// Time passes, and the alarm runs when it has to.
    pub(super) fn waits(&mut self, for_ms: u64) {
        let until_ms = self.now_ms + for_ms;
        loop {
            self.commit_all();
            let Some(due_ms) = self.due_ms().filter(|due_ms| *due_ms <= until_ms) else { break };
            self.now_ms = self.now_ms.max(due_ms);
            self.alarm();
        }
        self.now_ms = self.now_ms.max(until_ms);
    }

    /// A run of `alarm()`.
    pub(super) fn alarm(&mut self) {
        if !self.wakes(Cause::Alarm) {
            return;
        }
        let alarm = self.durable.alarm.clone().expect("it is due");
        self.runs += 1;
        let run = self.runs;
        let it = self.it();
        it.turn += 1;
        (it.run, it.is_replaced, it.may_retry) = (Some((run, alarm.clone())), false, true);
        self.does(What::Deliver { delivery: Delivery::Alarm { run } });
        let (scheduled_ms, retry_count) = (alarm.scheduled_ms, alarm.failures);
        let (id, is_retry) = (Some(AlarmId(alarm.id)), retry_count > 0);
        self.does(What::RunStart { run, alarm: id, scheduled_ms, retry_count, is_retry });
        self.acts();
        while self.chance.one_in(3) {
            if !self.calls_out() {
                return;
            }
        }
        self.ends_run(run, &alarm);
    }

    /// The handler waits for an outside service, and requests come in. Returns whether it goes on.
    pub(super) fn calls_out(&mut self) -> bool {
        self.messages += 1;
        self.ops += 1;
        let (call, op) = (self.messages, self.ops);
        let (service, body) = ("up".into(), Blob::default());
        self.it().leaves.push(What::Outbound { call, service, head: Head::default(), body, op: Some(op) });
        self.does(What::Await { op, kind: AwaitKind::Outside });
        self.end_turn(None);
        for _ in 0..self.chance.below(3) {
            self.now_ms += self.chance.below(500);
            self.request();
        }
        match self.chance.below(8) {
            0 => self.crashes(),
            1 => self.is_refused(),
            _ => {
                self.commit_all();
                self.it().turn += 1;
                self.does(What::Deliver { delivery: Delivery::Result { op } });
                let answer = OpResult::Answer { status: 200, headers: headers(), body: said() };
                let failed = OpResult::Error("the connection failed".into());
                self.does(What::OpResult { op, result: if self.failed == call { failed } else { answer } });
                self.acts();
                return true;
            }
        }
        false
    }

    /// F4, R2, R7: what the end of a run makes of its alarm.
    pub(super) fn ends_run(&mut self, run: u64, alarm: &Alarm) {
        let (how, is_ok) = match self.chance.below(12) {
            0..=3 => (How::Error, false),
            4 => (How::Panic, false),
            _ => (How::Error, true),
        };
        let failed = RunOutcome::Failed { why: "boom".into(), how: Some(how) };
        self.does(What::RunEnd { run, outcome: if is_ok { RunOutcome::Ok } else { failed } });
        if how == How::Panic && self.chance.one_in(2) {
            self.loses_turn();
        }
        let backoff_ms = self.backoff_ms(alarm.failures);
        let (now_ms, prevents) = (self.now_ms, self.chance.one_in(2));
        let it = self.it();
        it.run = None;
        let is_deleted = it.seen.alarm.is_none();
        let is_its_own = it.seen.alarm.as_ref().is_some_and(|set| set.id == alarm.id);
        if is_its_own || (is_deleted && it.may_retry && !is_ok && !prevents) {
            let failures = alarm.failures + 1;
            let not_before_ms = now_ms + backoff_ms;
            let again = Alarm { failures, not_before_ms, platform: 0, ..alarm.clone() };
            it.seen.alarm = Some(again).filter(|_| !is_ok && failures <= 6);
        }
        self.end_turn(Some(run));
        if how == How::Panic {
            self.commit_all();
            self.resets(ResetCause::Panic);
        }
    }

    /// R8: what this turn has written is lost with its instance, and what it has sent never leaves.
    pub(super) fn loses_turn(&mut self) {
        let before = self.queue.back().map_or(&self.durable, |turn| &turn.state).clone();
        let it = self.it();
        it.leaves.clear();
        it.seen = before;
    }
}
