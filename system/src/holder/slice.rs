//! One slice on the machine that is to hold it.
//!
//! ```text
//!            free              ours            all alarms are known
//! Finding ────────▶ Claiming ───────▶ Loading ─────────────────────▶ Serving
//!    ▲                 │ │               │                              │
//!    └── not ours ─────┘ │ leaves, ours  │ leave                        │ leave
//!                        ▼               ▼                              │
//!        Gone ◀── Releasing ◀─────── Leaving ◀──────────────────────────┘
//!                       quiet, or too late
//! ```
//!
//! While it is not free it is looked at again, once a tick. It is gone at once when it is to be left before it was claimed, and,
//! whatever it is at, when the machine's session is over, when a newer epoch has refused a batch of this one (O1), or when the
//! slice's group has not answered for so long that the machine yields it (L2, `registry/yields.rs`).
//!
//! A slice may be claimed when its former holder has released or yielded it, or when that one's session has ended: then it has
//! fallen silent. From the claim on it is [`Held`], under the epoch that the claim has made.

use std::collections::VecDeque;

use super::held::Held;
use super::{Env, Incoming};
use crate::client::{About, Purpose, Tenure};
use crate::config::NS_PER_MS;
use crate::cx::Cx;
use crate::ids::{Epoch, ObjectName, OpId, SliceId, Stamp};
use crate::observe::{Observation, Source};
use crate::registry::{Roster, Yield};
use crate::store::command::{AlarmRow, Answer, Applied, Claim, Command, Holding, Query, Release};
use crate::words::call::Reply;
use crate::words::time::Now;

/// How long what is in progress may go on when a slice is given up.
const LEAVE_MS: u64 = 2_000;
/// L2: a slice that waits so long for an answer of its group cannot be served from here. Elections are over sooner, and all
/// replicas of the group have had their turn before this machine is to try again ([`crate::placement`]).
pub(super) const CUT_OFF_NS: u64 = 7_000 * NS_PER_MS;

/// A slice.
pub(super) struct Slice {
    tenure: Tenure,
    stage: Stage,
    /// Requests that came before the slice was served.
    waiting: VecDeque<Incoming>,
}

enum Stage {
    /// Who holds it? What is read has to be at least as new as this index of the group's log.
    Finding {
        /// On the monotonic clock.
        since_ns: u64,
        at_least: u64,
        /// Whether the question is out.
        asked: bool,
    },
    Claiming {
        /// The epoch that would end.
        over: Epoch,
        /// Whether it was assigned elsewhere meanwhile: nothing is in memory yet, so it can go as soon as it is claimed.
        leaves: bool,
    },
    Loading(Box<Held>),
    Serving(Box<Held>),
    /// It is assigned elsewhere: what is in progress may come to its end, for a while.
    Leaving {
        held: Box<Held>,
        since_ns: u64,
    },
    /// The release of this epoch is on its way. Nothing of it gets out any more.
    Releasing {
        epoch: Epoch,
    },
    /// There is nothing left of it here.
    Gone,
}

impl Slice {
    /// A slice that is not claimed yet.
    pub(super) fn new(tenure: Tenure, now: Now) -> Self {
        let stage = Stage::Finding { since_ns: now.mono_ns, at_least: 0, asked: false };
        Self { tenure, stage, waiting: VecDeque::new() }
    }

    pub(super) fn id(&self) -> SliceId {
        self.tenure.slice
    }

    /// Which stay of the slice on this machine this is.
    pub(super) fn tenure(&self) -> Tenure {
        self.tenure
    }

    pub(super) fn is_leaving(&self) -> bool {
        match self.stage {
            Stage::Claiming { leaves, .. } => leaves,
            Stage::Leaving { .. } | Stage::Releasing { .. } | Stage::Gone => true,
            Stage::Finding { .. } | Stage::Loading(_) | Stage::Serving(_) => false,
        }
    }

    /// Whether it is served, and nothing of any object is in memory.
    #[cfg(test)]
    pub(super) fn is_at_rest(&self) -> bool {
        self.held().is_some_and(Held::is_empty)
    }

    pub(super) fn is_gone(&self) -> bool {
        matches!(self.stage, Stage::Gone)
    }

    fn held(&self) -> Option<&Held> {
        match &self.stage {
            Stage::Loading(held) | Stage::Serving(held) | Stage::Leaving { held, .. } => Some(held),
            Stage::Finding { .. } | Stage::Claiming { .. } | Stage::Releasing { .. } | Stage::Gone => None,
        }
    }

    fn held_mut(&mut self) -> Option<&mut Held> {
        match &mut self.stage {
            Stage::Loading(held) | Stage::Serving(held) | Stage::Leaving { held, .. } => Some(held),
            Stage::Finding { .. } | Stage::Claiming { .. } | Stage::Releasing { .. } | Stage::Gone => None,
        }
    }

    /// Asks who holds the slice, unless that is known or asked already.
    pub(super) fn look(&mut self, env: &mut Env, cx: &mut Cx<'_>) {
        if let Stage::Finding { at_least, asked: asked @ false, .. } = &mut self.stage {
            *asked = true;
            let slice = self.tenure.slice;
            let query = Query::Holder { slice };
            env.client.read(Purpose::Slice(self.tenure, About::Holder), slice, *at_least, query, cx);
        }
    }

    /// D5: claims the slice if its former holder has given it up or fallen silent.
    pub(super) fn found(&mut self, epoch: Epoch, holding: Option<Holding>, env: &mut Env, cx: &mut Cx<'_>) {
        let Stage::Finding { asked, .. } = &mut self.stage else { return };
        let slice = self.tenure.slice;
        let is_free = |roster: &Roster, held: Holding| {
            held.released || roster.has_ended(held.session) || roster.yields().include(slice, epoch, held)
        };
        let roster = env.membership.roster();
        // What this session claimed before and lost sight of is its own to claim again.
        let is_mine = |held: Holding| Some(held.session) == env.membership.session();
        let free =
            holding.is_none_or(|held| is_mine(held) || roster.is_some_and(|roster| is_free(roster, held)));
        let Some(session) = env.membership.session().filter(|_| free) else {
            *asked = false;
            return;
        };
        self.stage = Stage::Claiming { over: epoch, leaves: false };
        cx.out.observed.push(Observation::Claiming { slice: self.id() });
        let claim = Claim { slice: self.id(), over: epoch, machine: env.me, session };
        env.client.propose(Purpose::Slice(self.tenure, About::Claim), Command::Claim(claim), cx);
    }

    /// The claim was decided. O1: from here on nothing of an older epoch becomes durable.
    pub(super) fn claimed(&mut self, applied: Applied, index: u64, env: &mut Env, cx: &mut Cx<'_>) {
        let Stage::Claiming { leaves, .. } = self.stage else { return };
        match applied {
            // An old claim of this session, whose epoch was given up since.
            Applied::Claimed(epoch)
                if env.yielded.get(&self.id()).is_some_and(|yielded| epoch <= *yielded) =>
            {
                self.stage = Stage::Finding { since_ns: cx.now.mono_ns, at_least: index, asked: false };
                self.look(env, cx);
            }
            Applied::Claimed(epoch) if leaves => self.release(epoch, env, cx),
            Applied::Claimed(epoch) => {
                let held = Box::new(Held::new(self.tenure, epoch, index));
                held.load(None, env, cx);
                self.stage = Stage::Loading(held);
            }
            Applied::Stale(_) if leaves => self.stage = Stage::Gone,
            Applied::Stale(_) => {
                self.stage = Stage::Finding { since_ns: cx.now.mono_ns, at_least: index, asked: false };
                self.look(env, cx);
            }
            other => unreachable!("{other:?} does not answer a claim"),
        }
    }

    /// The slice is assigned elsewhere.
    pub(super) fn leave(&mut self, env: &mut Env, cx: &mut Cx<'_>) {
        self.hand_back(env, cx);
        self.stage = match std::mem::replace(&mut self.stage, Stage::Gone) {
            Stage::Finding { .. } => Stage::Gone,
            Stage::Claiming { over, .. } => Stage::Claiming { over, leaves: true },
            Stage::Loading(held) | Stage::Serving(held) => {
                cx.out.observed.push(Observation::Leaving { slice: self.tenure.slice });
                Stage::Leaving { held, since_ns: cx.now.mono_ns }
            }
            stage @ (Stage::Leaving { .. } | Stage::Releasing { .. } | Stage::Gone) => stage,
        };
    }

    /// What waits to be served is not served here any more.
    fn hand_back(&mut self, env: &mut Env, cx: &mut Cx<'_>) {
        for Incoming { request, .. } in self.waiting.drain(..) {
            env.refuse(request, self.tenure.slice, cx);
        }
    }

    /// Gives the slice up once nothing is going on in it, or has gone on for too long.
    fn try_release(&mut self, env: &mut Env, cx: &mut Cx<'_>) {
        let Stage::Leaving { held, since_ns } = &mut self.stage else { return };
        let is_late = cx.now.mono_ns - *since_ns > LEAVE_MS * NS_PER_MS;
        if is_late || held.is_quiet() {
            held.abandon(env, cx);
            if held.is_saved() {
                let epoch = held.epoch();
                self.release(epoch, env, cx);
            }
        }
    }

    fn release(&mut self, epoch: Epoch, env: &mut Env, cx: &mut Cx<'_>) {
        self.stage = Stage::Releasing { epoch };
        let release = Release { slice: self.id(), epoch };
        env.client.propose(Purpose::Slice(self.tenure, About::Release), Command::Release(release), cx);
    }

    /// The release was decided.
    pub(super) fn released(&mut self) {
        self.stage = Stage::Gone;
    }

    /// O1: the slice is lost, to a newer epoch or with the session. Everything in memory ends, and nothing more of it is
    /// sent.
    pub(super) fn drop_everything(&mut self, env: &mut Env, cx: &mut Cx<'_>) {
        self.hand_back(env, cx);
        if let Some(held) = self.held_mut() {
            held.abandon(env, cx);
        }
        self.stage = Stage::Gone;
    }

    /// L2: gives the slice up if its group has not answered for so long that it cannot be served from here. Everything of it
    /// ends before that is told, and whatever epoch it may have, nobody acts under it any more (O1).
    ///
    /// `waiting` are the tenures that have waited longer than [`CUT_OFF_NS`].
    pub(super) fn yield_if_cut_off(
        &mut self,
        waiting: &[Tenure],
        env: &mut Env,
        cx: &mut Cx<'_>,
    ) -> Option<Yield> {
        let is_cut_off = match self.stage {
            // Whoever answers may be cut off himself, and not know that the slice is free.
            Stage::Finding { since_ns, .. } => cx.now.mono_ns - since_ns > CUT_OFF_NS,
            _ => waiting.contains(&self.tenure),
        };
        if !is_cut_off {
            return None;
        }
        let epoch = match &self.stage {
            Stage::Finding { .. } | Stage::Gone => None,
            // It may have been applied.
            Stage::Claiming { over, .. } => Some(Epoch(over.0 + 1)),
            Stage::Loading(held) | Stage::Serving(held) | Stage::Leaving { held, .. } => Some(held.epoch()),
            Stage::Releasing { epoch } => Some(*epoch),
        };
        self.drop_everything(env, cx);
        Some(Yield { slice: self.id(), epoch })
    }

    /// The page of the due index that was asked for has come.
    pub(super) fn loaded(&mut self, page: Vec<(ObjectName, AlarmRow)>, env: &mut Env, cx: &mut Cx<'_>) {
        let Stage::Loading(held) = &mut self.stage else { return };
        let epoch = held.epoch();
        if !held.take_page(page, env, cx) {
            return;
        }
        self.stage = match std::mem::replace(&mut self.stage, Stage::Gone) {
            Stage::Loading(held) => Stage::Serving(held),
            stage => stage,
        };
        cx.out.observed.push(Observation::Serving { slice: self.id(), epoch });
        for incoming in std::mem::take(&mut self.waiting) {
            self.request(incoming, env, cx);
        }
    }

    /// A request for one of the slice's objects.
    pub(super) fn request(&mut self, incoming: Incoming, env: &mut Env, cx: &mut Cx<'_>) {
        if let Stage::Serving(held) = &mut self.stage {
            held.request(incoming, env, cx);
        } else if self.waiting.len() < cx.config.tuning.waiting_requests as usize {
            self.waiting.push_back(incoming);
        } else {
            env.refuse(incoming.request, self.tenure.slice, cx);
        }
    }

    /// The batch in flight was decided.
    pub(super) fn committed(&mut self, applied: Applied, index: u64, env: &mut Env, cx: &mut Cx<'_>) {
        match applied {
            Applied::Committed => {
                if let Some(held) = self.held_mut() {
                    held.committed(index, env, cx);
                }
            }
            Applied::Stale(_) => self.drop_everything(env, cx),
            other => unreachable!("{other:?} does not answer a commit"),
        }
        self.try_release(env, cx);
    }

    /// The datastore answered a read of an instance.
    pub(super) fn read_answered(
        &mut self,
        object: &ObjectName,
        instance: Stamp,
        op: OpId,
        answer: Answer,
        env: &mut Env,
        cx: &mut Cx<'_>,
    ) {
        if let Some(held) = self.held_mut() {
            held.with_live(object, env, cx, |entry, host| entry.read_answered(instance, op, answer, host));
        }
    }

    /// An outside service answered a call of an instance.
    pub(super) fn outside_answered(
        &mut self,
        object: &ObjectName,
        instance: Stamp,
        op: OpId,
        reply: Reply,
        env: &mut Env,
        cx: &mut Cx<'_>,
    ) {
        if let Some(held) = self.held_mut() {
            held.with_live(object, env, cx, |entry, host| entry.outside_answered(instance, op, reply, host));
        }
    }

    /// Once a tick: limits of time, eviction.
    pub(super) fn tick(&mut self, env: &mut Env, cx: &mut Cx<'_>) {
        if let Some(held) = self.held_mut() {
            held.tick(env, cx);
        }
        self.try_release(env, cx);
    }

    /// Wakes the objects whose alarms are due (F2, F8).
    pub(super) fn fire(&mut self, env: &mut Env, cx: &mut Cx<'_>) {
        if let Stage::Serving(held) = &mut self.stage {
            held.fire(env, cx);
        }
    }

    /// When the next alarm is due, on the monotonic clock.
    pub(super) fn next_due_ns(&self, now: Now) -> Option<u64> {
        match &self.stage {
            Stage::Serving(held) => held.next_due_ns(now),
            _ => None,
        }
    }

    /// The instances in memory, and whether `alarm()` is in progress in each.
    pub(super) fn live_instances(&self) -> impl Iterator<Item = (Source, bool)> + '_ {
        self.held().into_iter().flat_map(Held::live_instances)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::config::Config;
    use crate::ids::{MachineId, RequestId};
    use crate::io::Effects;
    use crate::object::class::Classes;
    use crate::outbox::Outbox;

    #[test]
    fn pages_are_as_long_as_they_are_tuned_and_no_more_requests_wait_than_may() {
        let mut config = Config::new(1, 1, 1, 1);
        (config.tuning.page_alarms, config.tuning.waiting_requests) = (2, 3);
        let (mut outbox, mut out) = (Outbox::default(), Effects::default());
        let now = Now { mono_ns: 1, wall_ns: 1 };
        let cx = &mut Cx { now, config: &config, outbox: &mut outbox, out: &mut out };
        let env = &mut Env::new(MachineId(0), 1, Classes::default(), &config);
        let mut slice = Slice::new(env.begin(SliceId(0)), now);
        for request in 0..5 {
            let object = ObjectName::new("Test", "foo");
            let (request, body) = (RequestId(request), Bytes::new());
            slice.request(Incoming { request, object, body }, env, cx);
        }
        assert_eq!(slice.waiting.len(), 3);

        slice.stage = Stage::Claiming { over: Epoch(1), leaves: false };
        slice.claimed(Applied::Claimed(Epoch(2)), 7, env, cx);
        let page = |names: &[&str]| {
            let alarm = Stamp { epoch: Epoch(1), count: 1 };
            let row = AlarmRow { alarm, scheduled_ms: 10, retry_count: 0, not_before_ms: 10 };
            names.iter().map(|name| (ObjectName::new("Test", name), row)).collect::<Vec<_>>()
        };
        slice.loaded(page(&["a", "b"]), env, cx);
        assert_eq!(slice.next_due_ns(now), None, "a full page is not the last one");
        slice.loaded(page(&["c"]), env, cx);
        assert!(slice.next_due_ns(now).is_some(), "it is served");
        let asked = cx.out.observed.iter().filter(|it| matches!(it, Observation::AsksForDue { .. }));
        assert_eq!(asked.count(), 2);
    }
}
