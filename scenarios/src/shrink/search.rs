//! The search: tries what the passes offer, on several threads, and keeps the best plan. What it takes over depends on the
//! order of the candidates alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::{fmt, thread};

use reveille_sim::plan::Plan;
use serde::Serialize;
use xxhash_rust::xxh3::xxh3_128;

use super::{Progress, Shrink, Size};
use crate::finding;
use crate::signature::Signature;

/// A way in which a plan can be smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pass {
    /// Whole passages of faults, outages and requests are left out; objects become one.
    Lists,
    /// Fewer datacenters, machines, groups, slices.
    Cluster,
    /// Clocks, links, disks and limits are what they are when nothing is special about them.
    Knobs,
    /// Phases, faults and outages are shorter, and otherwise simpler.
    Lengths,
    /// What happens follows what was before it sooner, after a round time.
    Moments,
    /// Requests ask for less.
    Bodies,
}

impl fmt::Display for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lists => "leave out",
            Self::Cluster => "smaller cluster",
            Self::Knobs => "calm",
            Self::Lengths => "shorten",
            Self::Moments => "close gaps",
            Self::Bodies => "ask for less",
        })
    }
}

/// What a pass did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Work {
    /// Plans that it had tried.
    pub tried: u64,
    /// Of these, taken over: they still broke for the same reason.
    pub taken: u64,
}

pub(super) struct Search<'a> {
    shrink: &'a Shrink<'a>,
    best: Plan,
    /// Plans that do not break for the same reason.
    failed: BTreeSet<u128>,
    work: BTreeMap<Pass, Work>,
    progress: &'a mut dyn FnMut(&Progress),
}

/// What a thread tells of a candidate: it was run. `Some` if it is no use, with what it is known by.
struct Tried(Option<u128>);

impl<'a> Search<'a> {
    pub(super) fn new(shrink: &'a Shrink<'a>, plan: Plan, progress: &'a mut dyn FnMut(&Progress)) -> Self {
        Self { shrink, best: plan, failed: BTreeSet::new(), work: BTreeMap::new(), progress }
    }

    pub(super) fn best(&self) -> &Plan {
        &self.best
    }

    pub(super) fn signature(&self) -> &'a Signature {
        self.shrink.signature
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.shrink.stop.load(Ordering::Relaxed)
    }

    pub(super) fn finish(self) -> (Plan, Vec<(Pass, Work)>) {
        (self.best, self.work.into_iter().collect())
    }

    /// Tries one plan.
    pub(super) fn take(&mut self, pass: Pass, plan: Plan) -> bool {
        self.take_first(pass, 1, |_, _| Some(plan.clone())).is_some()
    }

    /// Tries `count` candidates, each made from the best plan and its position; takes over the first that still breaks, and
    /// gives its position. A candidate that is none, not valid, or the best plan itself is passed over.
    pub(super) fn take_first(
        &mut self,
        pass: Pass,
        count: usize,
        candidate: impl Fn(&Plan, usize) -> Option<Plan> + Sync,
    ) -> Option<usize> {
        let (next, first) = (AtomicUsize::new(0), AtomicUsize::new(usize::MAX));
        let found: Mutex<Option<(usize, Plan)>> = Mutex::new(None);
        let (sender, tried) = mpsc::channel();
        let (shrink, best, failed) = (self.shrink, &self.best, &self.failed);
        let worker = |sender: mpsc::Sender<Tried>| {
            loop {
                let position = next.fetch_add(1, Ordering::Relaxed);
                // Whatever comes before a hit was begun before it, and is brought to its end.
                if position >= count || position > first.load(Ordering::Relaxed) || is_set(shrink.stop) {
                    return;
                }
                let Some(plan) = candidate(best, position).filter(|plan| plan != best) else { continue };
                let known_by = known_by(&plan);
                if failed.contains(&known_by) || plan.validate().is_err() {
                    continue;
                }
                let breaks = breaks(shrink, &plan);
                if breaks {
                    first.fetch_min(position, Ordering::Relaxed);
                    let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                    if found.as_ref().is_none_or(|(other, _)| position < *other) {
                        *found = Some((position, plan));
                    }
                }
                // The receiver lives as long as its threads.
                _ = sender.send(Tried((!breaks).then_some(known_by)));
            }
        };
        let (size, mut useless) = (Size::of(best), Vec::new());
        let mut runs = self.work.values().map(|work| work.tried).sum();
        let work = self.work.entry(pass).or_default();
        thread::scope(|scope| {
            for _ in 0..shrink.jobs.min(count) {
                let sender = sender.clone();
                scope.spawn(|| worker(sender));
            }
            drop(sender);
            for Tried(failed) in tried {
                runs += 1;
                work.tried += 1;
                useless.extend(failed);
                (self.progress)(&Progress { runs, pass, size });
            }
        });
        self.failed.extend(useless);
        let (position, plan) = found.into_inner().unwrap_or_else(PoisonError::into_inner)?;
        work.taken += 1;
        self.best = plan;
        Some(position)
    }
}

fn is_set(flag: &AtomicBool) -> bool {
    flag.load(Ordering::Relaxed)
}

fn known_by(plan: &Plan) -> u128 {
    xxh3_128(plan.to_json().as_bytes())
}

/// Whether the plan breaks what it is to break, for the same reason.
fn breaks(shrink: &Shrink<'_>, plan: &Plan) -> bool {
    finding::with(&shrink.scenario.run(plan), shrink.signature).is_some()
}
