//! One object: what is durable, what is not yet, and what its live instance sees (O5, S2, S3, F4).

use std::collections::{BTreeMap, VecDeque};

use reveille_model::history::{AlarmAtRest, Blob, EndReason, Event, Key, Phase, ResetCause, What};

use super::Wrong;
use super::alarm::{Alarm, Hold, Run};
use super::scene::Scene;
use super::storage::Open;

/// What an object holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Image {
    pub(super) keys: BTreeMap<Key, Blob>,
    pub(super) alarm: Option<Alarm>,
}

/// A turn that has changed something and is not durable.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Turn {
    pub(super) turn: u32,
    /// What it makes of the object.
    pub(super) image: Image,
    /// R8: its instance is reset, and what it wrote is lost but for the record of its run.
    pub(super) is_lost: bool,
}

/// What the live instance sees.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct View {
    pub(super) image: Image,
    pub(super) run: Option<Run>,
    /// Calls without a result.
    pub(super) open: BTreeMap<u64, Open>,
    /// S5: the open transaction, and what it goes back to.
    pub(super) transaction: Option<(Image, Option<Run>)>,
}

/// One of the states in which an object may be.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct State {
    pub(super) durable: Image,
    /// When the alarm that is durable became so.
    pub(super) set_ns: u64,
    pub(super) pending: VecDeque<Turn>,
    pub(super) view: View,
    /// When the last run ended.
    pub(super) ended_ns: u64,
    /// R3: what the holder remembers of failures of the platform.
    pub(super) hold: Option<Hold>,
    epoch: u64,
    /// The last turn of the live instance that became durable.
    committed: u32,
}

impl State {
    /// The states after an event, at least one; or why it cannot be.
    pub(super) fn steps(mut self, scene: &Scene, event: &Event) -> Result<Vec<State>, Wrong> {
        let turn = event.by.as_ref().map_or(0, |by| by.turn);
        match &event.what {
            What::InstanceStart { .. } => {
                let epoch = event.by.as_ref().map_or(0, |by| by.epoch);
                return Ok(self.succeeded(scene, epoch));
            }
            What::InstanceEnd { reason } => self.ends(scene, reason)?,
            What::Commit { .. } => self.commits(scene, turn)?,
            What::Respond { .. } | What::Outbound { .. } => self.leaves(scene, turn)?,
            What::Op { op, call, .. } => self.calls(scene, turn, *op, call)?,
            What::OpResult { op, result } => self.results(scene, turn, *op, result)?,
            What::RunStart { run, alarm, scheduled_ms, retry_count, is_retry } => {
                if *is_retry != (*retry_count > 0) {
                    return Err("F7: is_retry is not what retry_count says");
                }
                self.run_starts(scene, *run, *alarm, *scheduled_ms, *retry_count)?;
            }
            What::RunEnd { run, outcome } => return self.run_ends(scene, turn, *run, outcome),
            What::AtRest { keys, alarm, .. } => {
                let is_at_rest = |image: &Image| image.is_at_rest(keys, alarm.as_ref());
                if !self.survivors(scene).iter().any(is_at_rest) {
                    return Err("S3: something else is at rest than was durable");
                }
            }
            What::Phase { phase: Phase::End } => self.is_on_time(scene)?,
            _ => {}
        }
        Ok(vec![self])
    }

    /// What the instance sees after this turn is what the turn makes of the object.
    pub(super) fn writes(&mut self, turn: u32) {
        let image = self.view.image.clone();
        match self.pending.back_mut().filter(|last| last.turn == turn) {
            Some(last) => last.image = image,
            None => self.pending.push_back(Turn { turn, image, is_lost: false }),
        }
    }

    /// S2, S3: a turn becomes durable as a whole, once, and in order. One that has changed nothing has nothing to lose.
    fn commits(&mut self, scene: &Scene, turn: u32) -> Result<(), Wrong> {
        if turn < self.committed {
            return Err("S3: a turn becomes durable after a later one");
        }
        self.committed = turn;
        match self.pending.front().map(|first| first.turn.cmp(&turn)) {
            Some(std::cmp::Ordering::Less) => Err("S3: a turn becomes durable before an earlier one"),
            Some(std::cmp::Ordering::Equal) => {
                self.persists(scene);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The first turn that is not durable becomes so.
    fn persists(&mut self, scene: &Scene) {
        let Some(Turn { image, .. }) = self.pending.pop_front() else { return };
        let (before, after) = (self.durable.alarm.as_ref(), image.alarm.as_ref());
        if before.map(|alarm| alarm.set) != after.map(|alarm| alarm.set) {
            self.set_ns = scene.now_ns;
        }
        self.durable = image;
    }

    /// Everything up to this turn was acknowledged. Where commits are told it is durable by now, else that shows it is.
    pub(super) fn acknowledges(&mut self, scene: &Scene, turn: u32, wrong: Wrong) -> Result<(), Wrong> {
        while self.pending.front().is_some_and(|first| first.turn <= turn) {
            if scene.tells_commits {
                return Err(wrong);
            }
            self.persists(scene);
        }
        Ok(())
    }

    /// O5.
    fn leaves(&mut self, scene: &Scene, turn: u32) -> Result<(), Wrong> {
        if self.pending.iter().any(|it| it.turn == turn && it.is_lost) {
            return Err("O5: a message leaves whose turn is lost");
        }
        self.acknowledges(scene, turn, "O5: a message leaves before what was written is durable")
    }

    /// Another instance has taken over.
    fn succeeded(mut self, scene: &Scene, epoch: u64) -> Vec<State> {
        self.view = View::default();
        self.committed = 0;
        if epoch != self.epoch {
            (self.epoch, self.hold) = (epoch, None);
        }
        let images = self.survivors(scene);
        self.pending.clear();
        let after = |image: Image| {
            let mut state = self.clone();
            (state.durable, state.view.image) = (image.clone(), image);
            state
        };
        images.into_iter().map(after).collect()
    }

    /// S3: what may be durable. Of what is not told to be so nothing is where commits are told, else any prefix.
    fn survivors(&self, scene: &Scene) -> Vec<Image> {
        let turns = if scene.tells_commits { 0 } else { self.pending.len() };
        let pending = self.pending.iter().take(turns).map(|turn| &turn.image);
        std::iter::once(&self.durable).chain(pending).cloned().collect()
    }

    /// An instance is gone.
    fn ends(&mut self, scene: &Scene, reason: &EndReason) -> Result<(), Wrong> {
        let was_constructed = scene.was_constructed();
        match reason {
            EndReason::Evicted if scene.tells_commits && !self.pending.is_empty() => {
                return Err("S3: what was written is lost and nothing has failed");
            }
            EndReason::Reset { cause: Some(ResetCause::Constructor | ResetCause::Datastore), .. }
                if !was_constructed =>
            {
                self.constructor_failed(scene);
            }
            EndReason::Reset { cause: Some(ResetCause::Datastore), .. } => self.is_refused(scene),
            _ => {}
        }
        self.view.run = None;
        Ok(())
    }
}

impl Image {
    /// S3, A1: whether this is what the datastore holds in the end.
    fn is_at_rest(&self, keys: &BTreeMap<Key, Blob>, row: Option<&AlarmAtRest>) -> bool {
        let is_alarm = match (row, &self.alarm) {
            (None, None) => true,
            (None, Some(alarm)) => alarm.is_spared,
            (Some(row), Some(alarm)) => {
                let is_named = row.alarm.is_none() || alarm.id.is_none() || row.alarm == alarm.id;
                let is_counted = row.retry_count.is_none_or(|count| count == alarm.failures);
                is_named && is_counted && row.scheduled_ms == alarm.scheduled_ms
            }
            _ => false,
        };
        is_alarm && *keys == self.keys
    }
}
