//! What a run is told for: a broken promise, or that it did not end as a run should.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use reveille_sim::run::{MachinePanic, Outcome, RunEnd};

use crate::signature::Signature;
use crate::story::seconds;

/// The finding for a run that had no end.
pub const STUCK: &str = "stuck";

/// Something that was found in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule, or `panic`, `harness-panic`, `livelock`, `standstill`, `stuck`.
    pub rule: String,
    /// What happened, in sentences.
    pub sentences: String,
    /// Its position among the violations of the verdict, if it is one of these.
    pub violation: Option<usize>,
    /// When it happened, in virtual time; how a run ended comes after everything else.
    pub at_ns: u64,
    /// How often it was found in the run, this one included.
    pub times: u64,
}

impl Finding {
    /// The rule and the kind of cause.
    pub fn signature(&self) -> Signature {
        Signature::new(&self.rule, &self.sentences)
    }
}

/// What was found in a run: one finding a rule, the first of each, in the order of time. What comes first may be the cause of
/// the others.
pub fn of(outcome: &Outcome) -> Vec<Finding> {
    let mut rules = BTreeSet::new();
    all(outcome).into_iter().filter(|finding| rules.insert(finding.rule.clone())).collect()
}

/// The first finding of a run with this signature.
pub fn with(outcome: &Outcome, signature: &Signature) -> Option<Finding> {
    all(outcome).into_iter().find(|finding| finding.signature() == *signature)
}

/// Everything that was found in a run, in the order of time: panics, broken rules, and how it ended.
pub(crate) fn all(outcome: &Outcome) -> Vec<Finding> {
    let broken = outcome.verdict.broken();
    let mut findings: Vec<Finding> = Vec::new();
    for panic in &outcome.panics {
        findings.push(Finding {
            rule: "panic".to_owned(),
            sentences: panicked(panic, outcome.panics.len()),
            violation: None,
            at_ns: panic.at_ns,
            times: outcome.panics.len() as u64,
        });
    }
    for (position, violation) in outcome.verdict.violations.iter().enumerate() {
        findings.push(Finding {
            rule: violation.rule.0.to_owned(),
            sentences: violation.sentences.clone(),
            violation: Some(position),
            at_ns: violation.at_ns,
            times: broken[&violation.rule],
        });
    }
    findings.sort_by_key(|finding| finding.at_ns);
    findings.extend(wrong_end(&outcome.end));
    findings
}

/// What is wrong with how a run ended, if anything is.
fn wrong_end(end: &RunEnd) -> Option<Finding> {
    let finding = |rule: &str, sentences: String| {
        Some(Finding { rule: rule.to_owned(), sentences, violation: None, at_ns: u64::MAX, times: 1 })
    };
    match end {
        RunEnd::Completed | RunEnd::Stopped => None,
        RunEnd::Panicked { message, location, at_ns } => {
            let at = seconds(*at_ns);
            let sentences = format!("The simulated world itself panicked at {at}: {message} ({location}).");
            finding("harness-panic", sentences)
        }
        RunEnd::Livelock { events } => {
            let sentences = format!(
                "The run did not end within {events} events, far more than its plan needs: something is done again and \
                 again for ever."
            );
            finding("livelock", sentences)
        }
        RunEnd::Standstill { at_ns, events } => {
            let at = seconds(*at_ns);
            let sentences = format!(
                "Virtual time stands still at {at}: {events} events happened there, and more follow."
            );
            finding("standstill", sentences)
        }
        RunEnd::Stuck { after_s } => {
            let sentences =
                format!("The run was given up after {after_s} s: some code loops without an end.");
            finding(STUCK, sentences)
        }
    }
}

/// A machine that panicked, one of so many panics in the run.
fn panicked(panic: &MachinePanic, panics: usize) -> String {
    let MachinePanic { machine, at_ns, message, location } = panic;
    let at = seconds(*at_ns);
    format!(
        "Machine {machine} panicked at {at}: {message} ({location}). Its process was lost as in a crash and the run went \
         on. Panics in this run: {panics}."
    )
}

/// Findings of many runs, by rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catch(BTreeMap<String, Caught>);

/// The findings of one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caught {
    /// How many seeds showed it.
    pub seeds: u64,
    /// How often it was found in all of them together.
    pub times: u64,
    /// In how many of them nothing else had been found before it.
    pub first_in: u64,
    /// In how many of the others which rule came first.
    pub behind: BTreeMap<String, u64>,
    /// The lowest of the seeds.
    pub first_seed: u64,
    /// What happened there.
    pub sentences: String,
}

/// A rule that came first in some run, and those that were never found but behind it or another.
#[derive(Clone, Debug)]
pub struct Group<'a> {
    /// The rule, and its findings.
    pub head: (&'a str, &'a Caught),
    /// Rules that were first in no run, most often behind this one.
    pub behind: Vec<(&'a str, &'a Caught)>,
}

impl Catch {
    /// Adds what was found with a seed, in the order of time.
    pub fn add(&mut self, seed: u64, findings: Vec<Finding>) {
        let Some(first) = findings.first().map(|finding| finding.rule.clone()) else { return };
        for Finding { rule, sentences, times, .. } in findings {
            let is_first = rule == first;
            let caught = self.0.entry(rule).or_insert_with(|| Caught {
                seeds: 0,
                times: 0,
                first_in: 0,
                behind: BTreeMap::new(),
                first_seed: seed,
                sentences: sentences.clone(),
            });
            caught.seeds += 1;
            caught.times += times;
            if is_first {
                caught.first_in += 1;
            } else {
                *caught.behind.entry(first.clone()).or_default() += 1;
            }
            if seed < caught.first_seed {
                (caught.first_seed, caught.sentences) = (seed, sentences);
            }
        }
    }

    /// By rule.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Caught)> {
        self.0.iter().map(|(rule, caught)| (rule.as_str(), caught))
    }

    /// The rules that came first in some run, the most frequent first one before the others; behind each what was found only
    /// after something else, and most often after that.
    pub fn groups(&self) -> Vec<Group<'_>> {
        let heads = self.iter().filter(|(_, caught)| caught.first_in > 0);
        let mut groups: Vec<Group<'_>> = heads.map(|head| Group { head, behind: Vec::new() }).collect();
        groups.sort_by_key(|group| Reverse(group.head.1.first_in));
        for (rule, caught) in self.iter().filter(|(_, caught)| caught.first_in == 0) {
            let most = caught.behind.iter().max_by_key(|(head, seeds)| (**seeds, Reverse(*head)));
            let group = most.and_then(|(most, _)| groups.iter_mut().find(|group| group.head.0 == most));
            group.expect("what came first in some run is a head").behind.push((rule, caught));
        }
        groups
    }

    /// Whether anything was found for the rule.
    pub fn has(&self, rule: &str) -> bool {
        self.0.contains_key(rule)
    }
}

#[cfg(test)]
mod tests {
    use reveille_sim::run::Look;

    use super::*;
    use crate::example::ticker;

    /// What is told of a run that was clean, but ended like this, and in which machines panicked at these seconds.
    fn told(end: RunEnd, panics: &[u64]) -> Vec<(String, String)> {
        let look = Look { trace: false, until_ms: Some(1_000) };
        let mut outcome = ticker().run_with(&ticker().plan(0), look);
        outcome.end = end;
        outcome.panics.extend(panics.iter().map(|second| MachinePanic {
            machine: 4,
            at_ns: second * 1_000_000_000,
            message: "no row".to_owned(),
            location: "store.rs:7:9".to_owned(),
        }));
        of(&outcome).into_iter().map(|finding| (finding.rule, finding.sentences)).collect()
    }

    fn finding(rule: &str, sentences: &str) -> (String, String) {
        (rule.to_owned(), sentences.to_owned())
    }

    #[test]
    fn machines_that_panic_are_one_finding_beside_that_of_the_end() {
        assert_eq!(told(RunEnd::Completed, &[]), []);
        let panicked = |times: u64| {
            let sentences = format!(
                "Machine 4 panicked at 3.000 s: no row (store.rs:7:9). Its process was lost as in a crash and the run \
                 went on. Panics in this run: {times}."
            );
            finding("panic", &sentences)
        };
        assert_eq!(told(RunEnd::Completed, &[3]), [panicked(1)]);
        let of_the_world = RunEnd::Panicked {
            message: "no time".to_owned(),
            location: "world.rs:1:2".to_owned(),
            at_ns: 9_000_000_000,
        };
        assert_eq!(
            told(of_the_world, &[3, 5]),
            [
                panicked(2),
                finding(
                    "harness-panic",
                    "The simulated world itself panicked at 9.000 s: no time (world.rs:1:2)."
                ),
            ]
        );
    }

    #[test]
    fn a_run_that_gets_nowhere_says_how() {
        let at_ns = 12_500_000_000;
        assert_eq!(
            told(RunEnd::Standstill { at_ns, events: 7 }, &[]),
            [finding(
                "standstill",
                "Virtual time stands still at 12.500 s: 7 events happened there, and more follow."
            )]
        );
        assert_eq!(
            told(RunEnd::Livelock { events: 7 }, &[]),
            [finding(
                "livelock",
                "The run did not end within 7 events, far more than its plan needs: something is done again and again \
                 for ever."
            )]
        );
    }

    fn at(rule: &str, at_ns: u64) -> Finding {
        Finding { rule: rule.to_owned(), sentences: rule.to_lowercase(), violation: None, at_ns, times: 2 }
    }

    #[test]
    fn what_was_only_found_behind_something_else_stands_behind_it() {
        let mut catch = Catch::default();
        catch.add(4, vec![at("O1", 1), at("S3", 2), at("F4", 3)]);
        catch.add(2, vec![at("O1", 1), at("S3", 2)]);
        catch.add(3, vec![at("F4", 1)]);
        let groups: Vec<(&str, Vec<&str>)> = catch
            .groups()
            .into_iter()
            .map(|group| (group.head.0, group.behind.iter().map(|(rule, _)| *rule).collect()))
            .collect();
        assert_eq!(groups, [("O1", vec!["S3"]), ("F4", vec![])]);
        let s3 = catch.iter().find(|(rule, _)| *rule == "S3").expect("it was found").1;
        assert_eq!((s3.seeds, s3.times, s3.first_in, s3.first_seed), (2, 4, 0, 2));
        assert_eq!(s3.behind, BTreeMap::from([("O1".to_owned(), 2)]));
    }
}
