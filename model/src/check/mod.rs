//! The checkers: one pass over a history, in its order, that holds every object against the reference model.
//!
//! ```text
//! event ──▶ Checker::observe ──▶ life | storage (with reads) | firing (with retries) | rest ──▶ reports ──▶ Verdict
//!                                          │
//!                                   reference::object: what has to be
//! ```
//!
//! Cost is linear in the history and memory is that of the objects' state. Text is made only for a violation. After
//! a violation the model is brought in line with what was seen, or the key or slot is not judged any further, so
//! that one cause is reported once.
//!
//! A checker never panics on a history, however wrong: what it cannot follow it leaves unjudged. Of an instance that
//! was superseded only its own writes are known, so only reads of those are judged (SPEC.md, "Effect").

mod blame;
mod calls;
mod changes;
mod clocks;
mod cluster;
mod coverage;
mod faults;
mod firing;
mod halves;
mod homeless;
mod lateness;
mod life;
mod limits;
mod load;
mod nature;
mod quorum;
mod reads;
mod report;
mod resets;
mod rest;
mod retries;
mod spells;
mod storage;
mod takeover;
mod timers;
mod turns;
mod unsure;
mod witness;

use std::collections::BTreeMap;
use std::hash::BuildHasherDefault;
use std::sync::Arc;

use indexmap::IndexMap;
use siphasher::sip::SipHasher13;

use self::cluster::Cluster;
use self::coverage::Kinds;
use self::faults::Faults;
use self::lateness::Pace;
use self::nature::Nature;
use self::report::Reports;
use self::witness::Witness;
use crate::Profile;
use crate::history::{
    By, Constants, Delivery, Event, Header, History, ObjectName, Omission, Outcome, Phase, Place, What,
};
use crate::reference::Mark;
use crate::reference::object::Object;
use crate::reference::slot::AckKind;
use crate::rules::Id;
use crate::verdict::Verdict;

type Objects = IndexMap<ObjectName, Object, BuildHasherDefault<SipHasher13>>;

/// O2: how many requests are remembered whose clients do not wait for them any more.
const UNKNOWN_MAX: usize = 4_096;

/// Nanoseconds in a millisecond.
const NS_PER_MS: u64 = 1_000_000;

/// Nanoseconds of milliseconds that a history names, whatever they are.
fn ns(ms: u64) -> u64 {
    ms.saturating_mul(NS_PER_MS)
}

/// Whether something that began and ended then took longer than its limit on its machine's monotonic clock, whatever the
/// drift of that and its resolution of a millisecond.
fn is_overtime(constants: &Constants, began: Mark, ended: Mark, limit_ms: u64) -> bool {
    let limit_ns = ns(limit_ms.saturating_add(1));
    let drift_ns = (limit_ns / 1_000_000).saturating_mul(constants.drift_max_ppm);
    ended.at_ns.saturating_sub(began.at_ns) > limit_ns.saturating_add(drift_ns)
}

/// Checks a whole history against the contract, as far as the profile holds it to that.
pub fn check(history: &History, profile: Profile) -> Verdict {
    let mut checker = Checker::new(&history.header, profile);
    for (index, event) in history.events.iter().enumerate() {
        checker.observe(index, event);
    }
    checker.finish()
}

/// Checks a history while it is being written.
///
/// Every rule of [`crate::RULES`], as far as it can be seen at the API. Where which rule is judged:
///
/// | rules | by | from |
/// |---|---|---|
/// | O1, F3 | `life`, `turns` | effects: commits, responses, outbound requests; deliveries of requests |
/// | O2 | this file | calls and deliveries of requests |
/// | O3, O4, A9 | `turns` | deliveries, turns, outstanding calls, gates, constructors |
/// | O5, S2, S3, S5 | `storage`, `life`, `reads`, `rest` | calls, commits, takeovers, what is at rest |
/// | O6 | `homeless` | requests that wait, faults, instances |
/// | O7 | `life`, `firing` | instances that were over a limit |
/// | S1, A6 to A8, A10 | `calls`, `limits` | calls and their results |
/// | S4, S6, A3, A4 | `reads`, `life` | results of reads, evictions |
/// | S7, S8 | `limits`, `blame` | calls and their results |
/// | A1, A2, A5, A10, F1, F2, F4 to F8 | `firing`, `rest`, `lateness` | runs, and what is at rest |
/// | R1 to R8 | `retries`, `timers`, `firing`, `calls`, `reads`, `resets`, `rest` | runs and their ends |
/// | D1, D4, D5 | `cluster` | claims of leaders and holders, replicas at rest |
/// | D3, D5, D6 | `takeover` | claims of holders and leaders, faults |
/// | D2, D7 | `rest` | alarms that never run while a minority of the datacenters, or one thing elsewhere, is gone |
/// | D8 | this file | disks found damaged that nothing has harmed |
/// | W1, W2 | `witness` | what the world saw of messages, disks and processes, and the account of the same |
/// | L1 to L4 | `lateness` (with `changes`, `clocks`, `quorum`, `spells` and `load`), `retries`, `cluster` | starts of runs, faults, quorums, clocks, leaders, replicas |
///
/// Of D there is more that does not show at the API under a name of its own: what D2 and D8 say about acknowledged writes
/// shows as S3, what D1 says about atomicity as S2, and the bounds of D5 to D7 for alarms are those of L.
#[derive(Debug)]
pub struct Checker {
    constants: Constants,
    alarm_classes: Option<Vec<Arc<str>>>,
    /// Whether the history does not tell of commits.
    omits_commits: bool,
    objects: Objects,
    /// The object of the last event: most events are of the same object as the one before.
    recent: usize,
    /// O6: requests that their clients still wait for.
    waiting: BTreeMap<u64, Waiting>,
    /// O2: requests that their clients do not wait for any more and that may still be delivered.
    unknown: BTreeMap<u64, Waiting>,
    witness: Witness,
    faults: Faults,
    pace: Pace,
    cluster: Cluster,
    reports: Reports,
    /// Whether the history has told what is in the datastore at the end of the run.
    any_at_rest: bool,
    is_over: bool,
    /// The last event.
    last: Mark,
}

impl Checker {
    /// A checker for a history with these constants.
    pub fn new(header: &Header, profile: Profile) -> Self {
        let mut reports = Reports::new(profile, header.wall_zero_ns);
        if header.alarm_classes.is_some() {
            reports.tally.see_alarm_classes();
        }
        Checker {
            alarm_classes: header.alarm_classes.clone(),
            omits_commits: header.omits.contains(&Omission::Commits),
            constants: header.constants.clone(),
            objects: Objects::default(),
            recent: 0,
            waiting: BTreeMap::new(),
            unknown: BTreeMap::new(),
            witness: Witness::new(header),
            faults: Faults::new(header.system_group),
            pace: Pace::new(header),
            cluster: Cluster::default(),
            reports,
            any_at_rest: false,
            is_over: false,
            last: Mark { index: 0, at_ns: 0 },
        }
    }

    /// Takes the next event. `index` is its position in the history, used in the evidence of violations.
    pub fn observe(&mut self, index: usize, event: &Event) {
        let mark = Mark { index, at_ns: event.at_ns };
        self.last = mark;
        // Which commits are told then is not to be relied on.
        if !(self.omits_commits && matches!(event.what, What::Commit { .. })) {
            self.reports.tally.see(&event.what, event.place.is_some());
        }
        if let Some(place) = event.place {
            self.reports.see_clock(event.at_ns, place);
            self.pace.clocks.see(event.at_ns, place);
        }
        let scene = witness::Scene {
            constants: &self.constants,
            faults: &self.faults,
            reports: &mut self.reports,
            datacenter_of: &self.pace.datacenter_of,
            mark,
        };
        let mut objects = witness::Objects { all: &mut self.objects, waiting: &self.waiting };
        self.witness.observe(scene, event, &mut objects);
        match &event.what {
            What::Call { request, to, .. } => {
                let (object, ..) = find(&mut self.objects, to);
                self.waiting.insert(*request, Waiting { object, call: mark });
            }
            What::Return { request, outcome } => {
                let waiting = self.waiting.remove(request);
                self.unknown
                    .extend(waiting.filter(|_| *outcome == Outcome::Unknown).map(|it| (*request, it)));
                if self.unknown.len() > UNKNOWN_MAX {
                    self.unknown.pop_first();
                }
            }
            What::RequestArrive { .. }
            | What::AnswerLeave { .. }
            | What::AnswerLost { .. }
            | What::OutboundLeave { .. }
            | What::OutboundArrive { .. }
            | What::OutboundAnswer { .. }
            | What::OutboundReturn { .. }
            | What::OutboundLost { .. }
            | What::Process { .. }
            | What::OnDisk { .. } => {}
            What::Holder { .. }
            | What::Leader { .. }
            | What::GroupLeader { .. }
            | What::Replica { .. }
            | What::Committed { .. } => {
                if let (What::Holder { slice, group, .. }, Some(place)) = (&event.what, event.place) {
                    self.pace.holds(*slice, place.machine, event.at_ns);
                    group.iter().for_each(|group| self.faults.quorums.belongs(*slice, *group));
                }
                let (mut scene, cluster) = self.takeover(mark);
                cluster.observe(&mut scene, event.place, &event.what);
            }
            What::Majority { group, connected } => {
                self.faults.quorums.see(*group, *connected, event.at_ns);
            }
            What::FaultBegin { fault, kind, scope, takes } => {
                let nature = Nature::of(kind, scope, takes.as_ref());
                if nature.steps_clock {
                    self.pace.clocks.step(scope, &self.pace.datacenter_of, event.at_ns);
                }
                if nature.class.is_some() {
                    self.judge_moves(mark);
                }
                let datacenters = &self.pace.datacenter_of;
                let begun = self.faults.begin(&self.constants, *fault, nature, scope, datacenters, mark);
                begun.into_iter().flatten().for_each(|rule| self.reports.saw(rule));
            }
            What::FaultEnd { fault } => {
                if self.faults.takes_out(*fault) {
                    self.judge_moves(mark);
                }
                self.faults.end(*fault, &self.pace.datacenter_of, mark);
            }
            What::DiskDamaged => self.disk_damaged(mark, event.place),
            What::Phase { phase: Phase::End } => {
                self.is_over = true;
                self.end_of_run();
            }
            What::Phase { phase } => self.faults.is_quiet = *phase == Phase::Quiet,
            What::AtRest { object, keys, alarm, slice } => {
                self.any_at_rest = true;
                let (_, name, state) = find(&mut self.objects, object);
                if let Some(current) = &mut state.current {
                    current.slice = slice.or(current.slice);
                }
                if self.omits_commits {
                    state.rest_unsure(mark, self.constants.retries_max);
                    rest::narrow(&mut self.reports, state, keys, alarm.as_ref());
                }
                let scene =
                    rest::Scene { constants: &self.constants, reports: &mut self.reports, name, mark };
                rest::at_rest(scene, state, keys, alarm.as_ref());
            }
            what => {
                if let Some(by) = &event.by {
                    if let What::Deliver { delivery: Delivery::Request { request } } = what {
                        self.led(mark, *request, &by.object);
                    }
                    self.observe_instance(mark, event.place, by, what);
                }
            }
        }
    }

    /// The verdict on what was observed. What can only be known at the end (F1, lost objects) is judged if the history
    /// has an end.
    pub fn finish(mut self) -> Verdict {
        if !self.is_over && self.any_at_rest {
            self.end_of_run();
        }
        self.pace.load.tell(&mut self.reports);
        self.reports.into_verdict(self.pace.lateness)
    }

    fn observe_instance(&mut self, mark: Mark, place: Option<Place>, by: &By, what: &What) {
        let is_recent = self.objects.get_index(self.recent).is_some_and(|(name, _)| *name == by.object);
        let (name, object) = if is_recent {
            self.objects.get_index_mut(self.recent).expect("its name was just read")
        } else {
            let (index, name, object) = find(&mut self.objects, &by.object);
            self.recent = index;
            (name, object)
        };
        let position = self.recent;
        let (constants, faults, reports) = (&self.constants, &self.faults, &mut self.reports);
        let (alarm_classes, pace) = (self.alarm_classes.as_deref(), &mut self.pace);
        let omits_commits = self.omits_commits;
        let mut case =
            Case { constants, alarm_classes, omits_commits, faults, pace, reports, name, by, mark, place };
        self.witness.instance(&mut case, object, position, what);
        if let What::InstanceStart { cause, slice } = what {
            life::start(&mut case, object, Some(*cause), *slice);
            return self.witness.followed(&case, object);
        }
        if object.hears_first_of(by) {
            life::start(&mut case, object, None, None);
        }
        turns::observe(&mut case, object, what);
        match what {
            What::ConstructorEnd { failed } => life::constructor_end(&mut case, object, failed.is_some()),
            What::InstanceEnd { reason } => life::end(&mut case, object, reason),
            What::Op { op, call, .. } => storage::call(&mut case, object, *op, call),
            What::OpResult { op, result } => storage::result(&mut case, object, *op, result),
            What::RunStart { run, alarm, scheduled_ms, retry_count, is_retry } => {
                let info =
                    firing::Info { id: *alarm, scheduled_ms: *scheduled_ms, retry_count: *retry_count };
                firing::run_start(&mut case, object, *run, info, *is_retry);
            }
            What::RunEnd { run, outcome } => firing::run_end(&mut case, object, *run, outcome),
            // Which of them are told is not to be relied on.
            What::Commit { .. } if self.omits_commits => {}
            What::Commit { ends_run } => storage::commit(&mut case, object, *ends_run),
            What::Respond { request, .. } => storage::leave(&mut case, object, AckKind::Response(*request)),
            What::Outbound { call, .. } => storage::leave(&mut case, object, AckKind::Outbound(*call)),
            _ => {}
        }
        self.witness.followed(&case, object);
    }

    /// O2: the name that a request was for leads to that object. What has been answered is not remembered.
    fn led(&mut self, mark: Mark, request: u64, object: &ObjectName) {
        let known = self.waiting.get(&request).or_else(|| self.unknown.get(&request));
        let Some(Waiting { object: asked, call }) = known.copied() else { return };
        self.reports.saw(Id::O2);
        let Some((name, _)) = self.objects.get_index(asked).filter(|(name, _)| *name != object) else {
            return;
        };
        let sentences = format!(
            "Request {request}, made at {} for {name}, was delivered at {} to an instance of {object}.",
            report::Seconds(call.at_ns),
            report::Seconds(mark.at_ns),
        );
        self.reports.add("O2", Some(name), mark.at_ns, &[call, mark], sentences);
    }

    fn takeover(&mut self, now: Mark) -> (takeover::Scene<'_>, &mut Cluster) {
        let Checker { constants, faults, pace, reports, cluster, .. } = self;
        (takeover::Scene { constants, faults, pace, reports, now }, cluster)
    }

    /// D3, D5, D6: what is struck or well is about to change.
    fn judge_moves(&mut self, now: Mark) {
        let (mut scene, cluster) = self.takeover(now);
        cluster.judge_moves(&mut scene);
    }

    /// D8: damage that no fault did is the system's own.
    fn disk_damaged(&mut self, mark: Mark, place: Option<Place>) {
        self.reports.saw(Id::D8);
        if let Some(place) = place {
            self.faults.damage(place.machine);
        }
        if self.faults.any_of_disk() {
            return;
        }
        let sentences = format!(
            "At {} the disk{} was found damaged where it had been promised whole, yet no disk fault had begun.",
            report::Seconds(mark.at_ns),
            report::OnMachine(place),
        );
        self.reports.add("D8", None, mark.at_ns, &[mark], sentences);
    }

    fn end_of_run(&mut self) {
        if self.is_over {
            let (mut scene, cluster) = self.takeover(self.last);
            cluster.judge_moves(&mut scene);
            cluster.judge_spread(&mut scene);
        }
        let (constants, faults, pace) = (&self.constants, &self.faults, &mut self.pace);
        if self.is_over {
            self.cluster.end_of_run(&mut self.reports, constants, faults, pace, self.last);
        }
        let mut calls: BTreeMap<usize, Mark> = BTreeMap::new();
        for Waiting { object, call } in self.waiting.values() {
            let first = calls.entry(*object).or_insert(*call);
            *first = (*first).min(*call);
        }
        let told = rest::Told { end: self.is_over, rest: self.any_at_rest };
        for (position, (name, object)) in self.objects.iter_mut().enumerate() {
            if self.omits_commits && !object.at_rest {
                object.rest_unsure(self.last, constants.retries_max);
            }
            if self.omits_commits && !object.at_rest && told.rest {
                rest::narrow(&mut self.reports, object, &BTreeMap::new(), None);
            }
            let reports = &mut self.reports;
            life::is_stopped(constants, reports, faults, pace, object);
            let mut scene = rest::Scene { constants, reports, name, mark: self.last };
            if self.is_over {
                homeless::check(&mut scene, faults, pace, object, calls.get(&position).copied());
            }
            rest::end_of_run(scene, faults, pace, object, told);
            if self.is_over {
                let reports = &mut self.reports;
                let (datacenter_of, mark) = (&pace.datacenter_of, self.last);
                let mut scene = witness::Scene { constants, faults, reports, datacenter_of, mark };
                self.witness.end_of_object(&mut scene, name, object);
            }
        }
        if self.is_over {
            let reports = &mut self.reports;
            let (datacenter_of, mark) = (&pace.datacenter_of, self.last);
            let mut scene = witness::Scene { constants, faults, reports, datacenter_of, mark };
            self.witness.end_of_run(&mut scene);
        }
    }
}

fn find<'a>(objects: &'a mut Objects, name: &ObjectName) -> (usize, &'a ObjectName, &'a mut Object) {
    let index = match objects.get_index_of(name) {
        Some(index) => index,
        None => objects.insert_full(name.clone(), Object::default()).0,
    };
    let (name, object) = objects.get_index_mut(index).expect("it was found or inserted above");
    (index, name, object)
}

/// O6: a request that is not answered.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    /// The position of its object.
    object: usize,
    call: Mark,
}

/// One event of an instance, with all that judging it takes.
struct Case<'a> {
    constants: &'a Constants,
    alarm_classes: Option<&'a [Arc<str>]>,
    omits_commits: bool,
    faults: &'a Faults,
    pace: &'a mut Pace,
    reports: &'a mut Reports,
    name: &'a ObjectName,
    by: &'a By,
    mark: Mark,
    place: Option<Place>,
}

impl Case<'_> {
    /// The event gives occasion to break a rule.
    fn saw(&mut self, rule: Id) {
        self.reports.saw(rule);
    }

    /// A8: whether the object's class declares `alarm()`, if the history says.
    fn declares_alarm(&self) -> Option<bool> {
        self.alarm_classes.map(|classes| classes.iter().any(|class| **class == *self.name.class()))
    }

    /// Reports that this event breaks a rule. `evidence` are the events before it that prove it.
    fn report(&mut self, rule: &'static str, evidence: &[Mark], sentences: String) {
        let mut all = evidence.to_vec();
        all.push(self.mark);
        self.reports.add(rule, Some(self.name), self.mark.at_ns, &all, sentences);
    }

    /// Like [`Case::report`], if an event of one of these kinds is seen anywhere in the history.
    fn report_if_ever(&mut self, kinds: Kinds, rule: &'static str, evidence: &[Mark], sentences: String) {
        let mut all = evidence.to_vec();
        all.push(self.mark);
        self.reports.add_if_ever(kinds, rule, Some(self.name), self.mark.at_ns, &all, sentences);
    }
}
