//! The checkers: one pass over a history, in its order, that holds every object against the reference model.
//!
//! ```text
//! event ──▶ Checker::observe ──▶ object | storage | alarm | cluster ──▶ reports ──▶ Verdict
//!                                          │         └──▶ leniency
//!                                   reference::object: what has to be
//! ```
//!
//! Cost is linear in the history and memory is that of the objects' state. Text is made only for a violation. After
//! a violation the model is brought in line with what was seen, or the key or slot is not judged any further, so
//! that one cause is reported once.
//!
//! A checker never panics on a history, however wrong: what it cannot follow it leaves unjudged. Of an instance that
//! was superseded only its own writes are known, so only reads of those are judged (SPEC.md, "Effect").

mod alarm;
mod case;
mod cluster;
mod coverage;
mod end;
mod leniency;
mod object;
mod recent;
mod report;
mod storage;
mod witness;

use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use indexmap::IndexMap;
use siphasher::sip::SipHasher13;

use self::alarm::{end as run_end, start};
use self::case::{Case, Held};
use self::cluster::claims::Cluster;
use self::cluster::faults::Faults;
use self::cluster::lateness::Pace;
use self::cluster::nature::Nature;
use self::cluster::{disks, takeover};
use self::object::requests::Requests;
use self::object::{effects, home, life, turns};
use self::report::Reports;
use self::storage::commits;
use self::witness::Witness;
use crate::Profile;
use crate::history::{
    By, Constants, Delivery, Event, Header, History, ObjectName, Omission, Phase, Place, What,
};
use crate::reference::Mark;
use crate::reference::object::Object;
use crate::reference::slot::AckKind;
use crate::verdict::{Verdict, Violation};

type Objects = IndexMap<ObjectName, Object, BuildHasherDefault<NameHasher>>;

/// Hashes a name in one go: there is one string in it, so nothing has to mark where that ends.
#[derive(Debug, Default)]
struct NameHasher(u64);

impl Hasher for NameHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = SipHasher13::new_with_keys(self.0, 0).hash(bytes);
    }

    fn write_u8(&mut self, _end: u8) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

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
/// | O1, F3 | `object::effects`, `object::home`, `witness::deliveries`, `alarm::start` | effects: commits, responses, outbound requests; machines; deliveries of requests |
/// | O2 | `object::requests` | calls and deliveries of requests |
/// | O3, O4 | `object::turns` | deliveries, turns, outstanding calls, gates, constructors |
/// | O5 | `object::effects` | messages that leave, commits |
/// | O6 | `object::homeless` | requests that wait, faults, instances |
/// | O7 | `object::over_limit`, `object::life` | instances that were over a limit |
/// | S1 | `storage::calls` | calls and their results |
/// | S2, S3, S5 | `storage` (`commits`, `blame`, `rest`), `object::life` | calls, commits, takeovers, what is at rest |
/// | S4, S6 | `storage::reads`, `object::life` | results of reads, evictions |
/// | S7, S8 | `storage` (`limits`, `blame`) | calls and their results |
/// | A1, A2, A5 | `alarm` (`gone`, `rest`) | runs, and what is at rest |
/// | A3, A4 | `alarm::reading` | results of `get_alarm` |
/// | A6 to A8, A10 | `alarm::setting`, `storage::limits`; A10 also `alarm::overdue` | calls and their results |
/// | A9 | `alarm::constructor` | constructors, runs |
/// | F1, F5, F6, F8 | `alarm::overdue`, `cluster::lateness` | runs, and the end of the history |
/// | F2, F7 | `alarm::start` | runs, wall clocks |
/// | F4 | `alarm::completion`, `alarm::gone` | ends of runs, commits, runs |
/// | R1 | `alarm` (`limit`, `resets`, `count`), `storage::calls` | runs and their ends |
/// | R2, R4, R5, R6, R7 | `alarm` (`count`, `gone`, `rest`) | runs and their ends |
/// | R3 | `alarm::backoff` | runs and their ends |
/// | R8 | `storage::blame` | what is read after a run has failed |
/// | D1, D4, D5 | `cluster::claims` | claims of leaders and holders, replicas at rest |
/// | D3, D5, D6 | `cluster::takeover` | claims of holders and leaders, faults |
/// | D2, D7 | `alarm::overdue` | alarms that never run while a minority of the datacenters, or one thing elsewhere, is gone |
/// | D8 | `cluster::disks` | disks found damaged that nothing has harmed |
/// | L1 to L4 | `cluster::lateness` (with `changes`, `clocks`, `quorum`, `spells` and `load`), `cluster::claims` | starts of runs, faults, quorums, clocks, leaders, replicas |
/// | W1, W2 | `witness` | what the world saw of messages, disks and processes, and the account of the same |
///
/// What the profile `workerd` lets pass, and what may be durable where no commits are told, is for `leniency`.
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
    requests: Requests,
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
            requests: Requests::default(),
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

    /// The broken promises that surely hold, whatever comes, in the order in which they were found. The last one may still be told
    /// otherwise, by the next event; of what only the end of a history shows there is none before [`Checker::finish`].
    pub fn found(&self) -> &[Violation] {
        self.reports.found()
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
        if self.witness.concerns(event) {
            let scene = witness::Scene {
                constants: &self.constants,
                faults: &self.faults,
                reports: &mut self.reports,
                pace: &self.pace,
                mark,
            };
            let mut known = witness::Known { objects: &mut self.objects, requests: &self.requests };
            self.witness.observe(scene, event, &mut known);
        }
        match &event.what {
            What::Call { request, to, .. } => {
                let (object, ..) = find(&mut self.objects, to);
                self.requests.sent(*request, object, mark);
            }
            What::Return { request, outcome } => self.requests.returned(*request, outcome),
            What::RequestArrive { .. } | What::OutboundReturn { .. } => {
                event.place.iter().for_each(|place| self.pace.load.arrives(place.machine, mark.at_ns));
            }
            What::AnswerLeave { .. }
            | What::AnswerLost { .. }
            | What::OutboundLeave { .. }
            | What::OutboundArrive { .. }
            | What::OutboundAnswer { .. }
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
            What::DiskDamaged => {
                disks::damaged(&mut self.reports, &mut self.faults, &self.pace, mark, event.place)
            }
            What::Phase { phase: Phase::End } => {
                self.is_over = true;
                self.end_of_run();
            }
            What::Phase { phase } => self.faults.is_quiet = *phase == Phase::Quiet,
            What::AtRest { object, keys, alarm, slice } => {
                self.at_rest(mark, object, &Held { keys, alarm: alarm.as_ref() }, *slice);
            }
            what => {
                if let Some(by) = &event.by {
                    if let What::Deliver { delivery: Delivery::Request { request } } = what {
                        self.requests.led(&mut self.reports, &self.objects, mark, *request, &by.object);
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
        home::is_at_home(&mut case, object, what);
        if let What::InstanceStart { cause, slice } = what {
            life::starts(&mut case, object, *cause, *slice);
            return self.witness.followed(&case, object);
        }
        if object.hears_first_of(by) {
            let machine = home::machine(&case, what);
            life::is_heard_of(&mut case, object, machine);
        }
        turns::observe(&mut case, object, what);
        match what {
            What::ConstructorEnd { failed } => life::constructor_end(&mut case, object, failed.is_some()),
            What::InstanceEnd { reason } => life::end(&mut case, object, reason),
            What::Op { op, call, .. } => commits::call(&mut case, object, *op, call),
            What::OpResult { op, result } => commits::result(&mut case, object, *op, result),
            What::RunStart { run, alarm, scheduled_ms, retry_count, is_retry } => {
                let info = start::Info { id: *alarm, scheduled_ms: *scheduled_ms, retry_count: *retry_count };
                start::starts(&mut case, object, *run, info, *is_retry);
            }
            What::RunEnd { run, outcome } => run_end::ends(&mut case, object, *run, outcome),
            // Which of them are told is not to be relied on.
            What::Commit { .. } if self.omits_commits => {}
            What::Commit { ends_run } => commits::commit(&mut case, object, *ends_run),
            What::Respond { request, .. } => effects::leave(&mut case, object, AckKind::Response(*request)),
            What::Outbound { call, .. } => effects::leave(&mut case, object, AckKind::Outbound(*call)),
            _ => {}
        }
        self.witness.followed(&case, object);
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
}

fn find<'a>(objects: &'a mut Objects, name: &ObjectName) -> (usize, &'a ObjectName, &'a mut Object) {
    let index = match objects.get_index_of(name) {
        Some(index) => index,
        None => objects.insert_full(name.clone(), Object::default()).0,
    };
    let (name, object) = objects.get_index_mut(index).expect("it was found or inserted above");
    (index, name, object)
}
