//! The search: tries what the passes offer, on several threads, and keeps the best plan. What it takes over depends on the
//! order of the candidates alone; how many it tries, on the number of threads too.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::{fmt, thread};

use reveille_sim::plan::Plan;
use reveille_sim::run::{Outcome, RunEnd};
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
    /// What happens follows what was before it sooner, after a round time; what waited for a moment has a time and a machine.
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
    /// Whether a plan was stuck: its thread goes on for ever, and more of them would leave no core free.
    stuck: AtomicBool,
    progress: &'a mut dyn FnMut(&Progress),
}

impl<'a> Search<'a> {
    pub(super) fn new(shrink: &'a Shrink<'a>, plan: Plan, progress: &'a mut dyn FnMut(&Progress)) -> Self {
        Self {
            shrink,
            best: plan,
            failed: BTreeSet::new(),
            work: BTreeMap::new(),
            stuck: AtomicBool::new(false),
            progress,
        }
    }

    pub(super) fn best(&self) -> &Plan {
        &self.best
    }

    /// The run of the best plan, for what shows only there.
    pub(super) fn run_best(&self) -> Outcome {
        self.shrink.scenario.run(&self.best)
    }

    pub(super) fn signature(&self) -> &'a Signature {
        self.shrink.signature
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.shrink.stop.load(Ordering::Relaxed) || self.stuck.load(Ordering::Relaxed)
    }

    pub(super) fn finish(self) -> (Plan, Vec<(Pass, Work)>) {
        (self.best, self.work.into_iter().collect())
    }

    /// Tries one plan.
    pub(super) fn take(&mut self, pass: Pass, plan: Plan) -> bool {
        self.take_first(pass, 1, |_, _| Some(plan.clone())).is_some()
    }

    /// Tries `count` candidates, each made from the best plan and its position; takes over the first that still breaks, and
    /// gives its position. A position without a candidate, a plan that is not valid, and the best plan itself are passed over.
    pub(super) fn take_first(
        &mut self,
        pass: Pass,
        count: usize,
        candidate: impl Fn(&Plan, usize) -> Option<Plan> + Sync,
    ) -> Option<usize> {
        let size = Size::of(&self.best);
        let mut runs = self.work.values().map(|work| work.tried).sum();
        let (mut useless, mut found) = (Vec::new(), None::<(usize, Box<Plan>)>);
        let work = self.work.entry(pass).or_default();
        let round = Round {
            shrink: self.shrink,
            best: &self.best,
            failed: &self.failed,
            stuck: &self.stuck,
            count,
            next: AtomicUsize::new(0),
            first: AtomicUsize::new(usize::MAX),
        };
        let (sender, tried) = mpsc::channel();
        thread::scope(|scope| {
            for _ in 0..self.shrink.jobs.min(count) {
                let (sender, round, candidate) = (sender.clone(), &round, &candidate);
                scope.spawn(move || round.work(candidate, &sender));
            }
            drop(sender);
            for tried in tried {
                runs += 1;
                work.tried += 1;
                match tried {
                    Tried::Failed(known_by) => useless.push(known_by),
                    Tried::Breaks(position, plan) => {
                        if found.as_ref().is_none_or(|(other, _)| position < *other) {
                            found = Some((position, plan));
                        }
                    }
                }
                (self.progress)(&Progress { runs, pass, size });
            }
        });
        self.failed.extend(useless);
        let (position, plan) = found?;
        self.work.entry(pass).or_default().taken += 1;
        self.best = *plan;
        Some(position)
    }
}

/// What the threads of one search for the first candidate share.
struct Round<'a> {
    shrink: &'a Shrink<'a>,
    best: &'a Plan,
    failed: &'a BTreeSet<u128>,
    stuck: &'a AtomicBool,
    count: usize,
    /// The position that is tried next.
    next: AtomicUsize,
    /// The first position that breaks, so far.
    first: AtomicUsize,
}

impl Round<'_> {
    /// The work of one thread: takes positions until a candidate before them breaks, or there are no more.
    fn work(&self, candidate: &impl Fn(&Plan, usize) -> Option<Plan>, tell: &mpsc::Sender<Tried>) {
        let is_set = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
        loop {
            let position = self.next.fetch_add(1, Ordering::Relaxed);
            // Whatever comes before a hit was begun before it, and is brought to its end.
            let is_behind = position >= self.count || position > self.first.load(Ordering::Relaxed);
            if is_behind || is_set(self.shrink.stop) || is_set(self.stuck) {
                return;
            }
            let Some(plan) = candidate(self.best, position).filter(|plan| plan != self.best) else {
                continue;
            };
            let known_by = xxh3_128(plan.to_json().as_bytes());
            if self.failed.contains(&known_by) || plan.validate().is_err() {
                continue;
            }
            let tried = if self.breaks(&plan) {
                self.first.fetch_min(position, Ordering::Relaxed);
                Tried::Breaks(position, Box::new(plan))
            } else {
                Tried::Failed(known_by)
            };
            // The receiver lives as long as its threads.
            _ = tell.send(tried);
        }
    }

    /// Whether the plan breaks what it is to break, for the same reason.
    fn breaks(&self, plan: &Plan) -> bool {
        let outcome = self.shrink.scenario.run(plan);
        if matches!(outcome.end, RunEnd::Stuck { .. }) {
            self.stuck.store(true, Ordering::Relaxed);
        }
        finding::with(&outcome, self.shrink.signature).is_some()
    }
}

/// What a thread tells of a candidate that it has run.
enum Tried {
    /// It breaks, at this position.
    Breaks(usize, Box<Plan>),
    /// It does not, with what it is known by.
    Failed(u128),
}
