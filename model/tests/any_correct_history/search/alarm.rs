//! The alarm and its runs: when they may start, what they are told, what their ends make of the alarm (F, R, A2).

use reveille_model::history::{AlarmId, Cause, How, RunOutcome};

use super::Wrong;
use super::object::{Image, State};
use super::scene::Scene;

const NS_PER_MS: u64 = 1_000_000;

/// A scheduled alarm.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Alarm {
    /// A10: the event that set it.
    pub(super) set: usize,
    pub(super) id: Option<AlarmId>,
    pub(super) scheduled_ms: i64,
    /// R4: its counted failures.
    pub(super) failures: u32,
    /// R3: the earliest and the latest end of the backoff after the last of them.
    backoff_ns: (u64, u64),
    /// R7: it was deleted in a run that then failed, and may be tried again.
    pub(super) is_spared: bool,
}

/// R3: what a holder remembers of failures of the platform.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Hold {
    /// The alarm that they are of.
    set: usize,
    /// Those in a row that surely counted, and those that may have.
    sure: u32,
    possible: u32,
    backoff_ns: (u64, u64),
}

/// A run in progress.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Run {
    run: u64,
    of: Alarm,
    /// F5: an alarm was set since it began.
    pub(super) is_replaced: bool,
    /// R7: if its alarm is deleted and it fails, it may be tried again.
    pub(super) may_retry: bool,
}

impl Alarm {
    pub(super) fn new(set: usize, id: Option<AlarmId>, scheduled_ms: i64) -> Self {
        Alarm { set, id, scheduled_ms, failures: 0, backoff_ns: (0, 0), is_spared: false }
    }
}

impl Scene {
    /// R3: from when to when the backoff with this exponent ends that begins now.
    fn backoff_ns(&self, sure: u32, possible: u32) -> (u64, u64) {
        let least_ns = |exponent| (self.constants.retry_start_ms << exponent) * NS_PER_MS;
        let jitter = 100 + self.constants.retry_jitter_percent;
        (self.now_ns + least_ns(sure), self.now_ns + least_ns(possible) / 100 * jitter)
    }
}

impl State {
    pub(super) fn run_starts(
        &mut self,
        scene: &Scene,
        run: u64,
        id: Option<AlarmId>,
        scheduled_ms: i64,
        retry_count: u32,
    ) -> Result<(), Wrong> {
        if self.view.run.is_some() {
            return Err("F3: a run starts while another goes on");
        }
        let is_it = |alarm: &&Alarm| {
            alarm.scheduled_ms == scheduled_ms && (alarm.id.is_none() || id.is_none() || alarm.id == id)
        };
        // A2: what replaces or deletes an alarm and is not acknowledged does not keep it from starting.
        let seen = self.view.image.alarm.as_ref();
        let Some(alarm) = seen.into_iter().chain(&self.durable.alarm).find(is_it).cloned() else {
            return Err("F1, A2, F4: a run starts for an alarm that is not there");
        };
        let recorded = self.durable.alarm.as_ref().filter(|durable| durable.set == alarm.set);
        let failures = recorded.map_or(0, |durable| durable.failures);
        let may_be_recorded = !scene.tells_commits && retry_count == alarm.failures;
        if retry_count != failures && !may_be_recorded {
            return Err("R4: a run is told another count");
        }
        self.is_due(scene, &alarm)?;
        self.is_on_time(scene)?;
        let is_replaced = seen.is_some_and(|seen| seen.set != alarm.set);
        self.view.run = Some(Run { run, of: alarm, is_replaced, may_retry: true });
        Ok(())
    }

    /// F2, R3.
    fn is_due(&self, scene: &Scene, alarm: &Alarm) -> Result<(), Wrong> {
        let wall_ns = scene.place.map(|place| place.wall_ns);
        if wall_ns.is_some_and(|wall_ns| wall_ns < alarm.scheduled_ms * 1_000_000) {
            return Err("F2: a run starts early");
        }
        let held = self.hold.as_ref().filter(|hold| hold.set == alarm.set);
        let is_recorded = self.durable.alarm.as_ref().is_some_and(|durable| {
            durable.set == alarm.set && durable.backoff_ns == alarm.backoff_ns && scene.tells_commits
        });
        let backoff_ns = if is_recorded { alarm.backoff_ns.0 } else { 0 };
        let least_ns = held.map_or(0, |hold| hold.backoff_ns.0).max(backoff_ns);
        // A millisecond is what clocks may leave out.
        if scene.now_ns + NS_PER_MS < least_ns {
            return Err("R3: a run starts before its backoff is over");
        }
        Ok(())
    }

    /// L, F1: the alarm that is durable is not late by now. Softer than the contract: that its object is busy counts from when it
    /// was, and where commits are not told nothing is known to be late.
    pub(super) fn is_on_time(&self, scene: &Scene) -> Result<(), Wrong> {
        let Some(alarm) = self.durable.alarm.as_ref().filter(|alarm| !alarm.is_spared) else { return Ok(()) };
        let is_running = self.view.run.as_ref().is_some_and(|run| run.of.set == alarm.set);
        let is_ended = self.pending.iter().any(|turn| turn.image.alarm.as_ref() != Some(alarm));
        if !scene.tells_commits || is_running || is_ended {
            return Ok(());
        }
        let held_ns =
            self.hold.as_ref().filter(|hold| hold.set == alarm.set).map_or(0, |hold| hold.backoff_ns.1);
        let eligible =
            [Scene::true_ns(alarm.scheduled_ms), self.set_ns, self.ended_ns, alarm.backoff_ns.1, held_ns];
        let eligible_ns = eligible.into_iter().max().unwrap_or(0);
        if scene.now_ns > scene.latest_ns(eligible_ns) {
            return Err("L, F1: an alarm is late");
        }
        Ok(())
    }

    /// F4, R1: what the end of a run makes of the object, in each way that the contract leaves open.
    pub(super) fn run_ends(
        mut self,
        scene: &Scene,
        turn: u32,
        run: u64,
        outcome: &RunOutcome,
    ) -> Result<Vec<State>, Wrong> {
        let Some(of) = self.view.run.take().filter(|of| of.run == run) else {
            return Err("F3: a run ends that has not begun");
        };
        self.ended_ns = scene.now_ns;
        if let Some(hold) = self.hold.as_mut().filter(|_| !matches!(outcome, RunOutcome::Platform { .. })) {
            hold.sure = 0;
        }
        Ok(match outcome {
            RunOutcome::Platform { .. } => {
                self.platform_failed(scene, of.of.set, true);
                vec![self]
            }
            RunOutcome::Ok => {
                if self.view.image.alarm.as_ref().is_some_and(|alarm| alarm.set == of.of.set) {
                    self.view.image.alarm = None;
                    self.writes(turn);
                }
                vec![self]
            }
            RunOutcome::Failed { how, .. } => {
                let kept = self.view.image.clone();
                let mut ways = self.fails(scene, turn, &of, kept, false);
                if *how != Some(How::Error) {
                    // R8: the writes of that turn itself are kept or lost as a whole.
                    let earlier = self.pending.iter().rev().find(|it| it.turn < turn);
                    let before = earlier.map_or(&self.durable, |it| &it.image).clone();
                    ways.append(&mut self.fails(scene, turn, &of, before, true));
                }
                ways
            }
        })
    }

    /// R2, R7: a run has failed, and that counts.
    fn fails(&self, scene: &Scene, turn: u32, of: &Run, image: Image, is_lost: bool) -> Vec<State> {
        let failures = of.of.failures + 1;
        let backoff_ns = scene.backoff_ns(of.of.failures, of.of.failures);
        let again = Alarm { failures, backoff_ns, ..of.of.clone() };
        let again = Some(again).filter(|_| failures <= scene.constants.retries_max);
        let is_own = image.alarm.as_ref().is_some_and(|alarm| alarm.set == of.of.set);
        let spared = again.clone().map(|again| Alarm { is_spared: true, ..again });
        let alarms = match &image.alarm {
            Some(_) if is_own => vec![again],
            None if of.may_retry => vec![None, spared],
            other => vec![other.clone()],
        };
        let way = |alarm| {
            let mut state = self.clone();
            state.view.image = Image { alarm, ..image.clone() };
            let last = state.pending.back().map_or(&state.durable, |it| &it.image);
            if *last != state.view.image || is_lost {
                state.writes(turn);
            }
            if let Some(last) = state.pending.back_mut().filter(|last| last.turn == turn) {
                last.is_lost = is_lost;
            }
            state
        };
        alarms.into_iter().map(way).collect()
    }

    /// R3: the platform has failed an alarm on a live machine; `is_sure` says whether that alarm is what it failed.
    fn platform_failed(&mut self, scene: &Scene, set: usize, is_sure: bool) {
        let exponent_max = scene.constants.retry_exponent_max;
        let before = self.hold.take().filter(|hold| hold.set == set);
        let Hold { sure, possible, backoff_ns: (least_ns, _), .. } =
            before.unwrap_or(Hold { set, sure: 0, possible: 0, backoff_ns: (0, 0) });
        let backoff_ns = scene.backoff_ns(sure.min(exponent_max), possible.min(exponent_max));
        let least_ns = if is_sure { backoff_ns.0 } else { least_ns };
        self.hold = Some(Hold {
            set,
            sure: sure + u32::from(is_sure),
            possible: possible + 1,
            backoff_ns: (least_ns, backoff_ns.1),
        });
    }

    /// A constructor has failed: for the alarm if that woke the object.
    pub(super) fn constructor_failed(&mut self, scene: &Scene) {
        let is_sure = scene.woken_by() == Some(Cause::Alarm);
        if let Some(set) = self.durable.alarm.as_ref().map(|alarm| alarm.set) {
            self.platform_failed(scene, set, is_sure);
        }
    }

    /// The datastore has refused what was to be durable: if that was the end of a run, the platform has failed it.
    pub(super) fn is_refused(&mut self, scene: &Scene) {
        let set = self.durable.alarm.as_ref().map(|alarm| alarm.set);
        if let Some(set) = set.filter(|_| !self.pending.is_empty()) {
            self.platform_failed(scene, set, false);
        }
    }
}
