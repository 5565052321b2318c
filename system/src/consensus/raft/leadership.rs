//! When a leader gives up its leadership, and to whom (L2).
//!
//! A replica may lead and be of no use: its disk is slow, and the library gives a leader what is committed only once its
//! own disk has it; or its links let through just enough for followers to stay with it, and too little to commit. The
//! others cannot know that. So a leader watches itself:
//!
//! - *Unfit*: its machine says that its disk is too slow. It transfers leadership to a follower that answers and has what
//!   is committed. Without one it goes on: nobody is known to be better.
//! - *Stuck*: what it proposed has not been applied for too long. It transfers leadership if there is such a follower,
//!   and steps down if there is none, or if the transfer has not worked within an election timeout.
//!
//! Who is unfit is *reluctant*: it asks for votes later than all that are not, and refuses a transfer to itself. So is, for
//! [`RELUCTANT_MS`], who was stuck; and if it is elected nevertheless, since nobody else can lead, it does not resign
//! before that time is over. What is too long doubles each time, up to [`PATIENCE_FACTOR_MAX`]
//! times the first: a group in which everything is slow
//! soon keeps its leader.
//!
//! Time is counted in ticks of the machine.

use std::collections::{BTreeMap, VecDeque};

use raft::{Progress, Raft, StateRole};

use super::memory::Memory;

/// A leader is stuck if a proposal has not been applied for so long. With disks that are just fast enough it may take half
/// of that.
const PATIENCE_MS: u64 = 4_000;
/// The same in the system group: where a round trip to it, and its own to the others, take so long, no lease lasts until
/// its renewal is known.
const SYSTEM_PATIENCE_MS: u64 = 1_500;
/// Who was stuck before has more patience, up to so many times as much.
const PATIENCE_FACTOR_MAX: u64 = 4;
/// Who has not been stuck for so long has the patience of the beginning.
const FORGOTTEN_MS: u64 = 300_000;
/// For so long a replica that was stuck leaves it to the others.
const RELUCTANT_MS: u64 = 30_000;
/// A machine that is unfit tries so often to transfer leadership: while a transfer is under way proposals are refused.
const TRANSFER_AGAIN_MS: u64 = 30_000;
/// A follower answers if it was heard within so many ticks: each tick asks it.
const HEARD_TICKS_MAX: u32 = 2;

/// A replica's view of its own leadership, and of those who might have it.
#[derive(Debug)]
pub(super) struct Leadership {
    /// Ticks since this leader heard each follower that it has heard.
    silent_ticks: BTreeMap<u64, u32>,
    /// Whether the machine is fit to lead.
    is_fit: bool,
    /// The last index at each of the ticks for which a proposal may wait, the newest last.
    last: VecDeque<u64>,
    /// What was committed at the tick before, and at the one before that.
    committed: [u64; 2],
    /// It was stuck, and a transfer is under way.
    resigns: bool,
    tick_ms: u64,
    patience_ms_min: u64,
    patience_ms: u64,
    /// For so long it leaves leading to others because it was stuck.
    reluctant_ms: u64,
    /// For so long it makes no transfer for being unfit.
    rest_ms: u64,
    /// For so long it remembers that it was stuck.
    remembers_ms: u64,
}

/// What a tick asks of a leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Stay,
    /// Transfer leadership to this replica.
    Transfer(u64),
    /// Become a follower without a leader.
    StepDown,
}

impl Leadership {
    pub(super) fn new(tick_ms: u64, is_system: bool) -> Self {
        let patience_ms = if is_system { SYSTEM_PATIENCE_MS } else { PATIENCE_MS };
        Self {
            silent_ticks: BTreeMap::new(),
            is_fit: true,
            last: VecDeque::new(),
            committed: [0; 2],
            resigns: false,
            tick_ms,
            patience_ms_min: patience_ms,
            patience_ms,
            reluctant_ms: 0,
            rest_ms: 0,
            remembers_ms: 0,
        }
    }

    /// Whether it leaves leading to others if there are any that can.
    pub(super) fn is_reluctant(&self) -> bool {
        !self.is_fit || self.reluctant_ms > 0
    }

    /// A follower has answered in the present term.
    pub(super) fn heard(&mut self, from: u64) {
        self.silent_ticks.insert(from, 0);
    }

    /// Time passes, on a machine that is fit to lead or not. Says what the leader is to do before anything else.
    pub(super) fn tick(&mut self, raft: &Raft<Memory>, is_fit: bool) -> Next {
        self.is_fit = is_fit;
        for ms in [&mut self.reluctant_ms, &mut self.rest_ms, &mut self.remembers_ms] {
            *ms = ms.saturating_sub(self.tick_ms);
        }
        if raft.state != StateRole::Leader {
            self.silent_ticks.clear();
            self.last.clear();
            self.resigns = false;
            return Next::Stay;
        }
        self.silent_ticks.values_mut().for_each(|ticks| *ticks += 1);
        let is_stuck = self.is_stuck(raft);
        let next = self.leader_ticks(raft, is_stuck);
        self.committed = [raft.raft_log.committed, self.committed[0]];
        next
    }

    /// Whether what was proposed is not applied after as long as this leader has patience.
    fn is_stuck(&mut self, raft: &Raft<Memory>) -> bool {
        if self.remembers_ms == 0 {
            self.patience_ms = self.patience_ms_min;
        }
        self.last.push_back(raft.raft_log.last_index());
        let ticks = usize::try_from(self.patience_ms.div_ceil(self.tick_ms)).expect("a small number");
        // One more than the ticks between them.
        while self.last.len() > ticks + 1 {
            self.last.pop_front();
        }
        self.last.len() > ticks && raft.raft_log.applied < self.last[0]
    }

    fn leader_ticks(&mut self, raft: &Raft<Memory>, is_stuck: bool) -> Next {
        // A replica without others has nobody to leave it to.
        if raft.lead_transferee.is_some() || raft.prs().iter().count() < 2 {
            return Next::Stay;
        }
        if std::mem::take(&mut self.resigns) {
            return Next::StepDown;
        }
        if is_stuck && self.reluctant_ms == 0 {
            self.reluctant_ms = RELUCTANT_MS;
            self.remembers_ms = FORGOTTEN_MS;
            self.patience_ms = (2 * self.patience_ms).min(PATIENCE_FACTOR_MAX * self.patience_ms_min);
            let best = self.best(raft);
            self.resigns = best.is_some();
            return best.map_or(Next::StepDown, Next::Transfer);
        }
        if !self.is_fit
            && self.rest_ms == 0
            && let Some(best) = self.best(raft)
        {
            self.rest_ms = TRANSFER_AGAIN_MS;
            return Next::Transfer(best);
        }
        Next::Stay
    }

    /// The follower that has most, of those that could lead at once.
    fn best(&self, raft: &Raft<Memory>) -> Option<u64> {
        let able = self.silent_ticks.keys().copied().filter(|id| self.can_lead(raft, *id));
        able.max_by_key(|id| raft.prs().get(*id).map(|progress| progress.matched))
    }

    /// All that was committed two ticks ago.
    pub(super) fn committed_before(&self) -> u64 {
        self.committed[1]
    }

    /// Whether a follower votes, answers, and has all that was committed two ticks ago.
    pub(super) fn can_lead(&self, raft: &Raft<Memory>, id: u64) -> bool {
        let answers = self.silent_ticks.get(&id).is_some_and(|ticks| *ticks <= HEARD_TICKS_MAX);
        let has_all = |progress: &Progress| progress.matched >= self.committed_before();
        let votes = raft.prs().conf().voters().contains(id);
        answers && votes && raft.prs().get(id).is_some_and(has_all)
    }
}
