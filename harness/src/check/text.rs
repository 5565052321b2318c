//! What `check` says about a history: for people and for machines.

use std::fmt::Write as _;

use reveille_model::RULES;
use reveille_model::verdict::{Coverage, RuleId, Verdict, Violation};

use super::Checked;
use crate::causes::{self, Cause};
use crate::sheet::{Ink, Sheet};
use crate::story;

/// How many violations of one cause are told by place alone, behind the one that is told in full.
const PLACES_SHOWN_MAX: usize = 8;

/// The line of the file in which an event stands: the first line is the header.
pub(super) fn line(index: usize) -> usize {
    index + 2
}

/// For people.
pub(super) fn text(name: &str, checked: &Checked, required: &[RuleId], sheet: Sheet) -> String {
    let Checked { header, events, last_ns, has_end, verdict } = checked;
    let seed = header.seed.map_or(String::new(), |seed| format!(", seed {seed}"));
    let scenario = if header.scenario.is_empty() { "no name" } else { &header.scenario };
    let head = format!(
        "{name}: {events} events in {}, written by {} ({scenario}{seed})",
        story::seconds(*last_ns),
        header.product,
    );
    let mut text = format!("{}\n\n", sheet.paragraph(&head));
    for cause in causes::of(&verdict.violations) {
        text.push_str(&cause_text(&cause, sheet));
    }
    let mut lines = summary(verdict);
    lines.push_str(&coverage(verdict));
    if !has_end {
        line_of(
            &mut lines,
            "The history does not tell that the run is over (phase `end`): what has to happen at last was not judged.",
        );
    }
    let missing = checked.not_judged(required);
    if !missing.is_empty() {
        line_of(&mut lines, format_args!("Required and not judged: {}.", names(&missing)));
    }
    for line in lines.lines() {
        line_of(&mut text, sheet.paragraph(line));
    }
    text
}

/// One violation: its rule, by whom and when, and its sentences.
pub(super) fn violation_text(violation: &Violation, sheet: Sheet) -> String {
    let head = sheet.ink(Ink::Broken, format_args!("BROKEN: {}", violation.rule));
    let head = sheet.paragraph(&format!("{head}{}", place(violation)));
    format!("{head}\n{}\n", sheet.sentences(&violation.sentences))
}

/// A cause by its first violation, and where it was found again.
fn cause_text(cause: &Cause<'_>, sheet: Sheet) -> String {
    let mut text = violation_text(cause.violations[0], sheet);
    let again = &cause.violations[1..];
    if !again.is_empty() {
        let mut places: Vec<String> = again.iter().take(PLACES_SHOWN_MAX).map(|it| place(it)).collect();
        if again.len() > PLACES_SHOWN_MAX {
            places.push(format!(" {} times more", again.len() - PLACES_SHOWN_MAX));
        }
        line_of(&mut text, sheet.sentences(&format!("For the same reason:{}.", places.join(";"))));
    }
    if let Some((earlier, at_ns)) = cause.after {
        let at = story::seconds(at_ns);
        let hint = format!("The object had broken {earlier} at {at}, before this: this may follow from it.");
        line_of(&mut text, sheet.sentences(&hint));
    }
    text.push('\n');
    text
}

/// By whom and when, and which lines prove it.
fn place(violation: &Violation) -> String {
    let object = violation.object.as_ref().map_or(String::new(), |object| format!(" by {object}"));
    format!("{object} at {}, {}", story::seconds(violation.at_ns), lines(&violation.evidence))
}

fn line_of(text: &mut String, line: impl std::fmt::Display) {
    writeln!(text, "{line}").expect("writing to a string succeeds");
}

fn summary(verdict: &Verdict) -> String {
    let mut text = String::new();
    let broken = verdict.broken();
    let times: u64 = broken.values().sum();
    let counted = |counts: &std::collections::BTreeMap<RuleId, u64>| {
        counts.iter().map(|(rule, times)| format!("{rule} {times}")).collect::<Vec<_>>().join(", ")
    };
    if times > 0 {
        let word = if times == 1 { "violation" } else { "violations" };
        line_of(&mut text, format_args!("{times} {word}: {}.", counted(&broken)));
        if let Some(first) = verdict.violations.first().filter(|_| times > 1) {
            line_of(&mut text, format_args!("The first in time is {}{}.", first.rule, place(first)));
        }
    } else if verdict.is_judged() {
        text.push_str(
            "No rule of the contract was broken. What a scenario promises beside it is not judged here.\n",
        );
    } else {
        text.push_str(
            "Nothing was judged: the history has no run of alarm() and no result of a storage call that could be.\n",
        );
    }
    if !verdict.more.is_empty() {
        line_of(&mut text, format_args!("Not told one by one, only counted: {}.", counted(&verdict.more)));
    }
    for (relaxation, times) in &verdict.relaxed {
        line_of(
            &mut text,
            format_args!("Let pass by the profile {}, {times} times: {relaxation}.", verdict.profile),
        );
    }
    text
}

/// What was judged and what was not: no violation of a rule that was not checked says nothing about it.
fn coverage(verdict: &Verdict) -> String {
    let mut judged = 0;
    let mut untried = Vec::new();
    let (mut in_part, mut not_checked) = (Reasons::default(), Reasons::default());
    for rule in &RULES {
        let Some(coverage) = verdict.coverage.get(&rule.id) else { continue };
        match coverage {
            Coverage::NotChecked { why } => not_checked.add(why, rule.id),
            Coverage::Judged { .. } | Coverage::InPart { .. } if coverage.occasions() == 0 => {
                untried.push(rule.id);
            }
            Coverage::Judged { .. } => judged += 1,
            Coverage::InPart { except, .. } => {
                judged += 1;
                except.iter().for_each(|why| in_part.add(why, rule.id));
            }
        }
    }
    let mut text = format!(
        "Profile {}: {judged} of {} rules had an occasion to be broken.\n",
        verdict.profile,
        RULES.len()
    );
    if !untried.is_empty() {
        line_of(&mut text, format_args!("No occasion: {}.", names(&untried)));
    }
    for (head, Reasons(reasons)) in [("Checked in part", in_part), ("Not checked", not_checked)] {
        for (why, rules) in reasons {
            line_of(&mut text, format_args!("{head}: {}: {why}.", names(&rules)));
        }
    }
    text
}

/// Why rules were not judged, in the order of the first rule of each reason.
#[derive(Debug, Default)]
struct Reasons(Vec<(&'static str, Vec<RuleId>)>);

impl Reasons {
    fn add(&mut self, why: &'static str, rule: RuleId) {
        match self.0.iter_mut().find(|(other, _)| *other == why) {
            Some((_, rules)) => rules.push(rule),
            None => self.0.push((why, vec![rule])),
        }
    }
}

fn names(rules: &[RuleId]) -> String {
    rules.iter().map(|rule| rule.0).collect::<Vec<_>>().join(", ")
}

fn lines(evidence: &[usize]) -> String {
    let lines: Vec<String> = evidence.iter().map(|index| line(*index).to_string()).collect();
    format!("line{} {}", if lines.len() == 1 { "" } else { "s" }, lines.join(", "))
}

/// For machines.
pub(super) fn for_machines(name: &str, checked: &Checked, required: &[RuleId]) -> serde_json::Value {
    let Checked { header, events, last_ns, has_end, verdict } = checked;
    let violations = verdict.violations.iter().map(|violation| {
        let Violation { rule, object, at_ns, sentences, evidence } = violation;
        let lines: Vec<usize> = evidence.iter().map(|index| line(*index)).collect();
        serde_json::json!({
            "rule": rule, "object": object, "at_ns": at_ns, "sentences": sentences, "lines": lines,
        })
    });
    let lateness = &verdict.lateness;
    serde_json::json!({
        "file": name,
        "product": header.product,
        "scenario": header.scenario,
        "seed": header.seed,
        "events": events,
        "last_ns": last_ns,
        "has_end": has_end,
        "clean": verdict.is_clean(),
        "judged": verdict.is_judged(),
        "required_and_not_judged": checked.not_judged(required),
        "violations": violations.collect::<Vec<_>>(),
        "more": verdict.more,
        "profile": verdict.profile,
        "relaxed": verdict.relaxed,
        "coverage": verdict.coverage,
        "lateness": {
            "runs": lateness.samples(),
            "p50_ns": lateness.quantile(0.5),
            "p99_ns": lateness.quantile(0.99),
            "worst_ns": lateness.worst(),
        },
    })
}
