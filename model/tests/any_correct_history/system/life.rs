//! How an object comes into memory and goes from there: constructors, evictions, resets, crashes.

use std::collections::VecDeque;

use reveille_model::history::{Cause, EndReason, ListOptions, Process, ResetCause, RunOutcome, Scope, What};

use super::{Instance, KEYS, System};

impl System {
    /// O4: the object is in memory. Returns whether it is; its constructor may fail.
    pub(super) fn wakes(&mut self, cause: Cause) -> bool {
        if self.live.is_some() {
            return true;
        }
        self.number += 1;
        let seen = self.durable.clone();
        self.live = Some(Instance {
            seen,
            turn: 1,
            run: None,
            is_replaced: false,
            may_retry: true,
            leaves: Vec::new(),
            given: Vec::new(),
            has_written: false,
        });
        self.does(What::InstanceStart { cause: Some(cause), slice: None });
        self.lists(ListOptions::default());
        self.asks_for_alarm();
        for key in KEYS {
            self.asks_for(key.into());
        }
        if self.chance.one_in(8) {
            let is_its_own = self.chance.one_in(2);
            if is_its_own {
                self.does(What::ConstructorEnd { failed: Some("boom".into()) });
            }
            if cause == Cause::Alarm {
                self.backs_off();
            }
            self.resets(if is_its_own { ResetCause::Constructor } else { ResetCause::Datastore });
            return false;
        }
        self.does(What::ConstructorEnd { failed: None });
        true
    }

    pub(super) fn backoff_ms(&mut self, exponent: u32) -> u64 {
        let least_ms = 2_000 << exponent;
        least_ms + self.chance.below(least_ms / 4)
    }

    /// R3: the platform has failed the alarm on a live machine.
    pub(super) fn backs_off(&mut self) {
        let platform = self.durable.alarm.as_ref().map_or(0, |alarm| alarm.platform);
        let not_before_ms = self.now_ms + self.backoff_ms(platform.min(9));
        if let Some(alarm) = &mut self.durable.alarm {
            alarm.not_before_ms = alarm.not_before_ms.max(not_before_ms);
            alarm.platform += 1;
        }
    }

    pub(super) fn ends(&mut self, reason: EndReason) {
        self.does(What::InstanceEnd { reason });
        (self.live, self.queue) = (None, VecDeque::new());
    }

    pub(super) fn resets(&mut self, cause: ResetCause) {
        self.ends(EndReason::Reset { why: "boom".into(), cause: Some(cause) });
    }

    /// R1: the datastore refuses what is in the queue, and the instance is reset.
    pub(super) fn is_refused(&mut self) {
        let Some(it) = &self.live else { return };
        if let Some((run, alarm)) = it.run.clone() {
            self.does(What::RunEnd { run, outcome: RunOutcome::Platform { why: "refused".into() } });
            if self.durable.alarm.as_ref().is_some_and(|durable| durable.id == alarm.id) {
                self.backs_off();
            }
        }
        self.resets(ResetCause::Datastore);
    }

    /// The machine stops, and another one takes the object over.
    pub(super) fn crashes(&mut self) {
        self.fault += 1;
        let (fault, scope) = (self.fault, Scope::Machine(self.machine));
        self.push(None, What::FaultBegin { fault, kind: "crash".into(), scope, takes: None });
        if self.live.is_some() {
            self.ends(EndReason::Lost);
        }
        self.seen(What::Process { state: Process::Down });
        self.now_ms += 1_000;
        self.push(None, What::FaultEnd { fault });
        self.seen(What::Process { state: Process::Up });
        self.machine = (self.machine + 1) % 3;
        self.epoch = self.number + 1;
        if let Some(alarm) = &mut self.durable.alarm {
            alarm.platform = 0;
        }
    }

    pub(super) fn evicts(&mut self) {
        self.commit_all();
        if self.live.is_some() {
            self.ends(EndReason::Evicted);
        }
    }
}
