//! How a broken promise is put into words, and how one cause is kept from filling the verdict.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::coverage::{Kinds, Tally};
use super::leniency::{self, relaxation};
use super::storage::stale::Stale;
use crate::history::{Blob, Key, ObjectName, Place};
use crate::lateness::Lateness;
use crate::profile::{Profile, Relaxation};
use crate::reference::slot::{Ack, AckKind};
use crate::reference::{Mark, Row};
use crate::rules::Id;
use crate::verdict::{REPORTS_PER_RULE_AND_OBJECT_MAX, Verdict, Violation};

/// How many violations are told one by one at most: so many that surely hold, and so many of which only the end shows whether
/// they do.
const REPORTS_MAX: usize = 1_000;

/// How many characters of a value are shown.
const VALUE_SHOWN_CHARS_MAX: usize = 60;

/// The reports so far.
#[derive(Debug)]
pub(super) struct Reports {
    pub(super) tally: Tally,
    /// S4: reads of which it is not known yet whether they were stale.
    pub(super) stale: Stale,
    verdict: Verdict,
    /// How often each rule was found broken by each object, told or not, if such an event is seen anywhere in the history; of
    /// no kind if it surely holds.
    counts: BTreeMap<(Kinds, Id, Option<ObjectName>), u64>,
    /// Violations that hold only if such an event is seen anywhere in the history.
    unsure: Vec<(Kinds, Violation)>,
    /// What an exact wall clock is ahead of true time, or the first one in the history was: true time plus this is wall time,
    /// give or take the wall clocks' error.
    wall_ahead_ns: Option<i128>,
}

impl Reports {
    pub(super) fn new(profile: Profile, wall_zero_ns: Option<i64>) -> Self {
        let verdict = Verdict { profile, ..Verdict::default() };
        Reports {
            tally: Tally::new(),
            stale: Stale::default(),
            verdict,
            counts: BTreeMap::new(),
            unsure: Vec::new(),
            wall_ahead_ns: wall_zero_ns.map(i128::from),
        }
    }

    /// The history gave occasion to break a rule.
    pub(super) fn saw(&mut self, rule: Id) {
        self.tally.saw(rule);
    }

    /// What is not to be judged any more is told of, and becomes doubtful.
    pub(super) fn give_up(&mut self, row: &mut Row, doubtful: &mut BTreeSet<Key>) {
        let given_up = row.take_given_up();
        self.tally.give_up(&given_up);
        given_up.splits.iter().for_each(|split| self.relax(leniency::of_split(*split)));
        doubtful.extend(given_up.keys);
    }

    /// Whether the history is one of the real runtime.
    pub(super) fn is_lenient(&self) -> bool {
        self.verdict.profile == Profile::Workerd
    }

    /// Whether the profile lets the breach of a rule pass wherever it happens.
    pub(super) fn lets_pass(&self, rule: Id) -> bool {
        self.is_lenient() && relaxation(rule).is_some()
    }

    /// The profile has let something pass.
    pub(super) fn relax(&mut self, relaxation: Relaxation) {
        *self.verdict.relaxed.entry(relaxation).or_default() += 1;
    }

    pub(super) fn see_clock(&mut self, at_ns: u64, place: Place) {
        self.wall_ahead_ns.get_or_insert(i128::from(place.wall_ns) - i128::from(at_ns));
    }

    /// The true time of a wall time, give or take the wall clocks' error; negative if it was before the run.
    pub(super) fn true_ns(&self, wall_ms: i64) -> Option<i128> {
        self.wall_ahead_ns.map(|ahead| i128::from(wall_ms) * 1_000_000 - ahead)
    }

    /// A wall time for the reader: in seconds of the run, where that is known.
    pub(super) fn wall(&self, wall_ms: i64) -> Wall {
        Wall { wall_ms, true_ns: self.true_ns(wall_ms) }
    }

    /// Adds a violation, unless the profile lets it pass. Where there are enough of its kind it is only counted. `evidence`
    /// need not be in order.
    pub(super) fn add(
        &mut self,
        rule: Id,
        object: Option<&ObjectName>,
        at_ns: u64,
        evidence: &[Mark],
        sentences: String,
    ) {
        if self.admits(Kinds::NONE, rule, object) {
            self.verdict.violations.push(violation(rule, object, at_ns, evidence, sentences));
        }
    }

    /// Like [`Reports::add`], if an event of one of these kinds is seen anywhere in the history: without any, the history
    /// does not tell of such things.
    pub(super) fn add_if_ever(
        &mut self,
        kinds: Kinds,
        rule: Id,
        object: Option<&ObjectName>,
        at_ns: u64,
        evidence: &[Mark],
        sentences: String,
    ) {
        if self.tally.has(kinds) {
            return self.add(rule, object, at_ns, evidence, sentences);
        }
        if self.admits(kinds, rule, object) {
            self.unsure.push((kinds, violation(rule, object, at_ns, evidence, sentences)));
        }
    }

    /// What was added, and surely holds.
    pub(super) fn found(&self) -> &[Violation] {
        &self.verdict.violations
    }

    /// Where the report stands that was added last, if it is one of this rule and time.
    pub(super) fn told_last(&self, rule: Id, at_ns: u64) -> Option<usize> {
        let is_it = |last: &&Violation| (last.rule, last.at_ns) == (rule.id(), at_ns);
        self.verdict.violations.last().filter(is_it).map(|_| self.verdict.violations.len() - 1)
    }

    /// What was seen `now` says that a violation breaks another rule, and why.
    pub(super) fn recast(&mut self, report: usize, rule: Id, now: Mark, why: &str) {
        let violation = &mut self.verdict.violations[report];
        let was = Id::ALL.iter().copied().find(|known| known.id() == violation.rule);
        let object = violation.object.clone();
        violation.rule = rule.id();
        violation.sentences.push_str(why);
        violation.evidence.push(now.index);
        if let Some(count) = was.and_then(|was| self.counts.get_mut(&(Kinds::NONE, was, object.clone()))) {
            *count -= 1;
        }
        *self.counts.entry((Kinds::NONE, rule, object)).or_default() += 1;
        self.tally.broke(rule);
    }

    /// Takes in that a rule was broken, if events of these kinds are told; whether it is one to tell of.
    fn admits(&mut self, kinds: Kinds, rule: Id, object: Option<&ObjectName>) -> bool {
        self.tally.broke(rule);
        if let Some(relaxation) = relaxation(rule).filter(|_| self.is_lenient()) {
            self.relax(relaxation);
            return false;
        }
        let count = self.counts.entry((kinds, rule, object.cloned())).or_default();
        *count += 1;
        let told = if kinds == Kinds::NONE { self.verdict.violations.len() } else { self.unsure.len() };
        *count <= REPORTS_PER_RULE_AND_OBJECT_MAX && told < REPORTS_MAX
    }

    pub(super) fn into_verdict(mut self, lateness: Lateness) -> Verdict {
        let holds = |kinds: Kinds| kinds == Kinds::NONE || self.tally.has(kinds);
        let mut broken: BTreeMap<Id, u64> = BTreeMap::new();
        for ((_, rule, _), count) in self.counts.iter().filter(|((kinds, ..), _)| holds(*kinds)) {
            *broken.entry(*rule).or_default() += count;
        }
        let sure = self.unsure.into_iter().filter(|(kinds, _)| holds(*kinds));
        self.verdict.violations.extend(sure.map(|(_, violation)| violation));
        self.verdict.violations.sort_by_key(|violation| violation.at_ns);
        let told = |rule: Id| self.verdict.violations.iter().filter(|it| it.rule == rule.id()).count() as u64;
        let more = broken.iter().map(|(rule, count)| (rule.id(), count - told(*rule)));
        let more = more.filter(|(_, count)| *count > 0).collect();
        let is_lenient = self.verdict.profile == Profile::Workerd;
        let is_let_pass = |rule| is_lenient && relaxation(rule).is_some();
        let coverage = self.tally.coverage(&broken, is_let_pass);
        Verdict { lateness, coverage, more, ..self.verdict }
    }
}

/// A violation as it is told. `evidence` need not be in order.
fn violation(
    rule: Id,
    object: Option<&ObjectName>,
    at_ns: u64,
    evidence: &[Mark],
    sentences: String,
) -> Violation {
    let mut evidence: Vec<usize> = evidence.iter().map(|mark| mark.index).collect();
    evidence.sort_unstable();
    evidence.dedup();
    Violation { rule: rule.id(), object: object.cloned(), at_ns, sentences, evidence }
}

/// True time in seconds.
pub(super) struct Seconds(pub(super) u64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0 / 1_000_000;
        write!(f, "{}.{:03} s", ms / 1_000, ms % 1_000)
    }
}

/// A wall time.
pub(super) struct Wall {
    wall_ms: i64,
    true_ns: Option<i128>,
}

impl fmt::Display for Wall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(true_ns) = self.true_ns else { return write!(f, "wall time {} ms", self.wall_ms) };
        let ms = true_ns.div_euclid(1_000_000);
        let sign = if ms < 0 { "-" } else { "" };
        write!(f, "{sign}{}.{:03} s", ms.abs() / 1_000, ms.abs() % 1_000)
    }
}

/// Where something happened, as the end of a sentence.
pub(super) struct OnMachine(pub(super) Option<Place>);

impl fmt::Display for OnMachine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |place| write!(f, " on machine {}", place.machine))
    }
}

/// A value that is or is not there.
pub(super) struct Shown<'a>(pub(super) Option<&'a Blob>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(value) = self.0 else { return f.write_str("nothing") };
        let text = value.text();
        let start: String = text.chars().take(VALUE_SHOWN_CHARS_MAX).collect();
        if start.len() == text.len() {
            return write!(f, "{start:?}");
        }
        write!(f, "{start:?}... ({} bytes)", value.0.len())
    }
}

/// A time that an alarm is or is not scheduled for.
pub(super) struct Scheduled(pub(super) Option<Wall>);

impl fmt::Display for Scheduled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(wall) => wall.fmt(f),
            None => f.write_str("none"),
        }
    }
}

impl fmt::Display for AckKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AckKind::Response(request) => write!(f, "the answer to request {request}"),
            AckKind::Outbound(call) => write!(f, "outbound request {call}"),
            AckKind::Sync => f.write_str("the return of sync"),
            AckKind::Completion(run) => write!(f, "the durable completion of run {run}"),
        }
    }
}

impl fmt::Display for Ack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {} by {}", Seconds(self.mark.at_ns), self.kind)
    }
}
